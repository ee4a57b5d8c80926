"""Makes the report of a run from its log: text on standard output, and files.

Everything but the verdict comes from the log's `@kind key=value` records. A log that is
not whole is refused with status 2, for half a report looks like a whole one; with
--unfinished it is drawn as far as it goes, and says so.
"""

import argparse
import json
import os
import pathlib
import sys

import ktap
import records

from . import benchmarks, facts as reading, lstopo, outcome, page, plain

REFUSED = 2
OF_A_LECTURE = {"event"}


class Refused(Exception):
    """No report can be made; the text says why."""


def parse_arguments(words):
    parser = argparse.ArgumentParser(prog="report",
                                     description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("log", type=pathlib.Path)
    parser.add_argument("--bench", type=pathlib.Path, help="the log of make bench")
    parser.add_argument("--lecture", type=pathlib.Path, help="the log of make lecture")
    parser.add_argument("--tests", type=pathlib.Path, help="test.json of make test")
    parser.add_argument("--html", type=pathlib.Path, help="write the page")
    parser.add_argument("--json", type=pathlib.Path, help="write everything as JSON")
    parser.add_argument("--junit", type=pathlib.Path, help="write the tests as JUnit XML")
    parser.add_argument("--lstopo", type=pathlib.Path, help="write the nodes as hwloc's XML")
    parser.add_argument("--unfinished", action="store_true",
                        help="draw a log that is not whole, too")
    return parser.parse_args(words)


def read_file(path):
    try:
        return path.read_bytes()
    except OSError as problem:
        raise Refused(f"{path}: {problem.strerror or problem}; make run writes the log") from None


def check_whole(missing, path, arguments):
    if missing and not arguments.unfinished:
        raise Refused(f"{path} is not whole: it lacks {' and '.join(missing)}; "
                      "--unfinished draws it as far as it goes")


def add_other_logs(facts, arguments):
    """What other runs have to tell, each of its own kind alone."""
    if arguments.bench:
        lines = ktap.clean_lines(read_file(arguments.bench))
        facts.by_kind["bench"] = benchmarks.rows_of_log(lines, records)
    if arguments.lecture and not facts.rows("event"):
        lecture = reading.read(read_file(arguments.lecture), arguments.lecture.name)
        check_whole(lecture.missing_end(), arguments.lecture, arguments)
        for kind in OF_A_LECTURE:
            facts.by_kind[kind] = lecture.rows(kind)


def read_results(path):
    try:
        return json.loads(read_file(path)) if path else None
    except ValueError as problem:
        raise Refused(f"{path}: {problem}") from None


def write(arguments, facts, results):
    """Yields what was written."""
    if arguments.json:
        outcome.write_json(arguments.json, facts, results)
        yield arguments.json
    if arguments.junit:
        outcome.write_junit(arguments.junit, facts)
        yield arguments.junit
    if arguments.lstopo:
        arguments.lstopo.write_text(lstopo.render(facts), encoding="utf-8")
        yield arguments.lstopo
    if arguments.html:
        arguments.html.write_text(page.render(facts, results), encoding="utf-8")
        yield arguments.html


def make_report(arguments):
    facts = reading.read(read_file(arguments.log), arguments.log.name)
    check_whole(facts.missing(), arguments.log, arguments)
    add_other_logs(facts, arguments)
    results = read_results(arguments.tests)
    try:
        written = list(write(arguments, facts, results))
    except OSError as problem:
        raise Refused(f"{problem.filename}: {problem.strerror}; is it another user's?") from None
    print("\n".join([*plain.lines(facts), *map(str, written)]), flush=True)


def main(words=None):
    try:
        make_report(parse_arguments(words))
    except (Refused, lstopo.NoTopology) as problem:
        print(f"report: {problem}", file=sys.stderr)
        return REFUSED
    except BrokenPipeError:     # nobody reads any more: nor would the interpreter's last flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
