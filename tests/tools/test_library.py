"""The hosted library in programs that do what programs do: fork, threads, many areas."""

import pathlib
import signal
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HOST = ROOT / "build" / "host"


class Programs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.program = pathlib.Path(folder.name) / "program"
        subprocess.run(["gcc", "-std=gnu11", "-O1", "-Wall", "-Werror", "-mprfchw",
                        f"-I{HOST / 'include'}", ROOT / "tests" / "host" / "lib" / "programs.c",
                        HOST / "libslabstick.a", "-pthread", "-o", cls.program],
                       check=True, timeout=300)

    def lines_of(self, word):
        run = subprocess.run([self.program, word], capture_output=True, text=True, timeout=300,
                             check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return run.stdout.splitlines(), run.stderr

    def test_a_child_is_told_that_it_has_no_arena_and_the_parents_is_whole(self):
        lines, errors = self.lines_of("fork")
        self.assertEqual(lines, [f"signal {int(signal.SIGABRT)}", "own: child", "signal 0",
                                 "parent"])
        self.assertIn("a child of fork() has no arena", errors)

    def test_threads_start_themselves_and_leave_their_places(self):
        self.assertEqual(self.lines_of("threads")[0], ["done"])

    def test_more_threads_than_places_get_nothing_and_lose_nothing(self):
        self.assertEqual(self.lines_of("many")[0], ["63 got memory"])

    def test_threads_that_sleep_keep_little_from_others(self):
        lines, errors = self.lines_of("idle")
        self.assertEqual(lines, ["little", "little"], errors)

    def test_areas_end_with_null_where_linux_grants_no_more_mappings(self):
        self.assertEqual(self.lines_of("areas")[0], ["20000 areas", "then NULL", "then more"])


if __name__ == "__main__":
    unittest.main()
