"""Words that the README promises are words that the code knows, and the other way round."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ENTRY = re.compile(r'^\t\{ "(\w+)", \w+ \},$', re.MULTILINE)


def table(path, name):
    """The first words of the entries of array @name."""
    text = (ROOT / path).read_text()
    return set(ENTRY.findall(text.split(f"{name}[] = {{", 1)[1].split("};", 1)[0]))


def readme_words(option):
    row = re.search(rf"^\| `{option}=` \|(.*)\|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    return set(re.findall(r"`(\w+)`", row[1]))


class Words(unittest.TestCase):
    def test_show_words_are_those_of_the_readme(self):
        known = (table("mm/report/tables.c", "mm_table mm_tables")
                 | table("efi/main.c", "machine_tables"))
        self.assertIn("buddyinfo", known)
        self.assertIn("findings", known)
        self.assertEqual(readme_words("show"), known)

    def test_run_words_are_those_of_the_readme(self):
        known = table("efi/main.c", "actions")
        self.assertIn("selftest", known)
        self.assertEqual(readme_words("run"), known)


if __name__ == "__main__":
    unittest.main()
