"""What a user got wrong: the message names it, the status is 2, and nothing is traced back."""

import os
import pathlib
import subprocess
import sys
import unittest
import unittest.mock

import fakes
import fuzz
import qemu
from report import cli

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
UNIT = qemu.BUILD / "host" / "unit"

# (words of the program, what the message begins with)
UNIT_WORDS = {
    "limit=x": "limit=x: a number",
    "limit=0": "limit=0: a number",
    "limit=": "limit=: a number",
    "limit=1s": "limit=1s: a number",
    "seed=abc": "seed=abc: a number",
    "seed=-1": "seed=-1: a number",
    "show=nonsense": "show=nonsense: no table of mm; there are: ",
    "debug=redzone,nonsense": "debug=redzone,nonsense: a word",
}
SCRIPTS = {
    ("tools/mutants.py", "nosuch.c"): "mutants: nosuch.c: not in tests/mutants.toml",
    ("tools/call_path.py", "/no/such"): "call_path.py: /no/such: No such file",
    ("tools/call_path.py", "/bin/false"): "call_path.py: /bin/false: ",
    ("tools/call_path.py", "/bin/true"): "call_path.py: /bin/true tells of no operation",
}
# Programs that boot machines: asked for help, they help; a word they cannot use starts nothing.
BOOTING = ["tests/lecture.py", "tests/lies.py", "tests/models.py", "tests/raw_machines.py",
           "tests/readers.py", "tests/replay.py", "tests/results.py", "tests/run.py",
           "tests/screens.py", "tests/shell.py", "tests/targets.py", "tools/bench.py"]
VARIABLES = {
    ("CPUS", "abc"): "CPUS=abc: a whole number",
    ("CPUS", "0"): "CPUS=0: a whole number of at least 1",
    ("NODES", "-1"): "NODES=-1: a whole number",
    ("MEM", "1X"): "not a memory size: '1X'",
    ("TIMEOUT", "abc"): "TIMEOUT=abc: a number",
    ("TIMEOUT", "nan"): "TIMEOUT=nan: a number",
    ("QEMUEXTRA", '"x'): 'QEMUEXTRA="x: No closing quotation',
    ("MACHINE", "nosuch"): "tests/machines.toml has no machine nosuch",
}


class Programs(unittest.TestCase):
    def check(self, words, message):
        run = subprocess.run(list(map(str, words)), cwd=ROOT, capture_output=True, text=True,
                             timeout=60, check=False)
        self.assertEqual((run.returncode, run.stdout), (2, ""))
        self.assertTrue(run.stderr.startswith(message), run.stderr)
        self.assertEqual(run.stderr.count("\n"), 1)

    @unittest.skipUnless(UNIT.is_file(), "build/host/unit is not built")
    def test_words_of_the_hosted_program(self):
        for word, message in UNIT_WORDS.items():
            with self.subTest(word):
                self.check([UNIT, "tests=ktap.globs*", word], message)

    def test_words_of_scripts(self):
        for (script, word), message in SCRIPTS.items():
            with self.subTest(script, word=word):
                self.check([sys.executable, "-B", ROOT / script, word], message)

    def test_no_machine_is_booted_for_a_word_that_is_none(self):
        for script in BOOTING:
            for word, status in ("--help", 0), ("--no-such-word", 2):
                with self.subTest(script, word=word):
                    run = subprocess.run([sys.executable, "-B", ROOT / script, word], cwd=ROOT,
                                         capture_output=True, text=True, timeout=20, check=False)
                    self.assertEqual((run.returncode, run.stderr.count("Traceback")), (status, 0))
                    self.assertRegex(run.stdout + run.stderr, "^usage: ")


class Variables(fakes.FakePrograms):
    def test_variables_of_a_run(self):
        self.fake_qemu(fakes.GOOD)
        for (name, value), message in VARIABLES.items():
            with self.subTest(name, value=value), \
                    unittest.mock.patch.dict(os.environ, {name: value}):
                status, said = self.call(qemu.main, "--image", self.image)
                self.assertEqual((status, said.count("\n")), (2, 1), said)
                self.assertTrue(said.startswith(f"qemu.py: {message}"), said)

    def test_variables_of_the_fuzzers(self):
        for name in ("FUZZ_SECONDS", "FUZZ_RUNS"):
            with unittest.mock.patch.dict(os.environ, {name: "abc"}):
                self.assertEqual(self.call(fuzz.main, "no_program")[0], 2)
                self.assertIn(f"fuzz.py: {name}=abc: a whole number",
                              self.call(fuzz.main, "no_program")[1])

    def test_the_log_of_the_run_before_does_not_stay(self):
        kept = self.folder / "kept" / "run"
        kept.parent.mkdir()
        log = kept.with_suffix(".log")
        log.write_text("of the run before")
        with unittest.mock.patch.object(qemu, "boot", side_effect=KeyboardInterrupt):
            status, _ = self.call(qemu.main, "--image", self.image, "--keep", kept)
        self.assertEqual((status, log.exists()), (130, False))

    def test_what_may_not_be_written(self):
        log = self.folder / "run.log"
        log.write_bytes(fakes.GOOD.encode())
        denied = PermissionError(13, "Permission denied", "report.html")
        with unittest.mock.patch.object(pathlib.Path, "write_text", side_effect=denied):
            status, said = self.call(lambda: cli.main([str(log), "--unfinished", "--html",
                                                       str(self.folder / "report.html")]))
        self.assertEqual(status, 2)
        self.assertTrue(said.startswith("report: report.html: Permission denied"), said)
        with unittest.mock.patch.object(qemu, "boot", side_effect=denied):
            status, said = self.call(qemu.main, "--image", self.image)
        self.assertEqual((status, said),
                         (2, "qemu.py: report.html: Permission denied; is it another user's?\n"))


if __name__ == "__main__":
    unittest.main()
