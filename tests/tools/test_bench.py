"""Budgets and records."""

import tomllib
import types
import unittest

import bench
import ktap
import records


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


if __name__ == "__main__":
    unittest.main()
