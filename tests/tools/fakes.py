"""Stand-ins for the programs the harness runs, and boots that went wrong, as they look."""

import contextlib
import io
import os
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

GOOD = """\
\x1b[2J\x1b[01;01HBdsDxe: starting Boot0001\r
Slabstick 0.0\r
KTAP version 1\r
1..2\r
  KTAP version 1\r
  # Subtest: buddy\r
  1..2\r
  # split\r  ok 1 split\r
  # merge\r  ok 2 merge # SKIP one page only\r
ok 1 buddy\r
  KTAP version 1\r
  # Subtest: slab\r
  1..1\r
  # on-slab\r  ok 1 on-slab\r
ok 2 slab\r
# Totals: pass:2 fail:0 xfail:0 xpass:0 skip:1 error:0\r
2 passed, 0 failed, 1 skipped\r
the ledger balances\r
"""

FAILED = GOOD.replace("  ok 1 on-slab", "  # mm/slab.c:7: x\r\n  not ok 1 on-slab").replace(
    "ok 2 slab", "not ok 2 slab").replace("2 passed, 0", "1 passed, 1")

# What QEMU printed, how it ended, and a part of what must be said about it.
BAD_BOOTS = {
    "a failed case": (FAILED, 35, "failed: slab / on-slab"),
    "the status of a failure, a log without one": (GOOD, 35, "QEMU status 35"),
    "the status of a pass, a log with a failure": (FAILED, 33, "failed: slab / on-slab"),
    "no plan": (GOOD.replace("1..2\r\n", "", 1), 33, "no plan"),
    "a plan too long": (GOOD.replace("1..2", "1..3", 1), 33, "promised 3 points and has 2"),
    "a suite's plan too long": (GOOD.replace("  1..2", "  1..3"), 33,
                                "suite buddy promised 3 points and has 2"),
    "a point missing": (GOOD.replace("  # split\r  ok 1 split\r\n", ""), 33,
                        "suite buddy promised 2 points and has 1"),
    "a point twice": (GOOD.replace("ok 2 merge", "ok 1 merge"), 33, "suite buddy promised"),
    "a failure hidden in a subtest": (GOOD.replace("  ok 1 on-slab", "  not ok 1 on-slab"), 33,
                                      "suite slab is ok though a case of it is not"),
    "totals that hide a failure": (FAILED.replace("1 passed, 1 failed", "2 passed, 0 failed"), 33,
                                   "the totals say"),
    "no totals": (GOOD.replace("2 passed, 0 failed, 1 skipped", ""), 33, "totals is missing"),
    "a panic in a case": (GOOD[:GOOD.index("\r  ok 1 on-slab")]
                          + "\r\nBail out! mm/slab.c:9 boom\r\n", 37,
                          "panic: mm/slab.c:9 boom in slab / on-slab"),
    "a panic because of a panic": (GOOD + "Bail out! first\r\nBail out! second\r\n", 37,
                                   "panic: first"),
    "a panic behind a pass": (GOOD + "Bail out! late\r\n", 33, "panic: late"),
    "a panic without a word": (GOOD + "Bail out!\r\n", 33, "panic: without a message"),
    "a log cut in its middle": (GOOD[:GOOD.index("  # Subtest: slab")], 33, "promised 2 points"),
    "a log cut in a line": (GOOD[:GOOD.index("skip:1 error")], 33, "totals is missing"),
    "garbage": ("\x00\xff\x7f\x1b[\x1b]0;x\x07ok\r\nnot ok\r\n1..\r\n" * 20, 33, "no KTAP"),
    "nothing": ("", 33, "no KTAP"),
    "a reset": (GOOD[:GOOD.index("ok 2 slab")], 0, "status 0"),
    "a QEMU that does not start": ("", 1, "QEMU ended with status 1: no such machine"),
    "a killed QEMU": (GOOD, 137, "QEMU ended with status 137"),
    "a bad run before a good one": (FAILED + GOOD, 33, "failed: slab / on-slab"),
    "a good run before a bad one": (GOOD + FAILED, 33, "failed: slab / on-slab"),
    "a run cut by the next": (GOOD[:GOOD.index("ok 2 slab")] + GOOD, 33, "was not finished"),
}

GOOD_BOOTS = {"a good run": GOOD, "two good runs": GOOD + GOOD[GOOD.index("KTAP"):]}


class FakePrograms(unittest.TestCase):
    """A folder for scripts, and QEMU and its firmware among them."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.image = self.folder / "x.img"
        self.image.write_text("image")
        environment = {"QEMU": str(self.folder / "qemu"), "OVMF": str(self.image)}
        patch = unittest.mock.patch.dict(os.environ, environment)
        patch.start()
        self.addCleanup(patch.stop)
        for name in ("MACHINE", "OPTIONS", "TIMEOUT", "QEMUEXTRA", "BENCH", "CPUS", "MEM", "NODES"):
            os.environ.pop(name, None)

    def script(self, name, text):
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    def fake_qemu(self, log, status=33, tail=""):
        """A QEMU that prints @log, does @tail and ends with @status."""
        (self.folder / "said").write_bytes(log.encode("latin-1"))
        self.script("qemu", f"cat {self.folder}/said; echo no such machine >&2\n{tail}\n"
                            f"exit {status}")

    def call(self, main, *words):
        """(status, output) of a program's main()."""
        out = io.StringIO()
        # Some write bytes.
        out.buffer = unittest.mock.Mock(write=lambda data: out.write(data.decode("latin-1")),
                                        flush=lambda: None)
        with unittest.mock.patch.object(sys, "argv", ["program", *map(str, words)]), \
                unittest.mock.patch.object(sys, "stdin", io.StringIO()), \
                contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                status = main()
            except SystemExit as end:
                status = end.code
        return status, out.getvalue()
