"""Verdicts of the hosted benchmark."""

import contextlib
import io
import unittest

import bench_host


def figures_of(row, rounds, nr_others=0):
    """@rounds: {contestant: ns} of each."""
    figures = bench_host.Figures()
    for round_ in rounds:
        figures.nr_others.append(nr_others)
        for name, ns in round_.items():
            figures.add(name, f"@host row={row} allocator=x ns={ns:.2f} instructions=0.0\n")
    return figures


class Verdicts(unittest.TestCase):
    def judge(self, row, rounds, nr_others=0):
        """(whether the row passes, its line)"""
        figures = figures_of(row, rounds, nr_others)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            passed = bench_host.print_row(figures, row, ["ours", "limit"])
        return passed, out.getvalue()

    def test_a_slow_machine_misses_nothing(self):
        self.assertTrue(self.judge("repeat-64", [{"ours": 50, "limit": 40}] * 3)[0])
        self.assertFalse(self.judge("repeat-64", [{"ours": 50, "limit": 30}] * 3)[0])

    def test_a_lean_limit_makes_no_goal_harder(self):
        self.assertTrue(self.judge("repeat-64", [{"ours": 4.9, "limit": 1}] * 3)[0])

    def test_a_goal_is_not_missed_in_silence(self):
        passed, line = self.judge("repeat-64", [{"ours": 5.1, "limit": 3.3}] * 3)
        self.assertFalse(passed)
        self.assertIn("MISSED", line)

    def test_the_pace_is_that_of_the_round(self):
        rounds = [{"ours": 5, "limit": 3.3}, {"ours": 50, "limit": 33}, {"ours": 4, "limit": 3}]
        self.assertAlmostEqual(figures_of("repeat-64", rounds).paced("repeat-64"), 5)

    def test_more_scaling_is_better(self):
        self.assertTrue(self.judge("glibc-thread-scaling", [{"ours": 1.96, "limit": 2}])[0])
        self.assertFalse(self.judge("glibc-thread-scaling", [{"ours": 1.8, "limit": 2}])[0])

    def test_threads_are_not_judged_on_a_busy_machine(self):
        passed, line = self.judge("xmalloc-test", [{"ours": 90, "limit": 9}], nr_others=1)
        self.assertTrue(passed)
        self.assertIn("busy", line)
        self.assertFalse(self.judge("xmalloc-test", [{"ours": 90, "limit": 9}])[0])
        self.assertFalse(self.judge("repeat-64", [{"ours": 90, "limit": 9}], nr_others=1)[0])

    def test_the_best_library_is_none_of_ours(self):
        figures = figures_of("repeat-64", [{"ours": 1, "limit": 1, "libc": 9, "tcmalloc": 6}])
        self.assertEqual(figures.best_library("repeat-64"), ("tcmalloc", 6))


class Fragmentation(unittest.TestCase):
    def missed(self, row, percent):
        with contextlib.redirect_stdout(io.StringIO()):
            return bench_host.print_frag(f"@host row={row} allocator=ours percent={percent} "
                                         "possible=55.00 before=8.83 rounds=100 seed=1\n")

    def test_the_goal_is_for_the_row_that_has_one(self):
        self.assertEqual(self.missed("frag", "49.99"), 1)
        self.assertEqual(self.missed("frag", "50.00"), 0)
        self.assertEqual(self.missed("frag-single", "9.00"), 0)


if __name__ == "__main__":
    unittest.main()
