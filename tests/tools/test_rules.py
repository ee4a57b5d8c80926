"""The checks of the house: which way calls go, and what every numbered rule has."""

import pathlib
import subprocess
import tempfile
import unittest

import check_calls
import check_rules

SOUND = [
    ("mm/x.c", '/*\n *   XX-1  a thing holds\n */\nREQUIRE("XX-1", at, true);\n'),
    ("tests/unit/x.c", 'CHECK(breaks("XX-1"));\n'),
]


class Rules(unittest.TestCase):
    def problems(self, **texts):
        files = [(name, texts.get(name.replace("/", "_").replace(".", "_"), text))
                 for name, text in SOUND]
        return list(check_rules.problems(files))

    def test_a_rule_with_a_verifier_and_a_breach_is_sound(self):
        self.assertEqual(self.problems(), [])

    def test_a_rule_that_no_verifier_checks_is_told(self):
        self.assertIn("no verifier checks XX-1",
                      self.problems(mm_x_c="/*\n *   XX-1  a thing holds\n */\n")[0])

    def test_a_comment_is_no_verifier(self):
        text = "/*\n *   XX-1  a thing holds\n */\n/* \"XX-1\" */\n"
        self.assertIn("no verifier checks XX-1", self.problems(mm_x_c=text)[0])

    def test_rules_are_seen_however_they_are_indented(self):
        for line in (" *  XX-1  two", " *   XX-1 one blank", "\t *\tXX-1\ta tab"):
            self.assertIn("no verifier", self.problems(mm_x_c=f"/*\n{line}\n */\n")[0])
        self.assertIn("without a subject", self.problems(mm_x_c="/*\n *   K1  a rule\n */\n")[0])

    def test_a_rule_that_no_test_breaks_is_told(self):
        self.assertIn("no test breaks XX-1", self.problems(tests_unit_x_c="CHECK(true);\n")[0])

    def test_a_rule_stated_twice_is_told(self):
        twice = "/*\n *   XX-1  one\n *   XX-1  other\n */\n\"XX-1\"\n"
        self.assertIn("stated 2 times", self.problems(mm_x_c=twice)[0])

    def test_a_check_of_no_rule_is_told(self):
        self.assertIn("no theory block states it",
                      self.problems(tests_unit_x_c='breaks("XX-1") breaks("XX-7")')[0])

    def test_a_mention_of_no_rule_is_told(self):
        found = self.problems(tests_unit_x_c='breaks("XX-1") /* as YYY-9 says */')
        self.assertEqual(found, [])     # of no subject of ours
        files = [*SOUND, ("mm/abc.c", " *   ABC-1  it holds\n\"ABC-1\" /* unlike ABC-2 */"),
                 ("tests/unit/abc.c", '"ABC-1"')]
        self.assertIn("mentions ABC-2", list(check_rules.problems(files))[0])


class Calls(unittest.TestCase):
    def test_a_call_of_a_later_file_is_found_and_others_are_not(self):
        order = ["mm/low.c", "mm/high.c", "arch/one.c"]
        defined_in = {"low": "mm/low.c", "high": "mm/high.c", "one": "arch/one.c"}
        needs = {"mm/low.c": ["high", "one", "memcpy"], "mm/high.c": ["low"]}
        self.assertEqual(list(check_calls.upward_calls(order, defined_in, needs)),
                         [("mm/low.c", "mm/high.c", "high")])

    def test_symbols_are_read_from_objects(self):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / "x.c"
            source.write_text("extern int needed(void);\nint given(void) { return needed(); }\n")
            subprocess.run(["gcc", "-c", str(source), "-o", f"{source}.o"], check=True)
            self.assertEqual(check_calls.symbols(f"{source}.o", "--defined-only"), ["given"])
            self.assertIn("needed", check_calls.symbols(f"{source}.o", "--undefined-only"))


if __name__ == "__main__":
    unittest.main()
