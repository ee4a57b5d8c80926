"""Machines as arguments, and runs of stand-ins for QEMU."""

import contextlib
import io
import os
import pathlib
import stat
import tempfile
import unittest
import unittest.mock
import xml.etree.ElementTree as ElementTree

import ktap
import qemu
import run as machine_runner


class Machines(unittest.TestCase):
    def test_sizes(self):
        self.assertEqual(qemu.parse_bytes("256M"), 256 << 20)
        self.assertEqual(qemu.parse_bytes("8t"), 8 << 40)
        self.assertEqual(qemu.parse_bytes("64"), 64 << 20)
        with self.assertRaises(qemu.CannotRun):
            qemu.parse_bytes("lots")

    def test_the_default_machine(self):
        words = " ".join(qemu.even_machine(4, 1 << 30, 2).arguments())
        self.assertIn("-smp 4 -m 1048576K", words)
        self.assertIn("node,nodeid=0,memdev=ram0,cpus=0-1", words)
        self.assertIn("node,nodeid=1,memdev=ram1,cpus=2-3", words)
        self.assertIn("dist,src=0,dst=1,val=21", words)
        self.assertIn("dist,src=1,dst=1,val=10", words)
        self.assertIn("thread=multi", words)

    def test_no_nodes_means_no_description(self):
        self.assertNotIn("-numa", qemu.even_machine(1, 1 << 30, 0).arguments())

    def test_uneven_memory_is_all_given_out(self):
        machine = qemu.even_machine(1, (1 << 30) + 4096, 3)
        self.assertEqual(sum(node.memory_bytes for node in machine.nodes), machine.memory_bytes)
        self.assertEqual([node.cpus for node in machine.nodes], ["", "", "0-0"])

    def test_every_row_makes_a_machine_whose_memory_adds_up(self):
        for name, row in machine_runner.load_machines().items():
            machine = qemu.machine_from_row(row)
            if machine.nodes:
                self.assertEqual(sum(node.memory_bytes for node in machine.nodes),
                                 machine.memory_bytes, name)
            for distances in machine.distances:
                self.assertEqual(len(distances), len(machine.nodes), name)

    def test_commas_in_options_are_doubled(self):
        self.assertEqual(qemu.escaped("tests=a,b"), "tests=a,,b")


