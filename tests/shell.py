#!/usr/bin/python3
"""Types at run=shell through the serial line, and judges the answers.

A dialogue is one boot. Each turn waits for the prompt, types, and looks at what
came until the next prompt or the end. A machine that stops answering ends with
its boot's timeout; turns that were never answered count as failed.
"""

import argparse
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
TIMEOUT_S = 300
LINE_BYTES = 127                # the longest line the shell keeps
HELP = [r"^run ACTION .*\bselftest\b.*\bshell\b", r"^show TABLE .*\bbuddyinfo\b.*\baudit\b",
        r"^quit +ends the run"]
# Rules that `break` breaks, and the verifier must name.
BREAKABLE = ["BUDDY-4", "CACHE-1", "PAGEBLOCK-1", "RECLAIM-2", "SLAB-4", "SYSTEM-2", "ZONE-2",
             "ZONE-7"]


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


def session():
    """Sixty commands, errors among them; at the end every page is where it was."""
    def turn(line, *expected):
        return Turn(line, line.encode() + b"\r", list(expected))

    return [
        turn("help", HELP[0], r"^alloc +order=N node=N", r"^break +RULE"),
        turn("alloc order=2 node=1", r"^1: frame 0x[0-9a-f]+, order 2, node 1, at 0xffff888"),
        turn("alloc order=6", r"^2: frame 0x[0-9a-f]+, order 6, node 0"),
        turn("alloc order=11", r"^refused: the largest order is 10$"),
        turn("alloc node=7", r"^refused: nodes are 0 to 1$"),
        turn("alloc order=two", r"^usage: alloc order=2 node=1$"),
        turn("alloc ordr=5", r'^refused: alloc has no use for "ordr=5"; it takes order=N node=N$'),
        turn("alloc 5", r'^refused: alloc has no use for "5"; it takes order=N node=N$'),
        turn("kmalloc 100 200", r'^refused: kmalloc has no use for "200"; it takes BYTES$'),
        turn("kmalloc 1 2 3 4 5 6", r"^refused: a line has up to 6 words of up to 31 letters$"),
        turn("cache create " + 32 * "a" + " 24", r"^refused: a line has up to 6 words of up to"),
        turn("kmalloc 100", r"^3: 0xffff888[0-9a-f]+, 112 bytes usable$"),
        turn("kmalloc", r"^usage: kmalloc 100$"),
        turn("kmalloc 0", r"^refused: 1 to 4194304 bytes$"),
        turn("kmalloc 4G", r"^refused: 1 to 4194304 bytes$"),
        turn("cache create points 24", r"^4: cache points of 24 bytes$"),
        turn("cache create points 32", r"^refused: there is a cache of that name$"),
        turn("cache alloc points", r"^5: 0xffff888[0-9a-f]+ of points$", r"slab +of points"),
        turn("cache alloc lines", r'^no cache made here is called "lines"$'),
        turn("cache", r"^usage: cache create"),
        turn("draw slab points", r"^points: \d+ objects of 24 bytes", r"partial 0xffff"),
        turn("draw slab nothing", r'^no cache is called "nothing"'),
        turn("free 4", r"^refused: the cache has objects in use"),
        turn("free 5"),
        turn("free 4"),
        turn("free 4", r"^nothing is kept under 4$"),
        turn("free x", r"^usage: free NUMBER, free all$"),
        turn("vmalloc 64K", r"^4: 0xffffc900[0-9a-f]+, 16 pages$"),
        turn("whatis 0xffffc90000001000", r"^0xffffc90000001000: "),
        turn("walk 0xffffc90000001000", r"PML4 at 0x", r"PT   at 0x", r"page of 4 KiB"),
        turn("walk 0x1000000000000", r"^refused: not canonical"),
        turn("walk", r"^usage: walk ADDRESS$"),
        turn("whatis 0xffff888001000000", r"pfn 0x1000: node 0, zone DMA32"),
        turn("whatis 5", r"^0x5: no memory of the direct map or the vmalloc space$"),
        turn("draw buddy", r"order 10 \|", r"^node 1 DMA32$"),
        turn("draw node", r"^node 0 DMA32 +0x0*1000000 \|"),
        turn("draw vmalloc", r"^\d+ areas$"),
        turn("draw buddy points", r"^usage: draw buddy"),
        turn("draw circle", r"^usage: draw buddy"),
        turn("fill node=1", r"^node 1: \d+ blocks of order 10 taken"),
        turn("free all", r"^all is given back$"),
        *(turn(f"break {rule}", rf"verify: rule {rule} is broken at ",
               r"the verifier has found it$", r"^mended: every invariant holds$")
          for rule in BREAKABLE),
        turn("break MY-1", "^usage: break RULE, one of " + " ".join(BREAKABLE) + "$"),
        turn("stress 1", r"^stress: 1 of 1 s, every invariant holds$"),
        turn("slide compound", r"^==== Slide 12\.", r"^@exercise chapter=compound number=2 "),
        turn("slide 99", r'lecture: "99": no chapter is called that'),
        turn("movablecore=1G", r"^refused: movablecore= does nothing here: zones are made before"),
        turn("colour=red", r'"colour=red": '),
        turn("aloc order=1", r'^unknown command "aloc"; did you mean "alloc"\?$'),
        turn("events 3", r"^@event number=\d+ ns=\d+ cpu=\d+ node=\d+ kind=\w+ at=0x",
             r"^\d+ events so far$"),
        turn("verify", r"^every invariant holds$"),
        turn("quit now", r'^refused: quit has no use for "now"$'),
        turn("verify all", r'^refused: verify has no use for "all"$'),
        turn("show", r"^refused: show needs a word; `help` lists them$"),
        turn("quit", r"^the ledger balances$", r"^ok 1 run=shell$"),
    ]


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
            Turn("an unknown command", b"frobnicate now\r",
                 [r'^unknown command "frobnicate"; `help` lists them$'], HELP),
            Turn("an unknown action", b"run nowhere\r",
                 [r'run: "nowhere": no action is called that'], HELP),
            Turn("a shell in the shell", b"run shell\r", [r"^refused: this is the shell$"], HELP),
            Turn("every invariant", b"verify\r", [r"^every invariant holds$"]),
            Turn("stress without an end", b"stress=999999999999\r", []),
            Turn("stress ends on a key", b"run stress\rq",
                 [r"stress: ended by a key$", r"^@stress .* operations=[1-9]", r"stress: passed$"]),
            Turn("nothing", b"\r", [r"\A\n\Z"]),
            Turn("blanks", b"   \r", [r"\A   \n\Z"]),
            Turn("corrected typing", b"show bb\x7f\x08buddyinfa\x08o\r", table),
            Turn("more corrected than typed", b"ab" + b"\x08" * 10 + b"verify\r",
                 [r"^every invariant holds$"]),
            Turn("keys that are none", b"\x00\x1b[3~\xff\x80verify\r",
                 [r"\x07\x07\x07\x07", r"^every invariant holds$"]),
            Turn("control-C takes the line back", b"quit\x03", [r"\^C$"]),
            Turn("the cursor inside a line", b"vify\x1b[D\x1b[D\x1b[Der\r",
                 [r"^every invariant holds$"]),
            Turn("both ends of a line", b"erify\x01v\x05x\x08\r", [r"^every invariant holds$"]),
            Turn("a deleted character", b"verrify\x01\x1b[C\x1b[C\x1b[3~\r",
                 [r"^every invariant holds$"]),
            Turn("what is cut off", b"verify nonsense\x1b[D" + b"\x1b[D" * 8 + b"\x0b\r",
                 [r"^every invariant holds$"]),
            Turn("history", b"\x1b[A\r", [r"^every invariant holds$"]),
            Turn("history, and back to what was begun", b"ver\x1b[A\x1b[Bify\r",
                 [r"^every invariant holds$"]),
            Turn("completion", b"ver\t\r", [r"^every invariant holds$"]),
            Turn("completion of a table", b"show budd\t\r", table),
            Turn("control-D inside a line", b"ver\x04ify\r", [r"\x07", r"^every invariant holds$"]),
            Turn("a line that is too long", b"x" * 300 + b"\r",
                 [rf"\Ax{{{LINE_BYTES}}}\x07{{{300 - LINE_BYTES}}}$", r'^unknown command "x']),
            Turn("the end", b"quit\r", is_over),
        ],
        "by hand": session(),
        "scripted": None,       # nobody types
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


