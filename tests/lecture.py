#!/usr/bin/python3
"""Plays the lecture on two machines and compares what they say.

The exercises' answers are computed by the running machine: on one with other nodes,
sizes and distances they are others. The console holds the lecture and nothing else.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import qemu  # noqa: E402

TIMEOUT_S = 300
NR_SLIDES = 13
# Firmware's own, the program's first words, and a warning or two.
MAX_LINES_BEFORE = 12
# Answers that are arithmetic on the slide's own numbers are alike everywhere.
DIFFERENT = {("xv6", 2), ("mem_map", 1), ("mem_map", 2), ("bitmap", 1), ("bitmap", 2),
             ("numa", 1), ("numa", 2), ("pglist_data", 1), ("pglist_data", 2), ("zones", 2)}
EXERCISE = re.compile(r"^@exercise chapter=(\w+) number=(\d) answer=(\d+)$", re.MULTILINE)


def machines():
    """One node of 512 MiB; three of different sizes, the last far away."""
    mib = 1 << 20
    return {
        "one node": qemu.Machine(cpus=2, memory_bytes=512 * mib),
        "three nodes": qemu.Machine(
            cpus=3, memory_bytes=896 * mib,
            nodes=[qemu.Node(384 * mib, "0"), qemu.Node(256 * mib, "1"),
                   qemu.Node(256 * mib, "2")],
            distances=[[10, 31, 17], [31, 10, 25], [17, 25, 10]]),
    }


def play(name, machine):
    """The lecture's text; problems are printed and counted."""
    run = qemu.Run(machine, options="run=lecture capture=no", timeout_s=TIMEOUT_S)
    verdict, output, seconds = qemu.boot(run, lambda data: None)
    log = ROOT / "build" / "log" / f"lecture-{name.replace(' ', '-')}.log"
    qemu.save_log(log, output)
    text = output.decode("ascii", "replace").replace("\r", "")
    print(f"{name}: {seconds:.1f} s; log {log.relative_to(ROOT)}")
    return text, list(verdict.reasons)


def judge(name, text):
    """Names of what holds, and whether it does."""
    before = [line for line in text.split("==== Slide 1.")[0].splitlines() if line.strip()]
    answers = EXERCISE.findall(text)
    return [
        (f"{name}: nothing but the lecture before slide 1 ({len(before)} lines)",
         len(before) <= MAX_LINES_BEFORE),
        (f"{name}: {NR_SLIDES} slides", len(re.findall(r"^==== Slide \d+\.", text, re.M))
         == NR_SLIDES),
        (f"{name}: two exercises each", len(answers) == 2 * NR_SLIDES),
        (f"{name}: each claims and asks", len(re.findall(r"^Claim: ", text, re.M)) == NR_SLIDES
         and len(re.findall(r"^Predict: ", text, re.M)) >= NR_SLIDES - 3),
        (f"{name}: a split and its merges were seen",
         "    split    frame" in text and "    merge    frame" in text),
        (f"{name}: no check says no", not re.search(r"\bNOT?\b|DOES NOT|INSIDE", text)),
    ]


def answers_of(text):
    return {(chapter, int(number)): int(answer)
            for chapter, number, answer in EXERCISE.findall(text)}


def main():
    results, texts = [], {}
    for name, machine in machines().items():
        texts[name], reasons = play(name, machine)
        results.append((f"{name}: the boot {' '.join(reasons)}".rstrip(), not reasons))
        results += judge(name, texts[name])
    one, other = (answers_of(text) for text in texts.values())
    for key in sorted(DIFFERENT):
        results.append((f"exercise {key[0]} {key[1]}: another machine, another answer",
                        key in one and key in other and one[key] != other[key]))
    results.append(("three nodes: the nearest is not the next by number",
                    other.get(("numa", 1)) == 2 and other.get(("numa", 2)) == 17))
    for name, is_ok in results:
        print(f"{'ok' if is_ok else 'not ok'} {name}")
    failed = sum(not is_ok for _, is_ok in results)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
