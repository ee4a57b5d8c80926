"""What make prints, and one place for the version."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

import qemu
import targets

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OWN_BUILD = ROOT / "build" / "targets" / "b"


def make(*words):
    """The lines of a make that knows nothing of the one that runs this."""
    run = subprocess.run(["make", *words], cwd=ROOT, env=targets.environment(), text=True,
                         capture_output=True, timeout=120, check=True)
    return run.stdout.splitlines()


def phony_targets():
    text = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    words = " ".join(re.findall(r"^\.PHONY:(.*)$", text, re.MULTILINE)).split()
    return sorted(set(words) - {"FORCE"})


class Help(unittest.TestCase):
    def test_every_target_is_there_and_no_other(self):
        named = [match[1] for line in make("help") if (match := re.match(r"  make (\S+) ", line))]
        self.assertEqual(sorted(named), phony_targets())

    def test_it_names_the_version(self):
        self.assertEqual(make("help")[0], f"Slabstick {qemu.VERSION}: a memory manager that boots.")


class Steps(unittest.TestCase):
    def setUp(self):
        self.addCleanup(shutil.rmtree, OWN_BUILD, ignore_errors=True)
        shutil.rmtree(OWN_BUILD, ignore_errors=True)
        self.object = f"{OWN_BUILD.relative_to(ROOT)}/image/mm/assert.c.o"

    def build(self, *words):
        lines = make(f"BUILD={OWN_BUILD.relative_to(ROOT)}", self.object, *words)
        self.assertTrue(os.path.isfile(ROOT / self.object))
        return lines

    def test_a_step_is_one_short_line(self):
        self.assertEqual(self.build(), ["  CC      mm/assert.c"])

    def test_V_shows_the_command(self):
        lines = self.build("V=1")
        self.assertEqual(len(lines), 1)
        self.assertRegex(lines[0], r"^\S*gcc .* -c mm/assert\.c -o ")

    def test_all_targets_are_tried_in_random_order(self):
        tried = {step.words[0] for step in targets.QUICK + targets.SLOW}
        self.assertEqual(sorted(tried | targets.NOT_RUN), phony_targets())

    def test_a_changed_or_lost_file_is_noticed(self):
        self.build()
        before = targets.checksums_of(OWN_BUILD)
        targets.compare(before, dict(before))
        with self.assertRaisesRegex(targets.Failure, "changed what was built: image/"):
            targets.compare(before, {})
        with self.assertRaisesRegex(targets.Failure, "left image.unfinished"):
            targets.compare(before, {**before, "image.unfinished": ""})


class Version(unittest.TestCase):
    def test_the_newest_change_is_of_this_version(self):
        heading = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
        self.assertEqual(heading[1], qemu.VERSION)

    def test_the_compiler_can_take_it_as_one_word(self):
        self.assertRegex(qemu.VERSION, r"^\d+\.\d+(\.\d+)?$")

    def test_tools_tell_it(self):
        for tool in ("tools/qemu.py", "tests/run.py"):
            run = subprocess.run([qemu.sys.executable, ROOT / tool, "--version"],
                                 capture_output=True, text=True, timeout=60, check=True)
            self.assertEqual(run.stdout, f"Slabstick {qemu.VERSION}\n")


if __name__ == "__main__":
    unittest.main()
