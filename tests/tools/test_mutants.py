"""The maker of mutants, on sources of a few lines; what its table names must be there."""

import fnmatch
import re
import unittest

import mutants

SOURCE = """\
/* A comment: a < b && c. */
#define TWICE(x) ((x) + (x))

static const unsigned table[] = { 3, 0 };

static int smaller(int a, int b)
{
	/* not a < b */
	if (a < b && is_good(a))
		return a;
	note("a < b",
	     b);
	*count += 1;
	return b;
}
"""


# Of mm, what `make mutants` does not break: the list may only become shorter.
NOT_BROKEN_YET = [
    "mm/assert.c", "mm/event.c", "mm/grace.c", "mm/live.c",
    "mm/report/boot_log.c", "mm/report/numa.c", "mm/report/records.c", "mm/report/show.c",
    "mm/report/tables.c", "mm/report/verify.c",
    "mm/slab/debug/audit.c", "mm/slab/debug/debug.c", "mm/slab/debug/guard.c",
    "mm/slab/debug/guarded.c", "mm/slab/debug/object.c", "mm/slab/debug/options.c",
    "mm/slab/debug/report.c", "mm/slab/debug/show.c", "mm/slab/debug/verify.c",
    "mm/topology/log.c",
]


class Makes(unittest.TestCase):
    def setUp(self):
        self.made = mutants.mutants(SOURCE)

    def becomes(self, kind, number):
        return [mutant.becomes for mutant in self.made
                if (mutant.kind, mutant.number) == (kind, number)]

    def test_nothing_is_changed_outside_code(self):
        for mutant in self.made:
            self.assertIn(mutant.number, (4, 9, 10, 11, 13, 14), mutant.becomes)

    def test_every_mutant_differs_from_the_source_and_the_others(self):
        texts = [mutant.text for mutant in self.made]
        self.assertEqual(len(set(texts)), len(texts))
        self.assertNotIn(SOURCE, texts)

    def test_operators_and_operands(self):
        self.assertEqual(self.becomes("border", 9), ["if (a <= b && is_good(a))"])
        self.assertEqual(self.becomes("logic", 9), ["if (a < b || is_good(a))"])
        self.assertEqual(self.becomes("part", 9),
                         ["if (true && is_good(a))", "if (a < b && true)"])

    def test_conditions(self):
        self.assertEqual(self.becomes("always", 9), ["if (1)"])
        self.assertEqual(self.becomes("never", 9), ["if (0)"])

    def test_statements_of_several_lines_go_as_a_whole(self):
        self.assertEqual(self.becomes("statement", 11), [";"])
        self.assertEqual(self.becomes("statement", 13), [";"])
        self.assertEqual(self.becomes("assignment", 13), ["*count -= 1;"])

    def test_results_and_constants(self):
        self.assertEqual(self.becomes("result", 14), ["return 0;"])
        self.assertEqual(self.becomes("constant", 4),
                         ["static const unsigned table[] = { 0, 0 };",
                          "static const unsigned table[] = { 4, 0 };",
                          "static const unsigned table[] = { 3, 1 };"])

    def test_mutants_know_their_function(self):
        self.assertEqual({mutant.where for mutant in self.made}, {"table", "smaller"})


class Table(unittest.TestCase):
    def test_its_suites_are_there(self):
        """A glob that names none would let every mutant live, or cost a killer."""
        suite = re.compile(r"^(?:HIDDEN_)?TEST_SUITE\((\w+)", re.MULTILINE)
        cases = [f"{name}." for path in (mutants.ROOT / "tests").rglob("*.c")
                 for name in suite.findall(path.read_text())]
        globs = {glob for table in mutants.load_table().values()
                 for suites in table["suites"] for glob in suites.split(",")}
        self.assertIn("buddy.*", globs)
        self.assertEqual([glob for glob in sorted(globs)
                          if not fnmatch.filter(cases, glob.split(".")[0] + ".")], [])

    def test_no_source_of_mm_is_left_out(self):
        left_out = {str(path.relative_to(mutants.ROOT))
                    for path in (mutants.ROOT / "mm").rglob("*.c")} - mutants.load_table().keys()
        self.assertEqual(sorted(left_out), sorted(NOT_BROKEN_YET))


class Excuses(unittest.TestCase):
    def test_every_excuse_has_a_mutant_and_a_reason(self):
        for source, table in mutants.load_table().items():
            excuses = mutants.Excuses(table.get("excuse", []))
            for mutant in mutants.mutants((mutants.ROOT / source).read_text()):
                excuses.excuses(mutant)
            self.assertEqual(excuses.unused(), [], source)
            self.assertTrue(all(entry["why"] for entry in excuses.entries), source)

    def test_an_excuse_names_function_line_and_change(self):
        excuses = mutants.Excuses([{"in": "smaller", "line": "*count += 1;", "becomes": ";",
                                    "why": "nobody counts"}])
        excused = [mutant for mutant in mutants.mutants(SOURCE) if excuses.excuses(mutant)]
        self.assertEqual([(mutant.kind, mutant.number) for mutant in excused],
                         [("statement", 13)])
        self.assertEqual(excuses.unused(), [])
