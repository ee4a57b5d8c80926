"""tests/all.py and tests/fuzz.py: what a failing step becomes."""

import json
import signal
import subprocess
import sys
import time
import unittest
import unittest.mock
import xml.etree.ElementTree as ElementTree

import all as all_steps
import fakes
import fuzz
import summary

KTAP = ("KTAP version 1\\n1..1\\n  KTAP version 1\\n  # Subtest: buddy\\n  1..2\\n  ok 1 split\\n"
        "  not ok 2 merge\\nnot ok 1 buddy\\n")


class Steps(fakes.FakePrograms):
    def run_steps(self, **scripts):
        """(status, lines) of a run whose steps are scripts."""
        steps = [all_steps.Step(name, [self.script(name, text)], 20, must_sum="sum" in name)
                 for name, text in scripts.items()]
        with unittest.mock.patch.object(all_steps, "steps", return_value=steps), \
                unittest.mock.patch.object(all_steps, "ROOT", self.folder), \
                unittest.mock.patch.object(all_steps, "LOG_FOLDER", self.folder / "log"):
            status, said = self.call(all_steps.main)
        return status, said.splitlines()

    def test_all_pass(self):
        status, lines = self.run_steps(sum="echo '3 passed, 0 failed, 1 skipped'", one="exit 0")
        self.assertEqual((status, lines[-1]), (0, "4 passed, 0 failed, 1 skipped"))

    def test_a_status_fails_a_step(self):
        status, lines = self.run_steps(one="exit 3", two="exit 0")
        self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"))
        self.assertEqual(lines[-2], "failed: one: status 3; log log/one.log")

    def test_a_step_that_died_fails_whatever_its_totals(self):
        for end in ("exit 1", "kill -SEGV $$", "kill -KILL $$"):
            status, lines = self.run_steps(sum=f"echo '3 passed, 0 failed, 0 skipped'; {end}")
            self.assertEqual((status, lines[-1]), (1, "3 passed, 1 failed, 0 skipped"), end)

    def test_a_step_without_its_totals_fails(self):
        status, lines = self.run_steps(sum="echo 3 passed")
        self.assertEqual((status, lines[-1]), (1, "0 passed, 1 failed, 0 skipped"))

    def test_totals_with_a_failure_fail_whatever_the_status(self):
        status, lines = self.run_steps(sum="echo '3 passed, 2 failed, 0 skipped'; exit 0")
        self.assertEqual((status, lines[-1]), (1, "3 passed, 2 failed, 0 skipped"))

    def test_the_last_totals_count(self):
        lines = self.run_steps(sum="echo '9 passed, 9 failed, 9 skipped'; "
                                   "echo '1 passed, 0 failed, 2 skipped'")[1]
        self.assertEqual(lines[-1], "1 passed, 0 failed, 2 skipped")

    def test_nothing_is_no_success(self):
        self.assertEqual(self.run_steps()[0], 1)

    def test_the_outcome_is_there_for_programs_too(self):
        self.run_steps(sum=f"printf '{KTAP}'; echo '1 passed, 1 failed, 0 skipped'; exit 1",
                       sum2="echo 'not ok a \001 b: x'; echo '0 passed, 1 failed, 2 skipped'",
                       one="exit 0")
        found = json.loads((self.folder / "log" / "test.json").read_text())
        self.assertEqual([found[key] for key in ("passed", "failed", "skipped")], [2, 2, 2])
        self.assertEqual([step["failures"] for step in found["steps"]],
                         [["buddy / merge"], ["a \x01 b: x"], []])
        top = ElementTree.parse(self.folder / "log" / "test.xml").getroot()
        self.assertEqual([(suite.get("name"), suite.get("failures")) for suite in top],
                         [("sum", "1"), ("sum2", "1"), ("one", "0")])
        cases = top.findall("./testsuite[@name='sum']/testsuite[@name='buddy']/testcase")
        self.assertEqual([(case.get("name"), case.find("failure") is None) for case in cases],
                         [("split", True), ("merge", False)])
        named = top.findall("./testsuite[@name='sum2']/testcase/failure/..")
        self.assertEqual([case.get("name") for case in named], ["a ? b: x", "verdict"])

    def test_cases_that_a_step_wrote_itself_are_taken_from_there(self):
        cases = self.folder / "cases.xml"
        cases.write_text("<testsuites><testsuite name='m'><testcase name='x'/></testsuite>"
                         "</testsuites>")
        for path, names in ((cases, ["m"]), (self.folder / "none.xml", [])):
            outcome = summary.Outcome("machines", (1, 0, 0), 1.0, [], [], "x.log", path)
            summary.write(self.folder, [outcome], (1, 0, 0))
            suite = ElementTree.parse(self.folder / "test.xml").getroot()[0]
            self.assertEqual([child.get("name") for child in suite.findall("testsuite")], names)

    def test_failures_are_named_right_before_the_totals(self):
        lines = self.run_steps(
            sum=f"printf '{KTAP}'; echo '1 passed, 1 failed, 0 skipped'; exit 1",
            sum2="echo 'not ok a full stick: no message'; echo '0 passed, 1 failed, 0 skipped'",
            sum3="echo 'failed: machine m: x; log build/log/m.log';"
                 "echo '0 passed, 1 failed, 0 skipped'",
            sum4="echo 'FAIL: test_x (test_y.Z)'; echo '0 passed, 1 failed, 0 skipped'")[1]
        self.assertEqual(lines[-5:], [
            "failed: sum: buddy / merge; log log/sum.log",
            "failed: sum2: a full stick: no message; log log/sum2.log",
            "failed: sum3: machine m: x; log build/log/m.log; log log/sum3.log",
            "failed: sum4: test_x (test_y.Z); log log/sum4.log",
            "1 passed, 4 failed, 0 skipped"])
        self.assertIn("  not ok 2 merge\n", (self.folder / "log" / "sum.log").read_text())

    def test_many_failures_are_not_all_named(self):
        lines = self.run_steps(sum="for i in $(seq 99); do echo \"not ok x$i\"; done; "
                                   "echo '0 passed, 99 failed, 0 skipped'")[1]
        self.assertEqual(lines[-2], "failed: sum: and 79 more; log log/sum.log")

    def test_a_step_without_end_is_ended_with_its_children(self):
        mark = self.folder / "alive"
        program = self.script("slow", f"(sleep 8; : >{mark}) & sleep 60")
        started = time.monotonic()
        with unittest.mock.patch("sys.stdout"):
            self.assertEqual(all_steps.run_step([program], 0.5), (None, []))
        self.assertLess(time.monotonic() - started, 20)
        self.assertEqual(all_steps.count(None, (3, 0, 0), True), (3, 1, 0))
        time.sleep(9)
        self.assertFalse(mark.exists())

    def test_an_interruption_ends_the_step_and_its_children(self):
        mark, started = self.folder / "alive", self.folder / "started"
        program = self.script("slow", f": >{started}; (sleep 8; : >{mark}) & sleep 60")
        # A shell starts what runs in its background deaf to SIGINT, and so would this be.
        script = (f"import signal, sys; sys.path[:0] = {sys.path!r}; import all\n"
                  f"signal.signal(signal.SIGINT, signal.default_int_handler)\n"
                  f"all.steps = lambda _: [all.Step('x', [{program!r}], 60)]\n"
                  f"all.main()")
        for number in (signal.SIGTERM, signal.SIGINT):
            started.unlink(missing_ok=True)
            with subprocess.Popen([sys.executable, "-B", "-c", script], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as process:
                self.assertTrue(any(started.exists() or time.sleep(0.05) for _ in range(600)))
                time.sleep(0.5)         # it is where it waits
                process.send_signal(number)
                self.assertNotEqual(process.wait(timeout=30), 0)
        time.sleep(9)
        self.assertFalse(mark.exists())

    def test_the_steps_are_all_there(self):
        with unittest.mock.patch.object(all_steps.Step, "is_there", return_value=True):
            names = [step.name for step in all_steps.steps(["fuzz_x"])]
        self.assertEqual(len(set(names)), len(names))
        self.assertLessEqual({"layers", "style", "tools", "port-check", "hosted units",
                              "hosted units, debug=all", "replay", "raw tables", "shell",
                              "targets", "readers", "fuzzers", "machines"}, set(names))

    def test_each_step_is_in_the_tree(self):
        for step in all_steps.steps([]):
            for word in step.command:
                if word.endswith(".py"):
                    self.assertTrue((all_steps.ROOT / word).is_file(), word)


class Fuzzers(fakes.FakePrograms):
    GOOD = "echo 'stat::number_of_executed_units: 1234' >&2; exit 0"

    def run_fuzzers(self, *texts):
        programs = [self.script(f"fuzz_{index}", text) for index, text in enumerate(texts)]
        with unittest.mock.patch.object(fuzz, "FOLDER", self.folder), \
                unittest.mock.patch.object(fuzz, "GRACE_S", 1), \
                unittest.mock.patch.dict("os.environ", FUZZ_SECONDS="1", FUZZ_RUNS=""):
            status, said = self.call(fuzz.main, *programs)
        return status, said.splitlines()

    def test_a_fuzzer_that_found_nothing_passes(self):
        status, lines = self.run_fuzzers(self.GOOD)
        self.assertEqual((status, lines[-1]), (0, "1 passed, 0 failed, 0 skipped"))

    def test_what_must_fail(self):
        for text in (self.GOOD.replace("exit 0", "exit 77"), "exit 0", "exec sleep 60",
                     self.GOOD.replace("1234", "0"), "kill -SEGV $$"):
            status, lines = self.run_fuzzers(self.GOOD, text)
            self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"), text)
            self.assertRegex(lines[-2], r"^failed: fuzzer fuzz_1; log .*/fuzz_1\.log$")

    def test_no_fuzzer_is_no_success(self):
        self.assertEqual(self.run_fuzzers()[0], 1)


if __name__ == "__main__":
    unittest.main()
