#!/usr/bin/python3
"""Checks that every numbered rule is stated once, checked by a verifier and broken by a test.

A rule is stated in the theory block of the file it is about: a line " *   BUDDY-3  ...".
A verifier names it in a string: REQUIRE("BUDDY-3", ...). A test names it in a string
too, when it breaks it and sees that the verifier tells: CHECK(breaks("BUDDY-3")). What
no verifier can check is not numbered.
"""

import collections
import re
import sys

import check_layers

# However it is indented: what begins a line like this is a rule, and counts.
STATED = re.compile(r"^\s*\*(?:[ \t]{2,}|\t)([A-Z]+-\d+)[ \t]", re.MULTILINE)
UNNAMED = re.compile(r"^\s*\*[ \t]{2,}([A-Z]{1,2}\d+)[ \t]{2,}", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
NAMED = re.compile(r'"([A-Z]+-\d+)"')
MENTIONED = re.compile(r"\b([A-Z]{3,}-\d+)\b")
# Words of this form that are no rules of ours.
FOREIGN = re.compile(r"^(?:UTF|SHA|ISO|IEC|RFC|CRC|BASE|PMD|SDM|AMD)-\d+$")
PROSE = (".c", ".h", ".S", ".md")


def is_test(name):
    return name.startswith("tests/")


def collect(files):
    """({rule: files that state it}, {rules of verifiers}, {rules of tests}, {rule: mentions})."""
    stated, mentioned = collections.defaultdict(list), collections.defaultdict(set)
    verified, broken = set(), set()
    for name, text in files:
        for rule in STATED.findall(text):
            stated[rule].append(name)
        if name.endswith((".c", ".h")):
            names = NAMED.findall(COMMENT.sub("", text))
            (broken if is_test(name) else verified).update(names)
        for rule in MENTIONED.findall(text):
            mentioned[rule].add(name)
    return stated, verified, broken, mentioned


def problems(files):
    for name, text in files:
        if name.endswith((".c", ".h", ".S")):
            for rule in UNNAMED.findall(text):
                yield f"{name}: {rule} is a rule without a subject: call it SUBJECT-n"
    stated, verified, broken, mentioned = collect(files)
    subjects = {rule.split("-", 1)[0] for rule in stated}
    for rule, names in sorted(stated.items()):
        if len(names) > 1:
            yield f"{rule} is stated {len(names)} times: {', '.join(names)}"
        if rule not in verified:
            yield f"{names[0]}: no verifier checks {rule}"
        if rule not in broken:
            yield f"{names[0]}: no test breaks {rule}"
    for rule in sorted((verified | broken) - set(stated)):
        yield f"{rule} is checked or broken, but no theory block states it"
    for rule, names in sorted(mentioned.items()):
        if rule.split("-", 1)[0] in subjects and rule not in stated and not FOREIGN.match(rule):
            yield f"{min(names)}: mentions {rule}, which is not stated"


def tree():
    for name in check_layers.tracked_files():
        if name.endswith(PROSE) and not name.startswith("tests/fuzz/corpus"):
            yield name, (check_layers.ROOT / name).read_text()


def main():
    found = list(problems(list(tree())))
    for problem in found:
        print(f"rules: {problem}", file=sys.stderr)
    if not found:
        stated = collect(list(tree()))[0]
        print(f"rules: {len(stated)} rules, each stated once, verified and broken by a test")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
