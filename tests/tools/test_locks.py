"""tools/check_locks.py: a field used without its lock does not pass, nor does a dead check."""

import pathlib
import unittest

import check_locks

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FLAGS = ["-std=gnu11", "-Iinclude", "-I.", "-Itests/host/port"]
CLANG = check_locks.find_compiler(FLAGS)

SOURCE = """/* Theory. */
#include "mm/lock.h"
struct shelf {
	struct spinlock lock;
	struct { struct spinlock lock; int nr GUARDED_BY(lock); } inner;
	int rows[2] GUARDED_BY(lock), nr GUARDED_BY(lock);	/* GUARDED_BY(comment) */
};
static struct spinlock free_lock;
static int nr_free[] GUARDED_BY_GLOBAL(free_lock) = { 1 };
static struct {
	struct spinlock lock;
	int nr GUARDED_BY(lock);
} table;
int visit(struct shelf *shelf);
int visit(struct shelf *shelf)
{
	int nr;

	spin_lock(&table.lock);
	nr = table.nr;
	spin_unlock(&table.lock);
	spin_lock(&free_lock);
	nr += nr_free[0];
	spin_unlock(&free_lock);
	spin_lock(&shelf->lock);
	nr += shelf->rows[1] + shelf->nr;
	spin_unlock(&shelf->lock);
	assume_unshared(&shelf->inner.lock);
	return nr + shelf->inner.nr;
}
"""
NAMES = ["shelf.inner.nr", "shelf.rows", "shelf.nr", "nr_free", "table.nr"]
LOCKS = ["shelf.inner.lock", "shelf.lock", "shelf.lock", "free_lock", "table.lock"]


class Marks(unittest.TestCase):
    def test_fields_and_variables_are_found_with_their_locks(self):
        marks = check_locks.Marks(SOURCE)
        self.assertEqual([field.name for field in marks.guarded], NAMES)
        self.assertEqual([field.lock for field in marks.guarded], LOCKS)
        self.assertEqual(marks.locks, ["shelf.lock", "shelf.inner.lock", "free_lock",
                                       "table.lock"])

    def test_a_lock_guards_a_field_or_has_an_excuse(self):
        excuses = {name: "" for name in check_locks.GUARDS_NO_FIELD}
        texts = {"a.c": SOURCE, "b.c": "".join(
            f"struct {name.split('.')[0]} {{ struct spinlock {name.split('.')[1]}; }};\n"
            for name in excuses)}
        self.assertEqual(list(check_locks.idle_locks(texts)), [])
        texts["c.c"] = "static struct spinlock idle;\n"
        self.assertEqual(list(check_locks.idle_locks(texts)),
                         ["c.c: idle guards no field that is marked"])
        del texts["b.c"], texts["c.c"]
        self.assertEqual(len(list(check_locks.idle_locks(texts))), len(excuses))

    def test_a_lock_of_mm_stands_once_in_the_table(self):
        readme = "| `shelf.lock`, `free_lock` | a |\n| `table.lock`; `shelf.inner.lock` | b |\n"
        texts = {"mm/a.c": SOURCE, "arch/b.c": "static struct spinlock other;\n"}
        self.assertEqual(list(check_locks.table_problems(texts, readme)), [])
        texts["include/mm/c.h"] = "static struct spinlock free_lock;\n"
        self.assertEqual(list(check_locks.table_problems(texts, readme)),
                         ["include/mm/c.h: free_lock is a lock of mm/a.c, too"])
        del texts["include/mm/c.h"]
        self.assertEqual(list(check_locks.table_problems(texts, readme.replace("table", "gone"))),
                         ["mm/README.md: its table of locks does not have table.lock of mm/a.c",
                          "mm/README.md: its table has gone.lock, which is no lock"])

    def test_the_tree_has_marks(self):
        nr = {name: len(check_locks.Marks((ROOT / name).read_text()).guarded)
              for name in ("mm/page/zone.h", "mm/page/page_stack.h", "mm/page/drain.c",
                           "mm/slab/core.h", "include/mm/slab_def.h", "mm/vmalloc/vm_area.h")}
        self.assertTrue(all(nr.values()), nr)


@unittest.skipUnless(CLANG, "no clang from version 19 on")
class Analysis(unittest.TestCase):
    def problems(self, text):
        return [message for _, line, message in check_locks.analyse(CLANG, FLAGS, "a.c", text)
                if "requires holding" in message or line == 0]

    def test_a_sound_source_passes(self):
        self.assertEqual(check_locks.analyse(CLANG, FLAGS, "a.c", SOURCE), [])

    def test_each_use_without_its_lock_is_told(self):
        for lock in ("shelf->lock", "table.lock", "free_lock"):
            text = SOURCE.replace(f"\tspin_lock(&{lock});\n", "")
            text = text.replace(f"\tspin_unlock(&{lock});\n", "")
            self.assertTrue(self.problems(text), lock)
        self.assertTrue(self.problems(SOURCE.replace("\tassume_unshared(", "\t(void)(")))

    def test_seeds_are_noticed(self):
        self.assertEqual(check_locks.unnoticed(CLANG, FLAGS, "a.c", SOURCE), (len(NAMES), []))

    def test_a_seed_that_is_not_noticed_is_told(self):
        dead = SOURCE.replace("#include", "#undef CHECK_GUARDED_FIELDS\n#include")
        _, found = check_locks.unnoticed(CLANG, FLAGS, "a.c", dead)
        self.assertEqual(found, [f"a.c: {name} without {lock} goes unnoticed"
                                 for name, lock in zip(NAMES, LOCKS) if name != "nr_free"])

    def test_what_does_not_compile_is_no_pass(self):
        self.assertTrue(check_locks.analyse(CLANG, FLAGS, "a.c", "int f(void { }\n"))


if __name__ == "__main__":
    unittest.main()
