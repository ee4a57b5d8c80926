"""How files entered and changes of file are counted."""

import unittest

import call_path

TEXT = """operation a
0 0x1
1 0x2
2 0x1
1 0x3
operation a
0 0x1
1 0x2
1 0x4
2 0x2
"""
FILES = {"0x1": "mm/one.c", "0x2": "mm/two.c", "0x3": None, "0x4": "mm/one.c"}


class Paths(unittest.TestCase):
    def test_the_last_operation_of_a_name_counts(self):
        self.assertEqual(call_path.operations(TEXT),
                         {"a": [(0, "0x1"), (1, "0x2"), (1, "0x4"), (2, "0x2")]})

    def test_calls_into_other_files_are_changes_and_returns_are_not(self):
        events = [(0, "0x1"), (1, "0x2"), (2, "0x1"), (1, "0x4")]
        self.assertEqual(call_path.follow(events, FILES), (["mm/one.c", "mm/two.c"], 2))

    def test_what_is_not_of_mm_belongs_to_its_caller(self):
        events = [(0, "0x1"), (1, "0x3"), (2, "0x2")]
        self.assertEqual(call_path.follow(events, FILES), (["mm/one.c", "mm/two.c"], 1))


if __name__ == "__main__":
    unittest.main()