class StandIns(unittest.TestCase):
    """Programs in QEMU's place: what the runner makes of their ends."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def run_script(self, text, timeout_s=20, case_timeout_s=20):
        path = pathlib.Path(self.folder.name) / "stand-in"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        output = bytearray()
        ending = qemu.run_command([str(path)], self.folder.name, timeout_s, output.extend,
                                  case_timeout_s=case_timeout_s)
        return ending, bytes(output)

    def test_output_and_status_are_kept(self):
        ending, output = self.run_script("echo hello; echo oops >&2; exit 33\n")
        self.assertEqual((ending.exit_status, output, ending.errors), (33, b"hello\n", "oops\n"))
        self.assertIsNone(ending.timed_out)

    def test_a_program_that_does_not_end_is_killed_and_said_so(self):
        ending, output = self.run_script("echo started; exec sleep 60\n", timeout_s=1)
        self.assertEqual(ending.timed_out, ktap.TIMEOUT_BOOT)
        self.assertEqual(output, b"started\n")
        self.assertIn("timeout", ktap.judge(output, ending).text())

    def test_a_case_that_does_not_end_is_killed_and_named(self):
        ending, output = self.run_script(
            "printf 'KTAP version 1\\n1..1\\n  KTAP version 1\\n  # Subtest: buddy\\n  1..2\\n"
            "  # a\\r  ok 1 a\\n  # split'; exec sleep 60\n", case_timeout_s=1)
        self.assertEqual(ending.timed_out, ktap.TIMEOUT_CASE)
        self.assertIn("timeout: buddy / split has not ended within 1 s",
                      ktap.judge(output, ending).text())

    def test_between_cases_there_is_no_limit_but_the_boots(self):
        ending, _ = self.run_script("printf '  # a\\r  ok 1 a\\n'; sleep 2; exit 33\n",
                                    case_timeout_s=1)
        self.assertEqual((ending.exit_status, ending.timed_out), (33, None))

    def test_closing_the_output_without_ending_is_bounded(self):
        ending, _ = self.run_script("exec >&-; exec 2>&-; exit 3\n")
        self.assertEqual(ending.exit_status, 3)

    def test_a_triple_fault_is_read_from_qemus_own_log(self):
        log = os.path.join(self.folder.name, "qemu.log")
        ending, _ = self.run_script(f"echo 'Triple fault' >{log}; exit 0\n")
        self.assertTrue(ending.is_triple_fault)


class Sticks(unittest.TestCase):
    """The guest's writes, by a stand-in that writes to its stick as QEMU would."""

    QEMU = """#!/bin/sh
for word; do case $word in *id=stick*snapshot=off*) echo written >"${word##*file=}";; esac; done
printf '\\033[2JKTAP version 1\\r\\n1..1\\r\\nok 1 run\\r\\n1 passed, 0 failed, 0 skipped\\r\\n'
exit 33
"""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.image = self.folder / "x.img"
        self.image.write_text("built")
        self.qemu = self.folder / "qemu"
        self.qemu.write_text(self.QEMU)
        self.qemu.chmod(0o755)

    def boot(self, **words):
        machine = qemu.even_machine(1, 1 << 28, 0)
        return qemu.boot(qemu.Run(machine, self.image, qemu=str(self.qemu), ovmf=str(self.image),
                                  **words))

    def test_a_run_leaves_the_image_as_it_was(self):
        verdict, output, _ = self.boot()
        self.assertTrue(verdict.is_passed, verdict.text())
        self.assertTrue(output.startswith(b"KTAP"))
        self.assertEqual(self.image.read_text(), "built")

    def test_a_kept_stick_has_what_the_guest_wrote(self):
        kept = self.folder / "run" / "kept.img"
        self.boot(kept_stick=kept)
        self.assertEqual((kept.read_text(), self.image.read_text()), ("written\n", "built"))
        self.assertEqual(list(kept.parent.iterdir()), [kept])

    def test_a_stick_that_cannot_be_kept_leaves_nothing(self):
        kept = self.folder / "run" / "kept.img"
        kept.mkdir(parents=True)
        with self.assertRaises(OSError):
            self.boot(kept_stick=kept)
        self.assertEqual(list(kept.parent.iterdir()), [kept])

    def test_what_was_built_is_never_written_to(self):
        run = qemu.Run(qemu.even_machine(1, 1 << 28, 0), qemu.IMAGE, is_snapshot=False)
        with unittest.mock.patch("os.path.isfile", return_value=True), \
                self.assertRaisesRegex(qemu.CannotRun, "copy it"):
            run.command(self.folder)


