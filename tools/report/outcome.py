"""The report for programs: JSON with everything, JUnit with the tests."""

import json

import junit

from . import findings


def as_json(facts, results=None):
    passed, failed, skipped = facts.log.counts()
    known = findings.meanings()
    return {
        "verdict": facts.verdict(), "problems": facts.problems(), "version": facts.version(),
        "passed": passed, "failed": failed, "skipped": skipped,
        "failures": [{"name": " / ".join((*above, point.name)), "said": point.comments}
                     for above, point in facts.failures()],
        "skips": [{"name": " / ".join((*above, point.name)), "reason": point.skip_reason}
                  for above, point in facts.skips()],
        "findings": [{**row, "meaning": known.get(row.get("label"), "")}
                     for row in facts.findings()],
        "ledger": {"balances": facts.balances(), "firmware": facts.ledger("firmware"),
                   "usable": facts.ledger("usable")},
        "records": {kind: rows for kind, rows in facts.by_kind.items() if kind != "finding"},
        "steps": results["steps"] if results else [],
    }


def write_json(path, facts, results=None):
    path.write_text(json.dumps(as_json(facts, results), indent=1) + "\n", encoding="utf-8")


def write_junit(path, facts):
    top = junit.make_top()
    run = junit.add_suite(top, "run", facts.log.counts())
    junit.add_log(run, "run", facts.log)
    junit.add_verdict(run, "run", facts.problems(), facts.log.lines)
    junit.write(path, top)
