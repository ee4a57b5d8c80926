"""build/host/unit when a case goes wrong: the case is named, and no other suite is lost."""

import subprocess
import unittest

import ktap
import qemu

PROGRAM = qemu.BUILD / "host" / "unit"


@unittest.skipUnless(PROGRAM.is_file(), "build/host/unit is not built")
class BrokenSuites(unittest.TestCase):
    def run_with(self, case, *words):
        """(points of the broken suite, whether the suite behind it passed)"""
        globs = f"tests=selfcheck.pass,selfcheck.{case},ktap.globs*"
        run = subprocess.run([PROGRAM, globs, *words],
                             capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(run.returncode, 1)
        log = ktap.read_log(run.stdout)
        broken, sound = log.blocks[0].points
        self.assertEqual((broken.name, broken.is_ok, sound.name, sound.is_ok),
                         ("selfcheck", False, "ktap", True))
        self.assertEqual(log.counts(), log.totals)
        self.assertEqual([point.name for point in broken.children.points], ["pass", case])
        return broken.children.points

    def test_a_panic(self):
        points = self.run_with("assert")
        self.assertTrue(points[0].is_ok)
        self.assertRegex(" ".join(points[1].comments), "panic: .*selfcheck.c.* signal 6")

    def test_a_sanitizers_report(self):
        self.assertIn("exit status 1", self.run_with("null")[1].comments)

    def test_an_endless_loop(self):
        self.assertIn("no end within 1 s", self.run_with("hang", "limit=1")[1].comments)


if __name__ == "__main__":
    unittest.main()
