"""Budgets, records and the report."""

import tomllib
import types
import unittest

import bench
import fakes
import ktap
import records
import report


class Records(unittest.TestCase):
    def test_words_and_quoted_values(self):
        lines = ["@zone nid=0 name=DMA32 free_pages=7\r", 'noise', "@finding text=\"a b\" x=1",
                 "@ not a record", "mail@example.org a=b"]
        self.assertEqual(list(records.read_records(lines)), [
            ("zone", {"nid": "0", "name": "DMA32", "free_pages": "7"}),
            ("finding", {"text": "a b", "x": "1"})])


class Budgets(unittest.TestCase):
    ROWS = [{"name": "a", "budget": 45, "linux": 703}, {"name": "c", "budget": 3, "min": 3},
            {"name": "b", "times": {"row": "a", "factor": 2}}]

    def problems(self, values):
        return {row.name: row.problem() for row in bench.make_rows(self.ROWS, {"bench": values})}

    def test_within_budget(self):
        self.assertEqual(self.problems({"a": 45, "b": 90, "c": 3}), {"a": "", "b": "", "c": ""})

    def test_over_budget_below_and_missing(self):
        self.assertEqual(self.problems({"a": 45.01, "c": 2.99}),
                         {"a": "OVER", "b": "MISSING", "c": "BELOW"})

    def test_a_multiple_follows_its_base(self):
        self.assertEqual(self.problems({"a": 40, "b": 81, "c": 3})["b"], "OVER")

    def test_rows_without_a_budget_are_shown_and_pass(self):
        self.assertEqual(self.problems({"a": 1, "b": 1, "c": 3, "a_irqsafe": 9})["a_irqsafe"], "")

    def test_choosing_a_multiple_chooses_its_base(self):
        self.assertEqual([row["name"] for row in bench.chosen_rows(self.ROWS, "b")], ["a", "b"])

    def test_rows_of_another_image_lose_their_suffix_there(self):
        row = {"name": "a_irqsafe"}
        self.assertEqual(bench.name_in_image(row, {"suffix": "_irqsafe"}), "a")
        self.assertEqual(bench.name_in_image(row, {}), "a_irqsafe")

    def test_an_image_that_does_not_say_what_it_should_is_refused(self):
        verdict = types.SimpleNamespace(log=ktap.read_log("cpu: the lock is empty\n"))
        bench.check_image("m", {"expect": ["lock is empty$"]}, verdict)
        with self.assertRaises(bench.Failed):
            bench.check_image("m", {"expect": ["keeps interrupts away"]}, verdict)

    def test_a_list_too_long_for_the_image_becomes_all_rows(self):
        self.assertEqual(bench.image_globs(["a", "b"], "?"), "a,b")
        self.assertIsNone(bench.image_globs(["a", "b"], None))
        self.assertIsNone(bench.image_globs(["a" * 100] * 9, "*"))

    def test_the_table_of_budgets_is_well_formed(self):
        table = tomllib.loads(bench.BUDGETS.read_text())
        machines = set(table["machine"])
        seen = set()
        for row in table["row"]:
            self.assertTrue({"name"} <= set(row) <= {"name", "budget", "linux", "machine",
                                                     "times", "min"}, row)
            self.assertIn(row.get("machine", "bench"), machines)
            key = row.get("machine"), row["name"]
            self.assertNotIn(key, seen)
            seen.add(key)


class Reports(unittest.TestCase):
    LOG = ('@finding label=A severity=low text="<one>"\n@finding label=B severity=high\n'
           "@zone nid=0\nKTAP version 1\n1..1\nnot ok 1 x\n0 passed, 1 failed, 0 skipped\n")

    def test_findings_come_first_and_the_severe_ones_before(self):
        log = ktap.read_log(self.LOG)
        groups = report.group_records(log.lines)
        self.assertEqual(list(groups), ["finding", "zone"])
        self.assertEqual([row["label"] for row in groups["finding"]], ["B", "A"])

    def test_html_is_escaped_and_tells_failures(self):
        log = ktap.read_log(self.LOG)
        text = "\n".join(report.html_report(log, report.group_records(log.lines)))
        self.assertIn("&lt;one&gt;", text)
        self.assertIn("failed: x", text)


class ReportProgram(fakes.FakePrograms):
    def report_of(self, log):
        path = self.folder / "run.log"
        path.write_text(log)
        page = self.folder / "report.html"
        status, said = self.call(report.main, path, "--html", page)
        return status, said, page.read_text()

    def test_bad_logs_are_no_passes(self):
        for name, (log, status, text) in fakes.BAD_BOOTS.items():
            if status not in (33, 37) or text.startswith("QEMU"):
                continue        # these are seen by the status alone
            with self.subTest(name):
                _, said, page = self.report_of(log)
                self.assertIn(text, said)
                self.assertIn("<p class='failed'>", page)

    def test_good_logs_are(self):
        for log in fakes.GOOD_BOOTS.values():
            status, said, page = self.report_of(log)
            self.assertIn(status, (0, None))
            self.assertIn(" passed, 0 failed, ", said)
            self.assertIn("<p class='passed'>", page)

    def test_no_log_is_an_error(self):
        status, _ = self.call(report.main, self.folder / "none.log")
        self.assertNotIn(status, (0, None))


if __name__ == "__main__":
    unittest.main()
