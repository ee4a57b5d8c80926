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


def known_options():
    """{key: its choices, none where any value may stand} of the program."""
    text = (ROOT / "efi/options.c").read_text()
    entries = text.split("struct option options[] = {", 1)[1].split("};", 1)[0]
    return {key: set(choices.split()) for key, choices in
            re.findall(r'\.key = "(\w+)"[^}]*?(?:\.choices = "([^"]*)")? \}', entries)}


def readme_options():
    """The same of the table of options: its first column names the choices, in small letters."""
    table = (ROOT / "README.md").read_text().split("| option | what |\n", 1)[1].split("\n\n", 1)[0]
    heads = re.findall(r"^\| `(\w+)=(.*?)` (?:or `.*?` )?\|", table, re.MULTILINE)
    assert len(heads) == table.count("\n"), table      # each row but the line below the head
    return {key: {word for word in value.split(r"\|") if r"\|" in value and word.islower()}
            for key, value in heads}


class Words(unittest.TestCase):
    def test_options_are_those_of_the_readme(self):
        known = known_options()
        self.assertEqual(known["capture"], {"yes", "no"})
        self.assertEqual(known["run"], set())
        self.assertEqual(readme_options(), known)

    def test_records_of_the_image_are_those_of_the_readme(self):
        sources = [path for folder in ("efi", "mm", "arch", "tests") if (ROOT / folder).is_dir()
                   for path in (ROOT / folder).rglob("*.c")
                   if path.relative_to(ROOT).parts[:2] != ("tests", "host")]
        written = {kind for path in sources
                   for kind in re.findall(r'print\("@(\w+) |raw\("@(\w+) |^\s*"@(\w+) ',
                                          path.read_text(), re.MULTILINE)
                   for kind in kind if kind}
        text = (ROOT / "README.md").read_text().split("| record | when | what |", 1)[1]
        rows = re.findall(r"^\| (`@[^|]*) \|", text.split("\n\n", 1)[0], re.MULTILINE)
        self.assertIn("exercise", written)
        self.assertEqual(set(re.findall(r"`@(\w+)`", " ".join(rows))), written)

    def test_debug_words_are_those_the_readme_has(self):
        text = (ROOT / "mm/slab/debug/options.c").read_text()
        known = set(re.findall(r'^\t\{ "(\w+)", ', text, re.MULTILINE))
        row = re.search(r"^\| `debug=.*$", (ROOT / "README.md").read_text(), re.MULTILINE)[0]
        self.assertIn("redzone", known)
        self.assertEqual([word for word in sorted(known) if not re.search(rf"\b{word}\b", row)], [])

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
