#!/usr/bin/python3
"""Boots the disk image in QEMU and says how it went.

Used by `make run` and, as a module, by tests/run.py and tools/bench.py. The
serial console goes to standard output as it is written. The exit status is 0
only when QEMU ended with 33, the KTAP plan is complete and nothing bailed out;
35 and 37 are passed on, 124 is a timeout, 2 a word that is none, 1 everything else.

A run never writes to the image it is given. With --keep PREFIX the guest gets a
copy that it may write to, for what firmware said is captured on the stick; the
copy stays as PREFIX.img, the log as PREFIX.log:
    mcopy -s -i build/run/run.img@@1M ::/slabstick/capture build/run
"""

import argparse
import dataclasses
import math
import os
import pathlib
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import ktap  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
IMAGE = BUILD / "slabstick.img"
VERSION = (ROOT / "VERSION").read_text(encoding="ascii").strip()
EXIT_TIMEOUT = 124
# Between the end of the output and that of QEMU; and when it is asked to end.
SECONDS_TO_END = 30
SECONDS_TO_STOP = 5
# One case, on a host that does much else.
CASE_TIMEOUT_S = 150

DISK = ("ide-hd,drive=stick,bootindex=0",)

LOCAL_DISTANCE, REMOTE_DISTANCE = 10, 21

# (code, variables) of the distributions, the 4 MiB builds first.
OVMF_PLACES = [
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/edk2-ovmf/x64/OVMF_CODE.fd", "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd"),
    ("/usr/share/edk2-ovmf/OVMF_CODE.fd", "/usr/share/edk2-ovmf/OVMF_VARS.fd"),
    ("/usr/share/qemu/ovmf-x86_64-4m-code.bin", "/usr/share/qemu/ovmf-x86_64-4m-vars.bin"),
    ("/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"),
    ("/usr/share/qemu/edk2-x86_64-code.fd", "/usr/share/qemu/edk2-i386-vars.fd"),
]


class CannotRun(Exception):
    """QEMU cannot be started; the text says what to do about it."""


class BadWord(CannotRun):
    """What the user wrote is none of what may stand there."""


EXIT_BAD_WORD = 2


def number_of(name, text, convert=int, least=0):
    """@text, what the user wrote for @name, as a number of at least @least."""
    try:
        number = convert(text)
        if least <= number < math.inf:
            return number
    except ValueError:
        pass
    raise BadWord(f"{name}={text}: a {'whole ' if convert is int else ''}number of at least "
                  f"{least} was expected")


def number_from_environment(name, default, convert=int, least=0):
    """Of the variable @name; where it is not set, or empty, @default."""
    text = os.environ.get(name)
    return number_of(name, text, convert, least) if text else default


# ---- The machine -----------------------------------------------------------

SIZE_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_bytes(text):
    """"512M" as a number; a number without unit is MiB, as for qemu -m."""
    match = re.fullmatch(r"(\d+)([KMGT]?)i?B?", str(text).strip(), re.IGNORECASE)
    if not match:
        raise BadWord(f"not a memory size: {text!r} (examples: 256M, 1G)")
    return int(match[1]) * SIZE_UNITS[match[2].upper() or "M"]


@dataclasses.dataclass
class Node:
    """One -numa node: memory of 0 bytes and an empty CPU list are both allowed."""
    memory_bytes: int
    cpus: str = ""          # "0-1,4"


@dataclasses.dataclass
class Machine:
    """What QEMU is to pretend."""
    cpus: int = 4
    memory_bytes: int = 1 << 30
    nodes: list = dataclasses.field(default_factory=list)   # empty: no -numa, no SRAT
    distances: list = dataclasses.field(default_factory=list)
    cpu_model: str = "max"
    type: str = "q35"
    accel: str = ""
    extra: list = dataclasses.field(default_factory=list)

    def arguments(self):
        accel = self.accel or f"tcg,thread={'multi' if self.cpus > 1 else 'single'}"
        arguments = ["-machine", self.type, "-accel", accel, "-cpu", self.cpu_model,
                     "-smp", str(self.cpus), "-m", f"{self.memory_bytes >> 10}K"]
        for index, node in enumerate(self.nodes):
            arguments += self.node_arguments(index, node)
        for source, row in enumerate(self.distances):
            for target, value in enumerate(row):
                arguments += ["-numa", f"dist,src={source},dst={target},val={value}"]
        return arguments + self.extra

    @staticmethod
    def node_arguments(index, node):
        arguments, options = [], f"node,nodeid={index}"
        if node.memory_bytes:
            # reserve=off: the host need not have what the guest never touches.
            arguments += ["-object", f"memory-backend-ram,id=ram{index},"
                                     f"size={node.memory_bytes >> 10}K,reserve=off"]
            options += f",memdev=ram{index}"
        for cpus in filter(None, node.cpus.split(",")):
            options += f",cpus={cpus}"
        return arguments + ["-numa", options]


