"""Boots that went wrong in every way we know, in front of every program that judges boots."""

import time
import unittest
import unittest.mock

import bench
import fakes
import ktap
import qemu
import raw_machines
import run as machine_runner
import shell


class Machines(fakes.FakePrograms):
    """tests/run.py"""

    def run_one(self, row, *words):
        with unittest.mock.patch.object(machine_runner, "load_machines", return_value={"m": row}), \
                unittest.mock.patch.object(machine_runner, "LOG_FOLDER", self.folder / "log"):
            return self.call(machine_runner.main, "--image", self.image, *words)

    def test_bad_boots_fail_and_are_named_before_the_totals(self):
        for name, (log, status, text) in fakes.BAD_BOOTS.items():
            with self.subTest(name):
                self.fake_qemu(log, status)
                ended, said = self.run_one({})
                *_, failed, totals = said.splitlines()
                self.assertEqual(ended, 1)
                self.assertIn(text, said)
                self.assertRegex(failed, r"^failed: machine m: .*; log build/log/m\.log$")
                self.assertRegex(totals, r"^\d+ passed, [1-9]\d* failed, \d+ skipped$")

    def test_good_boots_pass(self):
        for name, log in fakes.GOOD_BOOTS.items():
            with self.subTest(name):
                self.fake_qemu(log)
                ended, said = self.run_one({})
                self.assertEqual(ended, 0, said)
                self.assertIn(" passed, 0 failed, ", said.splitlines()[-1])

    def test_the_log_of_a_failure_is_kept_clean(self):
        self.fake_qemu(fakes.FAILED, 35)
        self.run_one({})
        log = (self.folder / "log" / "m.log").read_text()
        self.assertIn("\n  not ok 1 on-slab\n", log)
        self.assertNotIn("\x1b", log)

    def test_a_boot_without_end(self):
        self.fake_qemu(fakes.GOOD, tail="exec sleep 60")
        ended, said = self.run_one({}, "--timeout", 1)
        self.assertEqual(ended, 1)
        self.assertIn("timeout: no end within 1 s", said)

    def test_a_case_without_end(self):
        self.fake_qemu(fakes.GOOD[:fakes.GOOD.index("\r  ok 1 on-slab")], tail="exec sleep 60")
        ended, said = self.run_one({"case_timeout": 1})
        self.assertEqual(ended, 1)
        self.assertIn("timeout: slab / on-slab has not ended within 1 s", said)

    def test_a_wanted_failure_passes_and_another_does_not(self):
        self.fake_qemu(fakes.FAILED, 35)
        self.assertEqual(self.run_one({"outcome": "status 35.*on-slab"})[0], 0)
        self.assertEqual(self.run_one({"outcome": "panic"})[0], 1)
        self.fake_qemu(fakes.GOOD)
        self.assertEqual(self.run_one({"outcome": "panic"})[0], 1)
        self.assertEqual(self.run_one({"outcome": "."})[0], 1)

    def test_a_banner_twice_fails(self):
        self.fake_qemu("Slabstick 0.0\r\n" + fakes.GOOD)
        self.assertIn("2 times", self.run_one({})[1])

    def test_an_expected_line_that_is_missing_fails(self):
        self.fake_qemu(fakes.GOOD)
        self.assertEqual(self.run_one({"expect": ["^Slabstick 0"]})[0], 0)
        self.assertEqual(self.run_one({"expect": ["^Slabstick 9"]})[0], 1)

    def test_no_machine_is_no_success(self):
        self.assertNotIn(self.run_one({}, "--machine", "none")[0], (0, None))

    def test_no_qemu_is_a_failure(self):
        ended, said = self.run_one({})
        self.assertEqual(ended, 1)
        self.assertIn("tools/setup.sh", said)
        self.assertIn("log none", said)


class MakeRun(fakes.FakePrograms):
    """tools/qemu.py"""

    def run_one(self, *words):
        return self.call(qemu.main, "--image", self.image, "--keep", self.folder / "kept", *words)

    def test_bad_boots_have_a_status_and_a_last_line(self):
        for name, (log, status, text) in fakes.BAD_BOOTS.items():
            with self.subTest(name):
                self.fake_qemu(log, status)
                ended, said = self.run_one()
                self.assertEqual(ended, status if status in (35, 37) else 1)
                last = said.splitlines()[-1]
                self.assertTrue(last.startswith("qemu.py: "), last)
                self.assertIn(text, last)
                self.assertIn(f"log {self.folder}/kept.log", last)

    def test_good_boots_pass(self):
        for name, log in fakes.GOOD_BOOTS.items():
            with self.subTest(name):
                self.fake_qemu(log)
                self.assertEqual(self.run_one()[0], 0)

    def test_a_timeout_has_a_status_of_its_own(self):
        self.fake_qemu(fakes.GOOD, tail="exec sleep 60")
        self.assertEqual(self.run_one("--timeout", 1)[0], 124)

    def test_what_is_no_terminal_gets_clean_lines(self):
        self.fake_qemu(fakes.GOOD + "an open line")
        said = self.run_one()[1]
        self.assertIn("\n  ok 1 split\n", said)
        self.assertIn("\nan open line\n", said)
        self.assertNotIn("\x1b", said)
        self.assertNotIn("\r", said)

    def test_an_interrupted_run_has_a_log(self):
        self.fake_qemu(fakes.GOOD)
        with unittest.mock.patch.object(ktap, "judge", side_effect=KeyboardInterrupt):
            ended, said = self.run_one()
        self.assertEqual(ended, 130)
        self.assertIn("ok 1 split", (self.folder / "kept.log").read_text())

    def test_a_machine_that_is_none(self):
        self.assertEqual(self.run_one("--machine", "none")[0], 2)


