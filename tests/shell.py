#!/usr/bin/python3
"""Types at run=shell through the serial line, and judges the answers.

A dialogue is one boot. Each turn waits for the prompt, types, and looks at what
came until the next prompt or the end. A machine that stops answering ends with
its boot's timeout; turns that were never answered count as failed.
"""

import dataclasses
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import ktap  # noqa: E402
import qemu  # noqa: E402

PROMPT = b"slabstick> "
TIMEOUT_S = 120
LINE_BYTES = 127                # the longest line the shell keeps
HELP = [r"^run ACTION .*\bselftest\b.*\bshell\b", r"^show TABLE .*\bbuddyinfo\b.*\baudit\b",
        r"^quit +ends the run"]


@dataclasses.dataclass
class Turn:
    name: str
    typed: bytes
    expected: list              # regular expressions, each of which a line must match
    refused: list = dataclasses.field(default_factory=list)     # none may
    answer: str | None = None

    def problems(self):
        if self.answer is None:
            return ["never answered"]
        return ([f"no line matches {pattern!r}" for pattern in self.expected
                 if not re.search(pattern, self.answer, re.MULTILINE)]
                + [f"a line matches {pattern!r}" for pattern in self.refused
                   if re.search(pattern, self.answer, re.MULTILINE)])


class Typist:
    """Feeds a dialogue to a machine: called with its output as it comes."""

    def __init__(self, turns):
        self.turns = turns
        self.nr_typed = 0
        self.heard = b""
        self.stdin, self.keyboard = os.pipe()

    def listen(self, data):
        self.heard += data
        if self.heard.endswith(PROMPT):
            self.finish_turn(self.heard[:-len(PROMPT)])
            if self.nr_typed < len(self.turns):
                os.write(self.keyboard, self.turns[self.nr_typed].typed)
                self.nr_typed += 1

    def finish_turn(self, heard):
        if self.nr_typed:
            self.turns[self.nr_typed - 1].answer = heard.decode("ascii", "replace").replace(
                "\r", "")
        self.heard = b""

    def close(self):
        """The last turn has no prompt behind it: the end is its answer."""
        if self.nr_typed == len(self.turns):
            self.finish_turn(self.heard)
        os.close(self.stdin)
        os.close(self.keyboard)


def dialogues():
    """Those of the tests, by name."""
    table = [r"^Node 0, zone +DMA\b", r"^Node 0, zone +DMA32\b"]
    is_over = [r"^ok 1 run=shell$", r"^1 passed, 0 failed, 0 skipped$"]
    return {
        "typing": [
            Turn("help", b"help\r", HELP),
            Turn("a table", b"show buddyinfo\r", table),
            Turn("a table of what the firmware said", b"show memmap\n", [r"mem00: "]),
            Turn("a table that is none", b"show nothing\r",
                 [r'show: "nothing": no table is called that'], HELP),
            Turn("an unknown command", b"frobnicate now\r", HELP),
            Turn("an unknown action", b"run nowhere\r",
                 [r'run: "nowhere": no action is called that'], HELP),
            Turn("a shell in the shell", b"run shell\r", HELP),
            Turn("every invariant", b"verify\r", [r"^every invariant holds$"]),
            Turn("nothing", b"\r", [r"\A\n\Z"]),
            Turn("blanks", b"   \r", HELP),
            Turn("corrected typing", b"show bb\x7f\x08buddyinfa\x08o\r", table),
            Turn("more corrected than typed", b"ab" + b"\x08" * 10 + b"verify\r",
                 [r"^every invariant holds$"]),
            Turn("keys that are none", b"\x00\x01\x1b[A\x1b[3~\xff\x80\x03\r",
                 [r"\x07", HELP[0]]),
            Turn("control-D inside a line", b"ver\x04ify\r", [r"\x07", r"^every invariant holds$"]),
            Turn("a line that is too long", b"x" * 300 + b"\r",
                 [rf"\Ax{{{LINE_BYTES}}}\x07{{{300 - LINE_BYTES}}}$", HELP[0]]),
            Turn("the end", b"quit\r", is_over),
        ],
        # Each run reports as a whole boot would, so the log of this one is no single report.
        "running": [
            Turn("an option", b"tests=glob_that_is_none\r", [], HELP),
            Turn("a run with it", b"run selftest\r", [r"no case matches"]),
            Turn("another option", b"tests=range.*\r", [], HELP),
            Turn("a run that passes", b"run selftest\r", [r"^ok 1 range$"], [r"^ *not ok"]),
            Turn("the end", b"quit\r", is_over),
        ],
        "hanging up": [
            Turn("a word", b"verify\r", [r"^every invariant holds$"]),
            Turn("control-D", b"\x04", is_over),
        ],
    }


def hold(name, turns):
    """Boots a machine for @turns. Returns the problems that are no turn's."""
    typist = Typist(turns)
    run = qemu.Run(qemu.even_machine(2, 512 << 20, 2), options="run=shell capture=no",
                   timeout_s=TIMEOUT_S)
    try:
        verdict, output, seconds = qemu.boot(run, typist.listen, typist.stdin)
    except qemu.CannotRun as problem:
        return [str(problem)]
    finally:
        typist.close()
    log = ROOT / "build" / "log" / f"shell-{name.replace(' ', '-')}.log"
    qemu.save_log(log, output)
    print(f"{name}: {len(turns)} turns in {seconds:.1f} s; log {log.relative_to(ROOT)}")
    if name == "running":
        status = verdict.exit_status
        return [] if status == ktap.STATUS_PASSED else [f"QEMU status {status}"]
    return verdict.reasons


def report(name, problems, answer=None):
    print(f"{'not ok' if problems else 'ok'} {name}")
    for problem in problems:
        print(f"  {problem}")
    if problems and answer is not None:
        print("".join(f"  | {line}\n" for line in answer.splitlines()[-20:]), end="")
    return not problems


def main():
    results = []
    for name, turns in dialogues().items():
        problems = hold(name, turns)
        results.append(report(f"{name}: the boot", problems))
        results += [report(f"{name}: {turn.name}", turn.problems(), turn.answer)
                    for turn in turns]
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