def even_machine(cpus, memory_bytes, nr_nodes):
    """@nr_nodes equal nodes, CPUs dealt in order; 0 nodes: no NUMA description at all."""
    if cpus < 1 or nr_nodes < 0:
        raise BadWord("CPUS must be at least 1, NODES at least 0")
    machine = Machine(cpus=cpus, memory_bytes=memory_bytes)
    if not nr_nodes:
        return machine
    page = 4096
    share = memory_bytes // nr_nodes // page * page
    for index in range(nr_nodes):
        start, end = index * cpus // nr_nodes, (index + 1) * cpus // nr_nodes
        size = share if index + 1 < nr_nodes else memory_bytes - share * (nr_nodes - 1)
        machine.nodes.append(Node(size, f"{start}-{end - 1}" if end > start else ""))
    machine.distances = [[LOCAL_DISTANCE if source == target else REMOTE_DISTANCE
                          for target in range(nr_nodes)] for source in range(nr_nodes)]
    return machine


def machine_from_row(row):
    """A machine of machines.toml: `nodes` is a count or a list of {memory, cpus}."""
    memory_bytes = parse_bytes(row.get("memory", "1G"))
    nodes = row.get("nodes", 0)
    if isinstance(nodes, int):
        machine = even_machine(row.get("cpus", 1), memory_bytes, nodes)
    else:
        machine = Machine(row.get("cpus", 1), memory_bytes)
        machine.nodes = [Node(parse_bytes(node.get("memory", "0M")), str(node.get("cpus", "")))
                         for node in nodes]
    machine.distances = row.get("distances", machine.distances)
    machine.cpu_model = row.get("cpu", machine.cpu_model)
    machine.type = row.get("type", machine.type)
    machine.accel = row.get("accel", machine.accel)
    machine.extra = [word.replace("@ROOT@", str(ROOT)) for word in row.get("extra", [])]
    return machine


# ---- Programs and firmware -------------------------------------------------

def find_qemu(name=None):
    name = name or os.environ.get("QEMU") or "qemu-system-x86_64"
    path = shutil.which(name)
    if not path:
        raise CannotRun(f"{name} is not installed: run `sh tools/setup.sh`, "
                        "or name it with QEMU=/path/to/qemu-system-x86_64")
    return path


def find_ovmf(code=None):
    """(code, variables or None): the UEFI firmware to boot with."""
    code = code or os.environ.get("OVMF")
    if code:
        if not os.path.isfile(code):
            raise CannotRun(f"OVMF={code}: no such file")
        folder, name = os.path.split(code)
        for old, new in (("CODE", "VARS"), ("code", "vars")):
            variables = os.path.join(folder, name.replace(old, new))
            if old in name and os.path.isfile(variables):
                return code, variables
        return code, None
    for code, variables in OVMF_PLACES:
        if os.path.isfile(code) and os.path.isfile(variables):
            return code, variables
    raise CannotRun("no OVMF firmware found: run `sh tools/setup.sh`, or name it with "
                    "OVMF=/path/to/OVMF_CODE.fd")


def firmware_arguments(folder, code, variables):
    """The firmware as flash; variables are a private copy, so that runs cannot meet."""
    if variables is None:
        private = os.path.join(folder, "ovmf.fd")
        shutil.copyfile(code, private)
        return ["-drive", f"if=pflash,format=raw,unit=0,file={private}"]
    private = os.path.join(folder, "vars.fd")
    shutil.copyfile(variables, private)
    return ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={escaped(code)}",
            "-drive", f"if=pflash,format=raw,unit=1,file={private}"]


def escaped(value):
    """A comma inside a QEMU option's value is written twice."""
    return str(value).replace(",", ",,")