class Ends(fakes.FakePrograms):
    """Of QEMU itself: every wait is bounded."""

    def end(self, text, timeout_s=20):
        started = time.monotonic()
        path = self.script("program", text)
        ending = qemu.run_command([path], self.folder, timeout_s, lambda _: None)
        return ending, time.monotonic() - started

    def test_a_qemu_that_ignores_SIGTERM_is_killed(self):
        with unittest.mock.patch.object(qemu, "SECONDS_TO_STOP", 1):
            ending, seconds = self.end("trap '' TERM; while :; do sleep 0.1; done", timeout_s=1)
        self.assertEqual((ending.exit_status, ending.timed_out), (-9, ktap.TIMEOUT_BOOT))
        self.assertLess(seconds, 15)

    def test_a_qemu_that_closed_its_output_is_not_waited_for_without_end(self):
        with unittest.mock.patch.object(qemu, "SECONDS_TO_END", 1):
            ending, seconds = self.end("exec >&- 2>&-; exec sleep 60")
        self.assertEqual(ending.timed_out, ktap.TIMEOUT_BOOT)
        self.assertLess(seconds, 15)

    def test_return_addresses_name_the_call(self):
        self.assertEqual(qemu.frame_address("0", "10"), 16)
        self.assertEqual(qemu.frame_address("1", "10"), 15)

    def test_the_callers_accelerator_is_the_only_one(self):
        run = qemu.Run(qemu.even_machine(1, 1 << 28, 0), self.image, extra=["-accel", "kvm"],
                       qemu="sh", ovmf=str(self.image))
        command = run.command(self.folder)
        at = [index for index, word in enumerate(command) if word == "-accel"]
        self.assertEqual([command[index + 1] for index in at], ["kvm"])

    def test_statuses(self):
        def status_of(status, log=fakes.GOOD, **ending):
            return qemu.exit_status(ktap.judge(log, ktap.Ending(status, **ending)), status)
        self.assertEqual(status_of(33), 0)
        self.assertEqual(status_of(33, fakes.GOOD[:300]), 1)
        self.assertEqual(status_of(35), 35)
        self.assertEqual(status_of(37), 37)
        self.assertEqual(status_of(0), 1)
        self.assertEqual(status_of(-15, timed_out=ktap.TIMEOUT_BOOT), 124)
        self.assertEqual(status_of(-15, timed_out=ktap.TIMEOUT_CASE), 124)


class Benchmarks(fakes.FakePrograms):
    """tools/bench.py"""

    BUDGETS = ('[machine.bench]\ncpus = 1\nmemory = "256M"\nexpect = ["^the image"]\n'
               '[[row]]\nname = "a"\nbudget = 40\n')
    LOG = ("the image\r\n@bench name=a instructions=40.00\r\n@zone name=a instructions=99\r\n"
           "KTAP version 1\r\n1..1\r\nok 1 run=bench\r\n1 passed, 0 failed, 0 skipped\r\n")

    def run_one(self, *words):
        budgets = self.folder / "budgets.toml"
        budgets.write_text(self.BUDGETS)
        with unittest.mock.patch.object(bench, "BUDGETS", budgets):
            return self.call(bench.main, "--image", self.image, "--log", self.folder / "log" / "b",
                             *words)

    def test_a_good_run(self):
        self.fake_qemu(self.LOG)
        self.assertEqual(self.run_one()[0], 0)

    def test_what_must_fail(self):
        bad = {
            "over": (self.LOG.replace("40.00", "40.01"), 33, "OVER"),
            "missing": (self.LOG.replace("name=a", "name=b"), 33, "MISSING"),
            "panic": (self.LOG + "Bail out! boom\r\n", 33, "panic: boom"),
            "panic before the end": (self.LOG + "Bail out! boom\r\n", 37, "panic: boom"),
            "status": (self.LOG, 35, "QEMU status 35"),
            "ended early": (self.LOG, 0, "status 0"),
            "another image": (self.LOG.replace("the image", "x"), 33, "no line of the log"),
            "cycles": (self.LOG.replace("instructions=4", "cycles=4"), 33, "does not read 3.00"),
            "nothing": ("", 33, "no line of the log"),
        }
        for name, (log, status, text) in bad.items():
            with self.subTest(name):
                self.fake_qemu(log, status)
                ended, said = self.run_one()
                self.assertEqual(ended, 1)
                self.assertIn(text, said)

    def test_a_boot_without_figures_fails_though_no_row_wants_any(self):
        self.fake_qemu(self.LOG, 35)
        with unittest.mock.patch.object(bench.Row, "problem", return_value=""):
            ended, said = self.run_one()
        self.assertEqual(ended, 1)
        self.assertIn("failed: bench: ", said)

    def test_a_row_that_is_none(self):
        self.assertNotIn(self.run_one("-k", "none")[0], (0, None))