class Firmware(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.code = self.folder / "MY_CODE_4M.fd"
        self.code.write_text("code")

    def test_variables_are_found_beside_the_code(self):
        self.assertEqual(qemu.find_ovmf(str(self.code)), (str(self.code), None))
        variables = self.folder / "MY_VARS_4M.fd"
        variables.write_text("vars")
        self.assertEqual(qemu.find_ovmf(str(self.code)), (str(self.code), str(variables)))

    def test_distributions_are_looked_through_in_order(self):
        variables = self.folder / "OTHER.fd"
        variables.write_text("vars")
        places = [("/no/code.fd", str(variables)), (str(self.code), "/no/vars.fd"),
                  (str(self.code), str(variables))]
        with unittest.mock.patch.object(qemu, "OVMF_PLACES", places), \
                unittest.mock.patch.dict(os.environ, OVMF=""):
            self.assertEqual(qemu.find_ovmf(), (str(self.code), str(variables)))

    def test_runs_get_copies_of_what_they_may_write(self):
        alone = qemu.firmware_arguments(str(self.folder), str(self.code), None)
        self.assertNotIn(str(self.code), " ".join(alone))
        variables = self.folder / "MY_VARS_4M.fd"
        variables.write_text("vars")
        both = " ".join(qemu.firmware_arguments(str(self.folder), str(self.code), str(variables)))
        self.assertIn(f"readonly=on,file={self.code}", both)
        self.assertNotIn(str(variables), both)


class MissingPrograms(unittest.TestCase):
    def test_a_missing_qemu_names_the_remedy(self):
        with self.assertRaisesRegex(qemu.CannotRun, "tools/setup.sh"):
            qemu.find_qemu("no-such-qemu")

    def test_a_missing_firmware_names_the_file(self):
        with self.assertRaisesRegex(qemu.CannotRun, "/no/such.fd"):
            qemu.find_ovmf("/no/such.fd")


class Rows(unittest.TestCase):
    """tests/run.py: a machine that must fail passes only when it fails as foretold."""

    def verdict(self, text, status):
        return ktap.judge(text, ktap.Ending(status))

    def test_the_wanted_failure_is_a_pass(self):
        verdict = self.verdict("Bail out! a.c:1 boom\n", 37)
        row = {"outcome": "panic: a.c:1 boom"}
        self.assertEqual(machine_runner.judge_row(row, verdict), [])
        self.assertEqual(machine_runner.count_row(row, verdict, True), (1, 0, 0))

    def test_another_failure_is_not(self):
        verdict = self.verdict("Bail out! a.c:1 boom\n", 37)
        self.assertTrue(machine_runner.judge_row({"outcome": "timeout"}, verdict))

    def test_a_missing_line_fails(self):
        verdict = self.verdict("Built 1 zonelists\n", 37)
        row = {"outcome": "QEMU", "expect": ["Built 2 zonelists"]}
        self.assertEqual(len(machine_runner.judge_row(row, verdict)), 1)

    def test_a_dead_machine_counts_as_one_failure(self):
        verdict = self.verdict("", 0)
        self.assertEqual(machine_runner.count_row({}, verdict, False), (0, 1, 0))


class Junit(unittest.TestCase):
    LOG = ("KTAP version 1\n1..1\n  KTAP version 1\n  1..3\n  ok 1 one\n  # a.c:1: x\n"
           "  not ok 2 two\n  ok 3 three # SKIP no\nnot ok 1 buddy\n\x01noise\n"
           "1 passed, 1 failed, 1 skipped\n")

    def test_suites_nest_and_failures_carry_the_log(self):
        verdict = ktap.judge(self.LOG, ktap.Ending(35))
        result = machine_runner.Result("m", False, verdict.reasons, verdict, 1.5, (1, 1, 1))
        with tempfile.NamedTemporaryFile(suffix=".xml") as file:
            machine_runner.write_junit(pathlib.Path(file.name), [result])
            top = ElementTree.parse(file.name).getroot()
        cases = top.findall("./testsuite[@name='m']/testsuite[@name='buddy']/testcase")
        self.assertEqual([case.get("name") for case in cases], ["one", "two", "three"])
        self.assertEqual(cases[1].find("failure").get("message"), "a.c:1: x")
        self.assertEqual(cases[2].find("skipped").get("message"), "no")
        self.assertIn("?noise", top.find("./testsuite/system-out").text)

    def shown(self, text):
        verdict = ktap.judge(text, ktap.Ending(35))
        result = machine_runner.Result("m", False, verdict.reasons, verdict, 1.5, (1, 1, 1))
        with contextlib.redirect_stdout(io.StringIO()) as output:
            machine_runner.show(result)
        return output.getvalue()

    def test_what_failed_is_shown_with_its_place(self):
        output = self.shown(self.LOG)
        self.assertIn("| buddy / two: a.c:1: x\n", output)
        self.assertNotIn("noise", output)

    def test_a_log_that_is_cut_is_shown_to_its_end(self):
        output = self.shown(self.LOG[:self.LOG.index("1 passed")])
        self.assertIn("| buddy / two: a.c:1: x\n", output)
        self.assertIn("noise", output)


if __name__ == "__main__":
    unittest.main()