@dataclasses.dataclass
class Run:
    """One boot: which machine, what image, which options, how long."""
    machine: Machine
    image: pathlib.Path = IMAGE
    options: str = ""
    timeout_s: float = 300
    case_timeout_s: float = CASE_TIMEOUT_S      # for each case of the self-test
    is_menu_wanted: bool = False    # the start screen, as a person would see it
    is_snapshot: bool = True        # writes of the guest to the stick are dropped
    kept_stick: pathlib.Path | None = None      # the guest writes to a copy, which goes here
    is_waiting_for_gdb: bool = False
    pipe_bytes: int = -1            # how much QEMU may write before it is read; -1: the system's
    disk: tuple = DISK              # the devices between machine and image
    disk_bytes: int = 0             # of a disk larger than the image
    extra: list = dataclasses.field(default_factory=list)
    qemu: str | None = None
    ovmf: str | None = None

    def command(self, folder):
        if not os.path.isfile(self.image):
            raise CannotRun(f"{self.image}: no such file; `make image` builds it")
        if not self.is_snapshot and BUILD == pathlib.Path(self.image).resolve().parent:
            raise CannotRun(f"{self.image}: what was built is not written to, copy it")
        machine_arguments = self.machine.arguments()
        if "-accel" in self.extra:      # QEMU would try ours first
            at = machine_arguments.index("-accel")
            del machine_arguments[at:at + 2]
        snapshot = "on" if self.is_snapshot else "off"
        command = [find_qemu(self.qemu), "-nodefaults", *machine_arguments,
                   *firmware_arguments(folder, *find_ovmf(self.ovmf)),
                   "-drive", f"if=none,id=stick,format=raw,snapshot={snapshot},"
                             f"file={escaped(self.image)}",
                   *(word for device in self.disk for word in ("-device", device)),
                   "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
                   "-vga", "std", "-display", "none", "-serial", "stdio", "-no-reboot",
                   "-d", "cpu_reset", "-D", os.path.join(folder, "qemu.log")]
        if not self.is_menu_wanted:     # options, even none, say that nobody is to be asked
            command += ["-fw_cfg",
                        f"name=opt/slabstick/options,string={escaped(self.options) or ' '}"]
        if self.is_waiting_for_gdb:
            command += ["-gdb", "tcp:127.0.0.1:1234", "-S"]
        return command + self.extra


# ---- Running ---------------------------------------------------------------

def has_triple_fault(folder):
    try:
        with open(os.path.join(folder, "qemu.log"), errors="replace") as file:
            return "Triple fault" in file.read()
    except OSError:
        return False        # QEMU ended before it opened its log


def stop(process):
    """Ends QEMU: asked first, then made to. Bounded."""
    process.terminate()
    try:
        process.wait(timeout=SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=10)


class CaseWatch:
    """How long the running case may go on.

    While a case runs its name stands on the line that is not ended (tests/suites_live.c).
    """

    def __init__(self, limit_s):
        self.limit_s = limit_s
        self.open_line = b""
        self.deadline = math.inf

    def listen(self, data):
        before = self.open_line
        self.open_line = (before + data).rpartition(b"\n")[2]
        if self.open_line != before:
            is_running = ktap.RUNNING_LINE.match(self.open_line.rpartition(b"\r")[2])
            self.deadline = time.monotonic() + self.limit_s if is_running else math.inf


def pump(process, sink, deadline, watch):
    """Copies QEMU's output to @sink until it ends; else the time that was too short."""
    descriptor = process.stdout.fileno()
    while True:
        left_s = min(deadline, watch.deadline) - time.monotonic()
        if left_s <= 0:
            return ktap.TIMEOUT_CASE if watch.deadline < deadline else ktap.TIMEOUT_BOOT
        ready, _, _ = select.select([descriptor], [], [], min(left_s, 1))
        if not ready:
            continue
        data = os.read(descriptor, 65536)
        if not data:
            return None
        watch.listen(data)
        sink(data)


def collect(stream, chunks):
    for chunk in iter(lambda: stream.read1(65536), b""):
        chunks.append(chunk)


