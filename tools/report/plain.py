"""The report as text, for a terminal: the page's contents without its pictures."""

from . import benchmarks, uses
from .tests import name_of


def lines(facts):
    passed, failed, skipped = facts.log.counts()
    yield f"{facts.verdict()}: {passed} passed, {failed} failed, {skipped} skipped"
    yield from (f"  {problem}" for problem in facts.problems())
    yield from (f"  failed: {name_of(*case)}" for case in facts.failures())
    for row in facts.findings():
        yield f"  {row.get('severity', ''):6} {row.get('label', ''):22} {row.get('text', '')}"
    for key, pages in facts.ledger("usable").items():
        yield f"  {uses.use_words(key):32} {pages:12} pages"
    for name, value, unit, _, linux in benchmarks.compared(facts):
        beside = f", Linux {benchmarks.figure(linux)}" if linux else ""
        yield f"  {name:28} {benchmarks.figure(value):>12} {unit}{beside}"
