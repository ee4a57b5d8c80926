"""The samples for CI servers: what they run and keep is what the Makefile has and writes."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SAMPLES = [".github/workflows/test.yml", ".gitlab-ci.yml"]
# Files of the tree, and what a run leaves, by who says so.
LEFT = {
    "build/log/test.json": ("tests/summary.py", "test.json"),
    "build/log/test.xml": ("tests/summary.py", "test.xml"),
    "build/run/report.html": ("Makefile", "report.html"),
    "build/run/run.log": ("Makefile", "$(RUN)/run.log"),
}


def texts():
    return {name: (ROOT / name).read_text(encoding="ascii") for name in SAMPLES}


def words_of_make(text):
    return set(re.findall(r"\bmake ([a-z-]+)(?= &&|$)", text, re.MULTILINE))


class Samples(unittest.TestCase):
    def test_each_target_is_one_of_the_makefile(self):
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        for name, text in texts().items():
            self.assertLessEqual({"test", "run", "report"}, words_of_make(text), name)
            self.assertLessEqual(words_of_make(text), targets, name)

    def test_what_they_keep_is_written(self):
        for name, text in texts().items():
            kept = set(re.findall(r"build/\S+", text)) - {"build/"}
            self.assertEqual(kept, set(LEFT), name)
        for source, word in LEFT.values():
            self.assertIn(word, (ROOT / source).read_text())

    def test_scripts_are_in_the_tree(self):
        for name, text in texts().items():
            for script in re.findall(r"\bsh (\S+)", text):
                self.assertTrue((ROOT / script).is_file(), f"{name}: {script}")

    def test_they_are_read_as_yaml(self):
        for name, text in texts().items():
            self.assertNotIn("\t", text, name)
        try:
            import yaml
        except ImportError:
            self.skipTest("no yaml module to read them with (package python3-yaml)")
        for name, text in texts().items():
            self.assertIn("test", yaml.safe_load(text).get("jobs", yaml.safe_load(text)), name)


if __name__ == "__main__":
    unittest.main()
