"""The shell scripts: set-up on machines that lack things, and refusals of the USB writer."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# What set-up itself uses; everything else is missing in the pretended machine.
ALLOWED = ["sh", "cat", "env", "sed"]


class Scripts(unittest.TestCase):
    def test_every_script_parses(self):
        for script in [*ROOT.glob("tools/*.sh"), ROOT / ".ci" / "run"]:
            shell = "bash" if script.name == "run" else "sh"
            run = subprocess.run([shell, "-n", script], capture_output=True, text=True, timeout=20,
                                 check=False)
            self.assertEqual((run.returncode, run.stderr), (0, ""), script)


class Setup(unittest.TestCase):
    """A machine with nothing but a shell, and stand-ins for id, sudo and apt-get."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name in ALLOWED:
            (self.folder / name).symlink_to(shutil.which(name))

    def stand_in(self, name, text):
        path = self.folder / name
        path.write_text(f"#!{shutil.which('sh')}\n{text}\n")
        path.chmod(0o755)

    def run_setup(self, *words):
        return subprocess.run(["sh", ROOT / "tools" / "setup.sh", *words], capture_output=True,
                              text=True, timeout=20, check=False,
                              env={"PATH": str(self.folder), "HOME": str(self.folder)})

    def test_missing_packages_are_installed_without_questions(self):
        calls = self.folder / "calls"
        self.stand_in("id", "echo 0")
        self.stand_in("apt-get", f'echo "$DEBIAN_FRONTEND $*" >>{calls}')
        self.run_setup()
        first, second = calls.read_text().splitlines()
        self.assertEqual(first, "noninteractive -qq update")
        self.assertTrue(second.startswith("noninteractive -qq install -y"), second)
        for package in ("gcc", "make", "qemu-system-x86", "mtools"):
            self.assertIn(f" {package}", second)

    def test_an_installation_that_changed_nothing_fails(self):
        self.stand_in("id", "echo 0")
        self.stand_in("apt-get", "exit 0")
        run = self.run_setup()
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("missing:", run.stdout)

    def test_other_distributions_are_named_their_packages(self):
        self.stand_in("id", "echo 0")
        run = self.run_setup()
        self.assertNotEqual(run.returncode, 0)
        for name in ("Fedora", "Arch", "openSUSE", "Alpine"):
            self.assertIn(name, run.stderr)

    def test_without_root_and_sudo_it_says_what_to_run(self):
        self.stand_in("id", "echo 1000")
        self.stand_in("apt-get", "exit 0")
        run = self.run_setup()
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("run as root: sh tools/setup.sh", run.stderr)

    def test_sudo_is_used_by_others_than_root(self):
        calls = self.folder / "calls"
        self.stand_in("id", "echo 1000")
        self.stand_in("apt-get", "exit 0")
        self.stand_in("sudo", f'echo "$*" >>{calls}')
        self.run_setup()
        self.assertIn("apt-get -qq update", calls.read_text())


class Usb(unittest.TestCase):
    def refusal(self, device, image="/dev/null"):
        run = subprocess.run(["sh", ROOT / "tools" / "usb.sh", image, device],
                             capture_output=True, text=True, timeout=20, check=False,
                             stdin=subprocess.DEVNULL,
                             env={**os.environ, "FORCE": ""})
        self.assertNotEqual(run.returncode, 0)
        return run.stderr

    def test_no_device_shows_the_usage(self):
        self.assertIn("make usb DEV=", self.refusal("", __file__))

    def test_what_is_no_block_device_is_refused(self):
        self.assertIn("not a block device", self.refusal("/dev/null", __file__))

    def test_a_missing_image_is_named(self):
        self.assertIn("make image", self.refusal("/dev/null", "/no/such.img"))


if __name__ == "__main__":
    unittest.main()
