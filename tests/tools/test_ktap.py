"""The verdict: each of status, plan and panic alone must be able to fail a boot."""

import unittest

import ktap

GOOD = """\
\x1b[2J\x1b[01;01HBdsDxe: starting Boot0001\r
efi: mem00: usable range=[0x0-0xfff] (0MB)\r
KTAP version 1\r
1..2\r
  KTAP version 1\r
  # Subtest: buddy\r
  1..2\r
  # seed=7\r
  ok 1 freeing both halves restores the block\r
  ok 2 split # SKIP one page only\r
ok 1 buddy\r
  KTAP version 1\r
  # Subtest: slab\r
  1..1\r
  ok 1 on-slab\r
ok 2 slab\r
# Totals: pass:2 fail:0 xfail:0 xpass:0 skip:1 error:0\r
2 passed, 0 failed, 1 skipped\r
"""


def judge(text=GOOD, status=33, **ending):
    return ktap.judge(text, ktap.Ending(status, **ending))


class Verdicts(unittest.TestCase):
    def expect_failure(self, verdict, *texts):
        self.assertFalse(verdict.is_passed)
        for text in texts:
            self.assertIn(text, verdict.text())

    def test_a_complete_log_with_status_33_passes(self):
        verdict = judge()
        self.assertTrue(verdict.is_passed, verdict.text())
        self.assertEqual(verdict.log.counts(), (2, 0, 1))

    def test_bytes_are_as_good_as_text(self):
        self.assertTrue(judge(GOOD.encode()).is_passed)

    def test_a_truncated_log_fails_whatever_the_status(self):
        lines = GOOD.splitlines(keepends=True)
        for length in range(len(lines)):
            self.assertFalse(judge("".join(lines[:length])).is_passed, lines[length])

    def test_a_missing_point_is_named(self):
        text = GOOD.replace("  ok 2 split # SKIP one page only\r\n", "")
        self.expect_failure(judge(text), "suite buddy promised 2 points and has 1")

    def test_an_unfinished_suite_is_reported(self):
        self.expect_failure(judge(GOOD[:GOOD.index("ok 2 slab")]),
                            "promised 2 points and has 1", "a suite was not finished")

    def test_a_failed_case_fails_and_is_named(self):
        text = GOOD.replace("  ok 1 on-slab", "  # mm/slab/slab.c:7: x is 1\r\n  not ok 1 on-slab")
        text = text.replace("ok 2 slab", "not ok 2 slab").replace("2 passed, 0", "1 passed, 1")
        verdict = judge(text, 35)
        self.expect_failure(verdict, "QEMU status 35", "failed: slab / on-slab")
        failed = [point for _, point in verdict.log.cases() if not point.is_ok]
        self.assertEqual(failed[0].comments, ["mm/slab/slab.c:7: x is 1"])

    def test_the_first_plan_counts(self):
        self.expect_failure(judge(GOOD.replace("1..2", "1..3\r\n1..2", 1)), "promised 3 points")

    def test_a_skip_needs_no_reason_to_be_one(self):
        self.assertEqual(judge(GOOD.replace("# SKIP one page only", "# SKIP")).log.counts(),
                         (2, 0, 1))
        self.assertEqual(judge(GOOD.replace("# SKIP one page only", "# skip it")).log.counts(),
                         (2, 0, 1))

    def test_numbers_count_from_one_without_a_gap(self):
        for old, new in (("ok 1 freeing", "ok 2 freeing"), ("ok 2 split", "ok 3 split"),
                         ("ok 2 split", "ok 1 split"), ("ok 1 buddy", "ok 2 buddy")):
            self.expect_failure(judge(GOOD.replace(old, new)), "promised 2 points")

    def test_a_suite_that_hides_a_failed_case_fails(self):
        text = GOOD.replace("  ok 1 on-slab", "  not ok 1 on-slab")
        self.expect_failure(judge(text), "suite slab is ok though a case of it is not")

    def test_totals_must_agree_with_the_points(self):
        self.expect_failure(judge(GOOD.replace("2 passed", "3 passed")), "totals")

    def test_a_panic_fails_even_with_a_passing_status(self):
        self.expect_failure(judge(GOOD + "Bail out! mm/page/buddy.c:9 assertion failed: x\r\n"),
                            "panic: mm/page/buddy.c:9 assertion failed: x")

    def test_a_timeout_fails_though_the_log_is_complete(self):
        self.expect_failure(judge(status=-15, timed_out=ktap.TIMEOUT_BOOT, timeout_s=5),
                            "timeout: no end within 5 s")

    def test_a_triple_fault_is_told_from_a_power_off(self):
        self.expect_failure(judge(status=0, is_triple_fault=True), "triple fault")
        self.expect_failure(judge(status=0), "status 0")

    def test_statuses_of_qemu_itself_fail(self):
        self.expect_failure(judge(status=1, errors="no such machine"), "no such machine")
        self.expect_failure(judge(status=-9), "signal 9")
        self.expect_failure(judge(status=37), "panic")

    def test_an_empty_log_fails(self):
        self.expect_failure(judge(""), "no KTAP")

    def test_of_two_runs_both_count(self):
        self.assertEqual(judge(GOOD + GOOD).log.counts(), (4, 0, 2))
        self.assertTrue(judge(GOOD + GOOD).is_passed)
        bad = GOOD.replace("  ok 1 on-slab", "  not ok 1 on-slab")
        self.expect_failure(judge(bad + GOOD), "slab / on-slab")
        self.expect_failure(judge(GOOD[:GOOD.index("ok 2 slab")] + GOOD), "was not finished")

    def test_the_running_case_is_named(self):
        begun = GOOD[:GOOD.index("  ok 1 on-slab")] + "  # on-slab"
        self.expect_failure(judge(begun, -15, timed_out=ktap.TIMEOUT_CASE, timeout_s=9),
                            "timeout: slab / on-slab has not ended within 9 s")
        self.expect_failure(judge(begun, -15, timed_out=ktap.TIMEOUT_BOOT, timeout_s=9),
                            "timeout: no end within 9 s, QEMU was killed while slab / on-slab ran")
        self.expect_failure(judge(begun + "\r\nBail out! boom\r\n", 37),
                            "panic: boom in slab / on-slab")
        self.assertEqual(judge(GOOD + "Bail out! boom\r\n", 37).reasons[-1], "panic: boom")

    def test_the_name_of_the_running_case_is_no_comment_of_it(self):
        text = GOOD.replace("  # seed=7",
                            "  # freeing both halves restores the block\r\n  # seed=7")
        point = next(point for _, point in judge(text).log.cases())
        self.assertEqual(point.comments, ["seed=7"])
        text = GOOD.replace("  ok 1 on-slab", "  # on-slab\r  ok 1 on-slab")
        self.assertTrue(judge(text).is_passed)
        self.assertEqual(judge(text).log.lines, judge().log.lines)

    def test_noise_between_the_lines_does_no_harm(self):
        text = GOOD.replace("ok 2 slab", "buddyinfo: Node 0\r\nok of sorts\r\nok 2 slab")
        self.assertTrue(judge(text).is_passed)


class Paint(unittest.TestCase):
    PAINTED = b"\x1b[2J\x1b[01;01H\x1b[=3hBds\x1b(0Dxe\x07: \x1b[0m1\r\n"

    def test_sequences_are_cut_wherever_the_pieces_end(self):
        for size in range(1, len(self.PAINTED) + 1):
            remover = ktap.PaintRemover()
            pieces = [remover.feed(self.PAINTED[at:at + size])
                      for at in range(0, len(self.PAINTED), size)]
            self.assertEqual(b"".join(pieces), b"BdsDxe\x07: 1\r\n", size)

    def test_text_is_not_held_back(self):
        remover = ktap.PaintRemover()
        self.assertEqual(remover.feed(b"slabstick> "), b"slabstick> ")

    def test_a_saved_log_is_clean_lines(self):
        self.assertEqual(ktap.clean_text(bytearray(b"\x1b[2Ja\r\n  # x\r  ok 1 x\r\nend")),
                         b"a\n  ok 1 x\nend")


if __name__ == "__main__":
    unittest.main()