class RawTables(fakes.FakePrograms):
    """tests/raw_machines.py"""

    def boot(self):
        return raw_machines.boot(qemu.Run(qemu.even_machine(1, 1 << 28, 0), self.image))

    def test_bad_boots_are_failures(self):
        for name, (log, status, _) in fakes.BAD_BOOTS.items():
            with self.subTest(name):
                self.fake_qemu(log, status)
                with self.assertRaises(raw_machines.Failure):
                    self.boot()

    def test_a_ledger_that_does_not_balance_is_one(self):
        self.fake_qemu(fakes.GOOD)
        self.assertIn("balances", self.boot())
        self.fake_qemu(fakes.GOOD.replace("the ledger balances", "the ledger is off by 3 pages"))
        with self.assertRaisesRegex(raw_machines.Failure, "ledger"):
            self.boot()

    def check_nodes(self, log):
        wanted = {"nodes": [{"pxm": 4, "cpus": [0, 7]}, {"pxm": 5, "cpus": [9]}]}
        with unittest.mock.patch.object(raw_machines.replay, "replay", return_value=wanted), \
                unittest.mock.patch.object(raw_machines.machine_of_capture, "chosen_cpus",
                                           return_value=[0, 9]):
            raw_machines.check_nodes(log, self.folder, None)

    def test_nodes_must_be_those_of_the_replay(self):
        log = ("SRAT: PXM 4 -> APIC 0x00 -> Node 0\nSRAT: PXM 5 -> APIC 0x09 -> Node 1\n"
               "Built 2 zonelists\nsmp: Brought up 2 of 2 CPUs\n")
        self.check_nodes(log)
        for old, new in (("PXM 5", "PXM 4"), ("Built 2", "Built 1"), ("2 of 2", "1 of 2")):
            with self.assertRaises(raw_machines.Failure):
                self.check_nodes(log.replace(old, new))

    def test_main_fails_with_a_case_and_without_any(self):
        def broken(_):
            raise raw_machines.Failure("boom")
        for cases, status in (([("a", broken)], 1), ([("a", lambda _: None)], 0), ([], 1)):
            with unittest.mock.patch.object(raw_machines, "cases", return_value=cases):
                ended, said = self.call(raw_machines.main)
            self.assertEqual(ended, status, said)
        self.assertIn("0 passed, 0 failed", said)


class Dialogues(fakes.FakePrograms):
    """tests/shell.py, with a machine that answers "yes" to the first line alone."""

    QEMU = ("printf 'slabstick> '; read line; printf 'yes\\r\\n%s'; "
            "printf 'KTAP version 1\\r\\n1..1\\r\\nok 1 run=shell\\r\\n"
            "1 passed, 0 failed, 0 skipped\\r\\n'; exit %d")

    def run_turns(self, turns, prompt="", status=33):
        self.script("qemu", self.QEMU % (prompt, status))
        with unittest.mock.patch.object(shell, "dialogues", return_value={"talk": turns}), \
                unittest.mock.patch.object(qemu, "IMAGE", self.image), \
                unittest.mock.patch.object(qemu.Run, "image", self.image), \
                unittest.mock.patch.object(shell, "TIMEOUT_S", 20):
            return self.call(shell.main)

    def test_answers_are_judged(self):
        ended, said = self.run_turns([shell.Turn("one", b"x\n", ["^yes$"])])
        self.assertEqual(ended, 0, said)
        self.assertEqual(self.run_turns([shell.Turn("one", b"x\n", ["^no$"])])[0], 1)
        self.assertEqual(self.run_turns([shell.Turn("one", b"x\n", ["^yes$"], ["^yes"])])[0], 1)

    def test_a_turn_that_is_never_answered_fails(self):
        turns = [shell.Turn("one", b"x\n", ["^yes$"]), shell.Turn("two", b"y\n", [])]
        ended, said = self.run_turns(turns)
        self.assertEqual(ended, 1)
        self.assertIn("never answered", said)

    def test_a_boot_that_fails_is_a_failure_though_all_was_answered(self):
        ended, said = self.run_turns([shell.Turn("one", b"x\n", ["^yes$"])], status=35)
        self.assertEqual(ended, 1)
        self.assertIn("not ok talk: the boot", said)


if __name__ == "__main__":
    unittest.main()
