"""The shell scripts: set-up on machines that lack things, and refusals of the USB writer."""

import os
import pathlib
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import zlib

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


class MakingTheImage(unittest.TestCase):
    """tools/mkimage.sh with a stand-in for mformat, which comes before the rest."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.image = self.folder / "made" / "x.img"
        self.image.parent.mkdir()
        (self.folder / "x.EFI").write_bytes(b"MZ" + bytes(5000))

    def start(self, stand_in=None, sector="512"):
        environment = {**os.environ, "TZ": "UTC", "SECTOR": sector}
        if stand_in:
            path = self.folder / "mformat"
            path.write_text(f"#!/bin/sh\n{stand_in}\n")
            path.chmod(0o755)
            environment["PATH"] = f"{self.folder}:{environment['PATH']}"
        # What a shell runs in its background is deaf to signals, and so are its children.
        return subprocess.Popen(["env", "--default-signal", "sh", ROOT / "tools" / "mkimage.sh",
                                 self.folder / "x.EFI", self.image],
                                env=environment, start_new_session=True,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def test_the_same_input_makes_the_same_image(self):
        self.assertEqual(self.start().wait(timeout=60), 0)
        first = self.image.read_bytes()
        # FAT counts times in steps of two seconds.
        time.sleep(2.1)
        self.assertEqual(self.start().wait(timeout=60), 0)
        self.assertEqual(self.image.read_bytes() == first, True)

    def header(self, sector_bytes, at):
        """(own sector, the other's, first and last usable, table) of a GPT header that is whole."""
        with open(self.image, "rb") as image:
            image.seek(at * sector_bytes)
            header = image.read(92)
            self.assertEqual(header[:8], b"EFI PART")
            own, other, first, last = struct.unpack_from("<4Q", header, 24)
            table_at, nr, entry_bytes, checksum = struct.unpack_from("<Q3I", header, 72)
            image.seek(table_at * sector_bytes)
            table = image.read(nr * entry_bytes)
        blank = header[:16] + bytes(4) + header[20:]
        self.assertEqual(zlib.crc32(blank), struct.unpack_from("<I", header, 16)[0])
        self.assertEqual(zlib.crc32(table), checksum)
        return own, other, first, last, table

    def check_image(self, sector_bytes, volume_path):
        """Both headers are where disks of such sectors have them; the volume is what they say."""
        end = self.image.stat().st_size // sector_bytes - 1
        own, other, first, last, table = self.header(sector_bytes, 1)
        self.assertEqual((own, other), (1, end))
        self.assertEqual(self.header(sector_bytes, end)[:2], (end, 1))
        self.assertEqual(self.header(sector_bytes, end)[2:], (first, last, table))
        start, volume_last = struct.unpack_from("<2Q", table, 32)
        self.assertEqual(start * sector_bytes, 1 << 20)
        self.assertTrue(first <= start < volume_last <= last)
        with open(self.image, "rb") as image, open(volume_path, "wb") as volume:
            image.seek(1 << 20)
            volume.write(image.read((volume_last + 1 - start) * sector_bytes))
        with open(volume_path, "rb") as volume:
            boot = volume.read(512)
        self.assertEqual(struct.unpack_from("<H", boot, 11)[0], sector_bytes)
        self.assertEqual(struct.unpack_from("<I", boot, 28)[0], start)      # hidden sectors
        self.assertEqual(struct.unpack_from("<I", boot, 32)[0], volume_last + 1 - start)

    def test_partition_table_and_volume_count_in_the_disks_sectors(self):
        fsck = shutil.which("fsck.fat") or "/usr/sbin/fsck.fat"
        for sector_bytes in (512, 4096):
            self.assertEqual(self.start(sector=str(sector_bytes)).wait(timeout=60), 0)
            volume = self.folder / "volume"
            self.check_image(sector_bytes, volume)
            check = subprocess.run([fsck, "-n", volume], capture_output=True, text=True,
                                   timeout=60, check=False)
            self.assertEqual(check.returncode, 0, check.stdout)

    def test_sectors_of_other_sizes_are_refused(self):
        self.assertNotEqual(self.start(sector="2048").wait(timeout=60), 0)
        self.assertEqual(list(self.image.parent.iterdir()), [])

    def test_a_failure_leaves_nothing(self):
        self.assertNotEqual(self.start("exit 1").wait(timeout=60), 0)
        self.assertEqual(list(self.image.parent.iterdir()), [])

    def test_an_interruption_leaves_nothing(self):
        started = self.folder / "started"
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            started.unlink(missing_ok=True)
            process = self.start(f": >{started}; exec sleep 60")
            self.assertTrue(any(started.exists() or time.sleep(0.05) for _ in range(600)))
            os.killpg(process.pid, number)
            self.assertNotEqual(process.wait(timeout=60), 0)
            self.assertEqual(list(self.image.parent.iterdir()), [], number)


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

    def test_it_says_what_it_installs_and_nothing_when_all_is_there(self):
        self.stand_in("id", "echo 0")
        self.stand_in("apt-get", "exit 0")
        self.assertIn("setup: installing gcc ", self.run_setup().stdout)
        run = subprocess.run(["sh", ROOT / "tools" / "setup.sh"], capture_output=True, text=True,
                             timeout=20, check=False)
        self.assertEqual((run.returncode, run.stdout, run.stderr), (0, "", ""))

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
    def refusal(self, device, image="/dev/null", sector=None):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        if sector:      # a stand-in for the one tool that knows
            path = pathlib.Path(folder.name) / "lsblk"
            path.write_text(f"#!/bin/sh\necho '{sector}'\n")
            path.chmod(0o755)
        run = subprocess.run(["sh", ROOT / "tools" / "usb.sh", image, device],
                             capture_output=True, text=True, timeout=20, check=False,
                             stdin=subprocess.DEVNULL,
                             env={**os.environ, "FORCE": "",
                                  "PATH": f"{folder.name}:{os.environ['PATH']}"})
        self.assertNotEqual(run.returncode, 0)
        return run.stderr

    def test_no_device_shows_the_usage(self):
        self.assertIn("make usb DEV=", self.refusal("", __file__))

    def test_what_is_no_block_device_is_refused(self):
        self.assertIn("not a block device", self.refusal("/dev/null", __file__))

    def test_a_missing_image_is_named(self):
        self.assertIn("make image", self.refusal("/dev/null", "/no/such.img"))

    def test_the_image_is_that_for_the_disks_sectors(self):
        self.assertIn("/no/such-4096.img: no such file; make image SECTOR=4096",
                      self.refusal("/dev/null", "/no/such.img", "4096"))
        self.assertIn("/no/such.img: no such file; make image SECTOR=512",
                      self.refusal("/dev/null", "/no/such.img", " 512"))
        self.assertIn("sectors of 520 bytes", self.refusal("/dev/null", "/no/such.img", "520"))


if __name__ == "__main__":
    unittest.main()