def run_command(command, folder, timeout_s, sink, stdin=subprocess.DEVNULL,
                case_timeout_s=CASE_TIMEOUT_S, pipe_bytes=-1):
    """Runs QEMU; returns how it ended. @sink gets the serial output as it comes."""
    process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, pipesize=pipe_bytes)
    errors = []
    reader = threading.Thread(target=collect, args=(process.stderr, errors), daemon=True)
    reader.start()
    timed_out = None
    try:
        timed_out = pump(process, sink, time.monotonic() + timeout_s, CaseWatch(case_timeout_s))
        if not timed_out:
            process.wait(timeout=SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        timed_out = ktap.TIMEOUT_BOOT
    finally:
        if process.poll() is None:
            stop(process)
        reader.join(timeout=5)
        process.stdout.close()
    limit_s = case_timeout_s if timed_out == ktap.TIMEOUT_CASE else timeout_s
    return ktap.Ending(process.returncode, timed_out, limit_s, has_triple_fault(folder),
                       b"".join(errors).decode("utf-8", "replace"))


def keep(stick, target):
    """Moves @stick to @target, which appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        shutil.copyfile(stick, new)
        os.replace(new, target)
    finally:
        new.unlink(missing_ok=True)


def write_to_disk(image, disk, disk_bytes):
    """As dd would: a larger disk has nothing behind the image."""
    subprocess.run(["cp", "--sparse=always", str(image), str(disk)], check=True, timeout=60)
    if disk_bytes > os.path.getsize(image):
        os.truncate(disk, disk_bytes)


def boot(run, echo=None, stdin=subprocess.DEVNULL):
    """Boots @run; returns (verdict, log bytes, seconds). @echo gets the bytes as they come.

    Neither holds what firmware paints the terminal with.
    """
    output, painting = bytearray(), ktap.PaintRemover()

    def sink(data):
        data = painting.feed(data)
        output.extend(data)
        if echo:
            echo(data)

    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="slabstick-") as folder:
        stick = pathlib.Path(folder) / "stick.img"
        if (run.kept_stick or run.disk_bytes) and os.path.isfile(run.image):
            write_to_disk(run.image, stick, run.disk_bytes)
            run = dataclasses.replace(run, image=stick, is_snapshot=False)
        ending = run_command(run.command(folder), folder, run.timeout_s, sink, stdin,
                             run.case_timeout_s, run.pipe_bytes)
        if run.kept_stick:
            keep(stick, run.kept_stick)
    return ktap.judge(bytes(output), ending), bytes(output), time.monotonic() - started


# ---- Backtraces ------------------------------------------------------------

FRAME_LINE = re.compile(r"#(\d+)\s+image\+0x([0-9a-f]+)")


def frame_address(depth, address):
    """What to look up: above the innermost frame stand return addresses, so the call is before."""
    return int(address, 16) - (1 if int(depth) else 0)


def symbolise(lines, debug_file=ROOT / "build" / "slabstick.debug"):
    """Yields a readable line for each backtrace line in @lines."""
    frames = [frame for line in lines for frame in FRAME_LINE.findall(line)]
    if not frames or not os.path.isfile(debug_file) or not shutil.which("addr2line"):
        return
    answer = subprocess.run(["addr2line", "-f", "-p", "-s", "-e", str(debug_file),
                             *(hex(frame_address(*frame)) for frame in frames)],
                            capture_output=True, text=True, timeout=60, check=False)
    for (depth, address), place in zip(frames, answer.stdout.splitlines()):
        yield f"  #{depth} image+0x{address}: {place}"


def lines_after_bail_out(lines):
    for index, line in enumerate(lines):
        if line.startswith("Bail out!"):
            return lines[index:]
    return []


# ---- Command line ----------------------------------------------------------

def exit_status(verdict, ending_status):
    if verdict.is_passed:
        return 0
    if any(reason.startswith("timeout") for reason in verdict.reasons):
        return EXIT_TIMEOUT
    if ending_status in (ktap.STATUS_FAILED, ktap.STATUS_PANICKED):
        return ending_status
    return 1


def parse_arguments(words):
    environment = os.environ
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--cpus", type=int, default=number_from_environment("CPUS", 4, least=1))
    parser.add_argument("--mem", default=environment.get("MEM") or "1G")
    parser.add_argument("--nodes", type=int, default=number_from_environment("NODES", 2))
    parser.add_argument("--machine", default=environment.get("MACHINE") or None,
                        help="a row of tests/machines.toml instead of the three above")
    parser.add_argument("--options", default=environment.get("OPTIONS") or "",
                        help="the image's options: key=value words")
    parser.add_argument("--timeout", type=float, help="seconds",
                        default=number_from_environment("TIMEOUT", 300, float))
    parser.add_argument("--image", type=pathlib.Path, default=IMAGE)
    parser.add_argument("--keep", type=pathlib.Path, metavar="PREFIX",
                        help="let the guest write to a copy of the image, which stays as "
                             "PREFIX.img, and the log as PREFIX.log")
    parser.add_argument("--gdb", action="store_true",
                        help="wait for gdb on 127.0.0.1:1234 before the first instruction")
    parser.add_argument("--dry-run", action="store_true", help="print the command line only")
    parser.add_argument("--version", action="version", version=f"Slabstick {VERSION}")
    parser.add_argument("extra", nargs="*", help="more QEMU arguments, after --")
    return parser.parse_args(words)


def chosen_machine(arguments):
    """The machine asked for, and the options its row wants besides the user's."""
    if not arguments.machine:
        return even_machine(arguments.cpus, parse_bytes(arguments.mem), arguments.nodes), ""
    import tomllib
    with open(ROOT / "tests" / "machines.toml", "rb") as file:
        rows = tomllib.load(file)
    if arguments.machine not in rows:
        raise BadWord(f"tests/machines.toml has no machine {arguments.machine}; it has: "
                        + ", ".join(rows))
    row = rows[arguments.machine]
    return machine_from_row(row), row.get("options", "")


class Echo:
    """Standard output for the serial line: as it comes on a terminal, else whole clean lines."""

    def __init__(self):
        self.is_terminal = sys.stdout.isatty()
        self.open_line = b""

    def __call__(self, data):
        if not self.is_terminal:
            *lines, self.open_line = (self.open_line + data).split(b"\n")
            data = b"".join(ktap.clean_text(line) + b"\n" for line in lines)
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def close(self):
        if self.open_line:
            self(b"\n")


def save_log(path, output):
    """@output as a text file: clean lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ktap.clean_text(output))


def extra_arguments():
    """The words of QEMUEXTRA, as a shell would part them."""
    text = os.environ.get("QEMUEXTRA") or ""
    try:
        return shlex.split(text)
    except ValueError as problem:
        raise BadWord(f"QEMUEXTRA={text}: {problem}") from None


def make_run(arguments):
    machine, row_options = chosen_machine(arguments)
    kept_stick = arguments.keep.with_suffix(".img") if arguments.keep else None
    return Run(machine, arguments.image, f"{row_options} {arguments.options}".strip(),
               3600 if arguments.gdb else arguments.timeout,
               math.inf if arguments.gdb else CASE_TIMEOUT_S, kept_stick=kept_stick,
               is_waiting_for_gdb=arguments.gdb,
               extra=arguments.extra + extra_arguments())


def print_command(run):
    with tempfile.TemporaryDirectory(prefix="slabstick-") as folder:
        print(shlex.join(run.command(folder)))


def boot_and_tell(run, kept, stdin):
    """Boots @run, says how it went in the last line; the exit status."""
    heard, echo = bytearray(), Echo()
    if kept:        # what the run before said is nothing of this one's
        kept.with_suffix(".log").unlink(missing_ok=True)

    def listen(data):
        heard.extend(data)
        echo(data)

    try:
        verdict, _, seconds = boot(run, listen, stdin)
        echo.close()
    finally:        # an interrupted run has a log too
        if kept and heard:
            save_log(kept.with_suffix(".log"), heard)
    for line in symbolise(lines_after_bail_out(verdict.log.lines)):
        print(line)
    places = f"; log {kept}.log, stick {kept}.img" if kept else ""
    print(f"qemu.py: {verdict.text()} ({seconds:.1f} s){places}", flush=True)
    return exit_status(verdict, verdict.exit_status)


def main():
    terminal = sys.stdin.isatty()
    saved = subprocess.run(["stty", "-g"], capture_output=True, text=True,
                           check=False).stdout.strip() if terminal else ""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        arguments = parse_arguments(sys.argv[1:])
        run = make_run(arguments)
        if arguments.dry_run:
            print_command(run)
            return 0
        return boot_and_tell(run, arguments.keep, None if terminal else subprocess.DEVNULL)
    except CannotRun as problem:
        print(f"qemu.py: {problem}", file=sys.stderr)
        return EXIT_BAD_WORD if isinstance(problem, BadWord) else 1
    except PermissionError as problem:
        print(f"qemu.py: {problem.filename}: {problem.strerror}; is it another user's?",
              file=sys.stderr)
        return EXIT_BAD_WORD
    except KeyboardInterrupt:
        print("\nqemu.py: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:     # nobody reads any more: nor would the interpreter's last flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        if saved:
            subprocess.run(["stty", saved], check=False)


if __name__ == "__main__":
    sys.exit(main())
