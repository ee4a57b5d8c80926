"""What make prints, and one place for the version."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest
import unittest.mock

import fakes
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

    def test_what_is_made_gets_its_name_when_it_is_whole(self):
        folder = OWN_BUILD.relative_to(ROOT)
        lines = make("-n", "V=1", f"BUILD={folder}", f"{folder}/BOOTX64.EFI")
        made = [word for line in lines for word in re.findall(r" -o (\S+)", line)
                if word.startswith(str(folder))]
        self.assertGreater(len(made), 100)
        self.assertEqual([word for word in made if "$$" not in word], [])

    def test_two_makes_at_once_make_the_same(self):
        words = [f"BUILD={OWN_BUILD.relative_to(ROOT)}", self.object]
        runs = [subprocess.Popen(["make", *words], cwd=ROOT, env=targets.environment(),
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                for _ in range(2)]
        for run in runs:
            said, _ = run.communicate(timeout=120)
            self.assertEqual(run.returncode, 0)
            self.assertIn(said, ("", "  CC      mm/assert.c\n"))    # one may come late
        folder = (ROOT / self.object).parent
        self.assertEqual(sorted(path.name for path in folder.iterdir()),
                         ["assert.c.d", "assert.c.o"])

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


class RandomOrder(fakes.FakePrograms):
    """tests/targets.py with targets that do what they should, or do not."""

    def run_targets(self, step, files=({"x": "1"},)):
        found = iter(files)
        last = files[-1]
        with unittest.mock.patch.object(targets, "QUICK", [targets.Step(["image"], "^image")]), \
                unittest.mock.patch.object(targets, "RUN", self.folder), \
                unittest.mock.patch.object(targets, "checksums", lambda: next(found, last)), \
                unittest.mock.patch.object(targets, "make", lambda _: step):
            return self.call(targets.main, "--seed", 3)

    def test_the_seed_is_told_and_all_may_pass(self):
        ended, said = self.run_targets((0, ["image: it"]))
        self.assertEqual(ended, 0, said)
        self.assertIn("seed=3\n", said)
        self.assertIn("\n2 passed, 0 failed, 0 skipped\n", said)

    def test_what_must_fail(self):
        for step in ((2, ["image: it"]), (0, ["something"]), (0, [])):
            self.assertEqual(self.run_targets(step)[0], 1)
        ended, said = self.run_targets((0, ["image: it"]), [{"x": "1"}, {"x": "2"}])
        self.assertEqual(ended, 1)
        self.assertIn("1 passed, 1 failed", said)

    def test_a_refusal_must_be_one(self):
        step = targets.Step(["usb"], "", is_refused=True)
        for made, problems in (((2, ["usage: make usb"]), 0), ((0, ["usage: make usb"]), 1),
                               ((2, ["usb: written"]), 1)):
            with unittest.mock.patch.object(targets, "make", lambda _, made=made: made), \
                    unittest.mock.patch("sys.stdout"):
                self.assertEqual(len(targets.problems_of(targets.run_step, step, targets.RUN)),
                                 problems)

    def test_what_a_run_leaves(self):
        self.script("mdir", "echo ::/slabstick/capture/machine.json")
        log = f"Slabstick {qemu.VERSION}\nok\n"
        path = f"{self.folder}:{os.environ['PATH']}"
        with unittest.mock.patch.dict(os.environ, PATH=path):
            for text, problems in ((log, 0), ("", 1), (log + log, 1), (log + "\x1b[2J", 1),
                                   (log.replace("\n", "\r\n"), 1)):
                (self.folder / "run.log").write_text(text, newline="")
                self.assertEqual(len(targets.problems_of(targets.check_run, self.folder)),
                                 problems, text)
            self.script("mdir", "exit 1")
            (self.folder / "run.log").write_text(log)
            self.assertEqual(len(targets.problems_of(targets.check_run, self.folder)), 1)


class Documents(unittest.TestCase):
    NAME = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:[chS]|py|sh|toml|md|gdb))`")

    def test_files_that_are_named_exist(self):
        for document in ("README.md", "CONTRIBUTING.md", "mm/README.md"):
            text = (ROOT / document).read_text()
            missing = [name for name in self.NAME.findall(text)
                       if not any((folder / name).is_file()
                                  for folder in (ROOT, ROOT / "mm", ROOT / "include"))]
            self.assertEqual(missing, [], document)
            self.assertTrue(document != "README.md" or self.NAME.search(text))

    def test_targets_that_are_named_exist(self):
        for document in ("README.md", "CONTRIBUTING.md", "mm/README.md", "CHANGELOG.md"):
            named = re.findall(r"(?:`|^    )make ([a-z-]+)", (ROOT / document).read_text(),
                               re.MULTILINE)
            self.assertEqual([name for name in named if name not in phony_targets()], [], document)


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
