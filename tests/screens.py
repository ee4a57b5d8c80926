#!/usr/bin/python3
"""Looks at the screen as its owner does: by the QR code that zbarimg reads on a screenshot.

Boots machines with displays of several sizes, waits for the end of the run, and compares
what the code says with the run. Also reads codes of texts of many lengths, and types at
the start screen. Screenshots stay in build/run/screens.
"""

import argparse
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import qemu  # noqa: E402

PICTURES = ROOT / "build" / "run" / "screens"
TIMEOUT_S = 240
DRAWN_S = 20            # from the last line of the log to the last pixel
IS_OVER = (b"halted: the machine", b"image base 0x")

# name, width, height, options, what the code must say; all of it, in this order
ENDS = [
    ("pass-640", 640, 480, "tests=format,log end=halt",
     [r"^SLABSTICK \S+ PASS$", r"^\d+ passed, 0 failed, ", r"^ledger balances:.* slab \d+;"]),
    ("fail-800", 800, 600, "tests=no_such_test end=halt",
     [r"^SLABSTICK \S+ FAIL$", r"^0 passed, 1 failed, ", r"^first: no case matches"]),
    ("fail-1280", 1280, 800, "tests=selfcheck.fail,selfcheck.pass end=halt",
     [r"^SLABSTICK \S+ FAIL$", r"^1 passed, 1 failed, ", r"^first: selfcheck: fail: \S+: 2 \+ 2"]),
    ("pass-1920", 1920, 1080, "run=show show=numa end=halt",
     [r"^SLABSTICK \S+ PASS$", r"^1 passed, 0 failed, "]),
    ("panic-1280", 1280, 800, "tests=selfcheck_machine.fault* end=halt",
     [r"^SLABSTICK \S+ PANIC$", r"NULL pointer", r"^#0 image\+0x[0-9a-f]+ touch_null\+0x"]),
]
# Bytes: the ends of versions, and of the length's field of 8 bits.
LENGTHS = [1, 14, 15, 42, 43, 122, 180, 213, 214, 331, 412, 504, 665, 666]

# name, keys, lines that the log must have
MENUS = [
    ("a digit chooses", b"6", [r"^menu: capture only$", r"^Command line: .*run=none|run=none"]),
    ("a line of options", b"otests=fromat\x08\x08\x08\x08\x08ormat seed=7\r",
     [r"^menu: options tests=format seed=7$", r"^ok 1 format$"]),
]


class Report:
    """Counts points and says what is wrong with those that are not as they should be."""

    def __init__(self):
        self.nr_ok, self.nr_bad = 0, 0

    def add(self, name, problems):
        self.nr_ok += not problems
        self.nr_bad += bool(problems)
        print(f"{'FAILED' if problems else 'ok    '} {name}", flush=True)
        for problem in problems:
            print(f"       {problem}", flush=True)


def read_code(picture):
    """The text of the one code on @picture, or None."""
    command = ["zbarimg", "-q", "--raw", "-Sdisable", "-Sqrcode.enable", str(picture)]
    answer = subprocess.run(command, capture_output=True, timeout=60, check=False)
    return answer.stdout.decode("utf-8", "replace") if answer.returncode == 0 else None


def missing(patterns, text):
    return [f"{pattern!r} was wanted" for pattern in patterns
            if not re.search(pattern, text, re.MULTILINE)]


# ---- Codes -----------------------------------------------------------------

def check_codes(report):
    program = ROOT / "build" / "host" / "screens"
    text = "".join(chr(33 + (i * 7 + i // 13) % 94) for i in range(max(LENGTHS)))
    with tempfile.TemporaryDirectory(prefix="slabstick-") as folder:
        picture = pathlib.Path(folder, "code.ppm")
        for length in LENGTHS:
            made = subprocess.run([program, "qr"], input=text[:length].encode(),
                                  capture_output=True, timeout=60, check=False)
            picture.write_bytes(made.stdout)
            heard = read_code(picture)
            report.add(f"a code of {length} bytes", [] if heard is not None and
                       heard.rstrip("\n") == text[:length] else [f"read as {heard!r}"])


# ---- Ends of runs ----------------------------------------------------------

def take_picture(monitor, picture):
    """QEMU's screendump; the file is whole when the prompt comes back."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(60)
        line.connect(monitor)
        heard = b""
        line.sendall(f"screendump {picture}\n".encode())
        while heard.count(b"(qemu)") < 2:
            data = line.recv(4096)
            if not data:
                break
            heard += data


def command_for(run, folder, width, height):
    command = run.command(folder)
    if "end=halt" not in run.options:
        at = command.index("isa-debug-exit,iobase=0xf4,iosize=0x04")
        del command[at - 1:at + 1]      # the last screen stays
    at = command.index("-vga")
    command[at:at + 2] = ["-device", f"VGA,edid=on,xres={width},yres={height},vgamem_mb=64"]
    return command + ["-monitor", f"unix:{folder}/monitor,server,nowait"]


def wait_for_end(process, log):
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if any(word in log.read_bytes() for word in IS_OVER):
            return True
        time.sleep(0.5)
    return False


def look_at(name, width, height, options):
    """The code on the last screen of a run, or None."""
    picture = PICTURES / f"{name}.ppm"
    run = qemu.Run(qemu.even_machine(4, 1 << 30, 2), options=options)
    with tempfile.TemporaryDirectory(prefix="slabstick-") as folder:
        log = pathlib.Path(folder, "log")
        with open(log, "wb") as output, \
                subprocess.Popen(command_for(run, folder, width, height), stdout=output,
                                 stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL) as process:
            try:
                is_over, code = wait_for_end(process, log), None
                deadline = time.monotonic() + DRAWN_S
                while is_over and code is None and time.monotonic() < deadline:
                    time.sleep(1)
                    take_picture(f"{folder}/monitor", picture)
                    code = read_code(picture)
            finally:
                qemu.stop(process)
    return code


def check_ends(report):
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, width, height, options, patterns in ENDS:
        code = look_at(name, width, height, options)
        report.add(f"the end of {name}", ["no code was read"] if code is None
                   else missing(patterns, code))


# ---- Start screen ----------------------------------------------------------

def check_menus(report):
    for name, keys, patterns in MENUS:
        stdin, keyboard = os.pipe()
        state = {"heard": b"", "is_typed": False}

        def type_when_asked(data, keys=keys, keyboard=keyboard, state=state):
            state["heard"] += data
            if b"any key stops" in state["heard"] and not state["is_typed"]:
                state["is_typed"] = True
                os.write(keyboard, keys)

        run = qemu.Run(qemu.even_machine(1, 512 << 20, 1), is_menu_wanted=True,
                       timeout_s=TIMEOUT_S)
        verdict, output, _ = qemu.boot(run, type_when_asked, stdin)
        os.close(stdin)
        os.close(keyboard)
        text = output.decode("ascii", "replace").replace("\r", "")
        report.add(f"the start screen: {name}", list(verdict.reasons) + missing(patterns, text))


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    report = Report()
    if not shutil.which("zbarimg"):
        print("screens.py: zbarimg is missing; sh tools/setup.sh installs it", file=sys.stderr)
        return 1
    check_codes(report)
    check_ends(report)
    check_menus(report)
    print(f"{report.nr_ok} passed, {report.nr_bad} failed, 0 skipped")
    return 1 if report.nr_bad else 0


if __name__ == "__main__":
    sys.exit(main())