# Longer than any line, with one line that is too long itself.
SCRIPT = 'script="' + " | ".join([
    "alloc order=3", "aloc", "draw node", *(12 * ["whatis 0xffff888001000000"]),
    (LINE_BYTES + 1) * "x", LINE_BYTES * "y", "free all", "quit now", "quit"]) + '"'


def scripted():
    """The same from an option, as it stands in slabstick.cfg: nobody types."""
    run = qemu.Run(qemu.even_machine(2, 512 << 20, 2),
                   options=f"run=shell capture=no {SCRIPT}", timeout_s=TIMEOUT_S)
    verdict, output, _ = qemu.boot(run)
    text = output.decode("ascii", "replace").replace("\r", "")
    expected = [r"^slabstick> alloc order=3\n1: frame 0x", r'^unknown command "aloc"',
                r"^slabstick> draw node\nnode 0",
                r"^(slabstick> whatis 0x.*\npfn 0x.*\n0x.*\n){12}",
                rf"^slabstick> x+\nrefused: a line has up to {LINE_BYTES} letters$",
                r"^slabstick> y+\nunknown command ", r"^slabstick> free all\nall is given back$",
                r"^slabstick> quit now\nrefused: .*\nslabstick> quit$", r"^ok 1 run=shell$"]
    turn = Turn("script=", b"", expected, answer=text)
    return list(verdict.reasons) + turn.problems()


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
    table = dialogues()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="DIALOGUE",
                        help=f"of {', '.join(table)}; default: all")
    names = parser.parse_args().names or list(table)
    if not table.keys() >= set(names):
        parser.error(f"dialogues are: {', '.join(table)}")
    results = []
    for name, turns in ((name, table[name]) for name in names):
        if turns is None:
            results.append(report(name, scripted()))
            continue
        problems = hold(name, turns)
        results.append(report(f"{name}: the boot", problems))
        results += [report(f"{name}: {turn.name}", turn.problems(), turn.answer)
                    for turn in turns]
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
