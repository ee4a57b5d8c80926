"""efi/FINDINGS.md lists the findings that the code makes: the same labels and severities.

And each of them is made by a test: a lie, a machine, or a case on plain data.
"""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# boot_info_add_finding(info, "Label", SEVERITY_X, and those of lint.c and collect.c that call it.
MADE = re.compile(r'"([A-Z][A-Za-z0-9]+)",\s*SEVERITY_([A-Z]+)')
MARKED_FULL = re.compile(r'label = "([A-Z][A-Za-z0-9]+)"')
ROW = re.compile(r"^\| `([A-Za-z0-9]+)` \| (\w+) \| (.+) \|$", re.MULTILINE)


def made():
    """{(label, severity)} of the sources."""
    found = set()
    for folder in ("efi", "mm", "arch"):
        for path in (ROOT / folder).rglob("*.c"):
            found |= {(label, severity.lower())
                      for label, severity in MADE.findall(path.read_text())}
    return found


def tested():
    """Labels that tests wait for: as a record of the log, or as text in a case."""
    found = set()
    for name in ("lies.toml", "machines.toml"):
        found |= set(re.findall(r"label=(\w+)", (ROOT / "tests" / name).read_text()))
    for path in (ROOT / "tests" / "unit").rglob("*.c"):
        found |= set(re.findall(r'"([A-Z][A-Za-z0-9]+)"', path.read_text()))
    return found


class Findings(unittest.TestCase):
    def setUp(self):
        self.text = (ROOT / "efi" / "FINDINGS.md").read_text()
        self.rows = ROW.findall(self.text)

    def test_the_list_is_that_of_the_code(self):
        self.assertEqual({(label, severity) for label, severity, _ in self.rows}, made())

    def test_nothing_stands_there_twice(self):
        labels = [label for label, _, _ in self.rows]
        self.assertEqual(sorted(set(labels)), sorted(labels))

    def test_the_mark_of_a_full_list_is_told(self):
        source = (ROOT / "efi" / "boot_info.c").read_text()
        for label in MARKED_FULL.findall(source):
            self.assertIn(f"`{label}`", self.text)

    def test_each_is_made_by_a_test(self):
        self.assertEqual([], sorted({label for label, _ in made()} - tested()))

    def test_something_is_made(self):
        self.assertGreater(len(made()), 60)


if __name__ == "__main__":
    unittest.main()
