#!/usr/bin/python3
"""Plays the lecture on two machines and compares what they say; then listens to it as people do.

The exercises' answers are computed by the running machine: on one with other nodes,
sizes and distances they are others. The console holds the lecture and nothing else.
pace= is seconds by the host's clock; keys, of the serial line and of the keyboard, lead
on, to the next chapter, back and out. On the screen five chapters have their drawings in
colour; the pictures stay in build/run/screens.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import os
import pathlib
import re
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import qemu  # noqa: E402
import qmp  # noqa: E402

PICTURES = ROOT / "build" / "run" / "screens"
TIMEOUT_S = 300
UNATTENDED_S = 120      # all slides, nobody waiting
NR_SLIDES = 13
# Firmware's own, the program's first words, and a warning or two.
MAX_LINES_BEFORE = 12
# Answers that are arithmetic on the slide's own numbers are alike everywhere.
DIFFERENT = {("xv6", 2), ("mem_map", 1), ("mem_map", 2), ("bitmap", 1), ("bitmap", 2),
             ("kmalloc", 1), ("numa", 1), ("numa", 2), ("pglist_data", 1), ("pglist_data", 2),
             ("zones", 2), ("kfree", 2), ("external", 1), ("compound", 2)}
# What the slides show of the machine, and is other on another.
LIVE = {"bitmap: its worst search": r"^ +\d+ taken \|#{50}\| +(\d+) instructions$"}
EXERCISE = re.compile(r"^@exercise chapter=(\w+) number=(\d) answer=(\d+)$", re.MULTILINE)


def machines():
    """One node of 512 MiB; three of different sizes, the last far away."""
    mib = 1 << 20
    return {
        "one node": qemu.Machine(cpus=2, memory_bytes=512 * mib),
        "three nodes": qemu.Machine(
            cpus=3, memory_bytes=896 * mib,
            nodes=[qemu.Node(384 * mib, "0"), qemu.Node(256 * mib, "1"),
                   qemu.Node(256 * mib, "2")],
            distances=[[10, 31, 17], [31, 10, 25], [17, 25, 10]]),
    }


def play(name, machine):
    """The lecture's text; problems are printed and counted."""
    run = qemu.Run(machine, options="run=lecture capture=no", timeout_s=TIMEOUT_S)
    verdict, output, seconds = qemu.boot(run, lambda data: None)
    log = ROOT / "build" / "log" / f"lecture-{name.replace(' ', '-')}.log"
    qemu.save_log(log, output)
    text = output.decode("ascii", "replace").replace("\r", "")
    print(f"{name}: {seconds:.1f} s; log {log.relative_to(ROOT)}", flush=True)
    if seconds > UNATTENDED_S:
        return text, [*verdict.reasons, f"more than {UNATTENDED_S} s"]
    return text, list(verdict.reasons)


def is_given_back(text):
    taken = re.search(r"descriptors in use: (\d+) -> (\d+)$", text, re.MULTILINE)
    left = re.search(r"descriptors in use: (\d+) again$", text, re.MULTILINE)
    return (taken and left and int(taken[2]) == int(taken[1]) + 1
            and left[1] == taken[1])


def judge(name, text):
    """Names of what holds, and whether it does."""
    before = [line for line in text.split("==== Slide 1.")[0].splitlines() if line.strip()]
    answers = EXERCISE.findall(text)
    return [
        (f"{name}: nothing but the lecture before slide 1 ({len(before)} lines)",
         len(before) <= MAX_LINES_BEFORE),
        (f"{name}: {NR_SLIDES} slides", len(re.findall(r"^==== Slide \d+\.", text, re.M))
         == NR_SLIDES),
        (f"{name}: two exercises each", len(answers) == 2 * NR_SLIDES),
        (f"{name}: each claims and asks", len(re.findall(r"^Claim: ", text, re.M)) == NR_SLIDES
         and len(re.findall(r"^Predict: ", text, re.M)) >= NR_SLIDES - 3),
        (f"{name}: a split and its merges were seen",
         "    split    frame" in text and "    merge    frame" in text),
        (f"{name}: memory was brought up, and kswapd woken",
         re.search(r"pages that waited without mem_map were brought up", text)
         and re.search(r"request [1-9]\d* woke kswapd.*: kswapd_max_order 3$", text, re.M)),
        (f"{name}: the bitmap's search is seen word by word",
         "map[2] has no 0" in text and "So it is: 4 words," in text),
        (f"{name}: kmalloc's cache makes slabs as it needs them",
         len(re.findall(r"request \d+ finds no free object", text)) == 3),
        (f"{name}: a descriptor is taken from a cache of them, and comes back",
         is_given_back(text)),
        (f"{name}: a tail gives the whole block back, at the last reference",
         "put_page() of the tail: the head has 1" in text
         and 'put_page() once more: the head has 0, its type is "cached"' in text),
        (f"{name}: the list of the slide is given out in its order",
         "So it is: 3, then 1, then 7:" in text),
        (f"{name}: a list of a zone is used up, and a larger block split",
         re.search(r"^So it is: block \d+: no block of order 8 was left", text, re.M)),
        (f"{name}: no check says no", not re.search(r"\bNOT?\b|DOES NOT|INSIDE", text)),
    ]


# ---- Pace ----

PACED = "compound"
NR_PAUSES = 12          # two predictions, eight steps, two exercises
PACE_SLACK_S = 8        # what the chapter itself takes, on a host that does much else


class Clock:
    """When the chapter began and ended, by the host."""

    def __init__(self):
        self.heard, self.began, self.ended = b"", None, None

    def listen(self, data):
        self.heard += data
        if self.began is None and b"==== Slide" in self.heard:
            self.began = time.monotonic()
        if self.ended is None and b"==== End" in self.heard:
            self.ended = time.monotonic()

    def seconds(self):
        return self.ended - self.began if self.began and self.ended else float("inf")


def check_pace():
    clock = Clock()
    run = qemu.Run(qemu.even_machine(1, 512 << 20, 1),
                   options=f"run=lecture lecture={PACED} pace=1 capture=no", timeout_s=TIMEOUT_S)
    verdict, _, _ = qemu.boot(run, clock.listen)
    return [(f"pace=1: the boot {' '.join(verdict.reasons)}".rstrip(), verdict.is_passed),
            (f"pace=1: {NR_PAUSES} pauses last {clock.seconds():.1f} s",
             NR_PAUSES - 1 <= clock.seconds() <= NR_PAUSES + PACE_SLACK_S)]


# ---- Keys ----

PROMPTS = (b"q: end] ", b"show it): ")
# From chapter 12 through its exercises, back and forth between it and 11, then out of 10.
KEYS = ["on"] * (NR_PAUSES - 2)
KEYS += ["7 on", "1 on", "back", "next", "left", "next", "right", "next", "end"]
SLIDES_OF_KEYS = ["12", "11", "12", "11", "12", "11", "10"]
ON_SERIAL = {"on": b"\r", "next": b"n", "back": b"p", "end": b"q", "left": b"\x1b[D",
             "right": b"\x1b[C"}
ON_KEYBOARD = {"on": "ret", "next": "n", "back": "p", "end": "q"}


class Listener:
    """Presses the next of KEYS whenever the lecture waits for one."""

    def __init__(self, press):
        self.press, self.heard, self.left = press, b"", list(KEYS)

    def listen(self, data):
        self.heard += data
        if self.heard.endswith(PROMPTS) and self.left:
            self.heard = b""
            for key in self.left.pop(0).split():
                self.press(key)


def judge_keys(name, verdict, text, left):
    slides = re.findall(r"^==== Slide (\d+)\.", text, re.M)
    told = [text.count(f"   {word}\n") for word in ("Right.", "Not so.")]
    return [(f"{name}: the boot {' '.join(verdict.reasons)}".rstrip(), verdict.is_passed),
            (f"{name}: every key was asked for, {len(left)} were not", not left),
            (f"{name}: slides {' '.join(slides)}", slides == SLIDES_OF_KEYS),
            (f"{name}: one answer right, one wrong", told == [1, 1]),
            (f"{name}: chapters that were left tell no answers",
             len(EXERCISE.findall(text)) == 2)]


@contextlib.contextmanager
def typed_line():
    """(what QEMU reads, where to write what is typed)"""
    stdin, line = os.pipe()
    try:
        yield stdin, line
    finally:
        os.close(stdin)
        os.close(line)


def play_by_keys(name, folder, stdin, line):
    monitors = []

    def press_on_keyboard(key):
        if not monitors:
            monitors.append(qmp.Monitor(f"{folder}/qmp"))
        monitors[0].press(ON_KEYBOARD.get(key, key))

    presses = {"serial line": lambda key: os.write(line, ON_SERIAL.get(key, key.encode())),
               "keyboard": press_on_keyboard}
    listener = Listener(presses[name])
    run = qemu.Run(qemu.even_machine(1, 512 << 20, 1), timeout_s=TIMEOUT_S,
                   options="run=lecture lecture=compound,external,kfree pace=key capture=no",
                   extra=qmp.arguments(f"{folder}/qmp"))
    try:
        verdict, output, _ = qemu.boot(run, listener.listen, stdin)
    finally:
        for monitor in monitors:
            monitor.close()
    qemu.save_log(ROOT / "build" / "log" / f"lecture-{name.replace(' ', '-')}.log", output)
    text = output.decode("ascii", "replace").replace("\r", "")
    return judge_keys(name, verdict, text, listener.left)


def check_keys(name):
    with tempfile.TemporaryDirectory(prefix="slabstick-") as folder, typed_line() as ends:
        return play_by_keys(name, folder, *ends)


# ---- Screen ----

# A chapter, how many keys into it, and the colours of its drawing (efi/screen/slide.c).
PANEL, PART, REST = 0x1c232b, 0x388bfd, 0x2b3440
PAGES = [("buddy", 2, [PART, REST]), ("slab", 3, [0x2ea043, 0xe3b341, 0xf0883e, 0xbc8cff]),
         ("numa", 4, [PART, REST]), ("kfree", 10, [0x39c5cf, 0xe3b341, 0xbc8cff]),
         ("vmalloc", 5, [PART, REST])]
LEAST_PIXELS = 100
DRAWN_S = 2             # the screen follows the log by a tenth of a second of the guest


def colours_of(picture):
    """{0xRRGGBB: pixels} of a PPM."""
    _, size, _, pixels = picture.read_bytes().split(b"\n", 3)
    width, height = map(int, size.split())
    return collections.Counter(
        int.from_bytes(pixels[at:at + 3], "big") for at in range(0, 3 * width * height, 3))


class Photographer:
    """Presses Enter until the drawing is there, takes a picture, leaves."""

    def __init__(self, line, folder, nr_keys, picture):
        self.line, self.folder, self.picture = line, folder, picture
        self.nr_left, self.heard = nr_keys, b""

    def listen(self, data):
        self.heard += data
        if not self.heard.endswith(PROMPTS):
            return
        self.heard = b""
        if self.nr_left == 0:
            time.sleep(DRAWN_S)
            monitor = qmp.Monitor(f"{self.folder}/qmp")
            monitor.picture(self.picture)
            monitor.close()
        os.write(self.line, b"q\r" if self.nr_left <= 0 else b"\r")
        self.nr_left -= 1


def look_at(chapter, nr_keys, wanted):
    picture = PICTURES / f"lecture-{chapter}.ppm"
    picture.unlink(missing_ok=True)
    with (tempfile.TemporaryDirectory(prefix="slabstick-") as folder,
          typed_line() as (stdin, line)):
        photographer = Photographer(line, folder, nr_keys, picture)
        run = qemu.Run(qemu.even_machine(2, 512 << 20, 2), timeout_s=TIMEOUT_S,
                       options=f"run=lecture lecture={chapter} pace=key capture=no",
                       extra=qmp.arguments(f"{folder}/qmp"))
        verdict, _, _ = qemu.boot(run, photographer.listen, stdin)
    colours = colours_of(picture) if picture.is_file() else {}
    missing = [f"{rgb:06x}" for rgb in (PANEL, *wanted) if colours.get(rgb, 0) < LEAST_PIXELS]
    return [(f"screen of {chapter}: the boot {' '.join(verdict.reasons)}".rstrip(),
             verdict.is_passed),
            (f"screen of {chapter}: its drawing {' '.join(missing)}".rstrip(), not missing)]


# ---- All ----

def answers_of(text):
    return {(chapter, int(number)): int(answer)
            for chapter, number, answer in EXERCISE.findall(text)}


def judge_whole(texts):
    """Results of whole lectures: {machine: (text, reasons)}, as play() gives them."""
    results = []
    for name, (text, reasons) in texts.items():
        results.append((f"{name}: the boot {' '.join(reasons)}".rstrip(), not reasons))
        results += judge(name, text)
    one, other = (answers_of(text) for text, _ in texts.values())
    for key in sorted(DIFFERENT):
        results.append((f"exercise {key[0]} {key[1]}: another machine, another answer",
                        key in one and key in other and one[key] != other[key]))
    for what, pattern in LIVE.items():
        found = [re.findall(pattern, text, re.MULTILINE) for text, _ in texts.values()]
        results.append((f"{what}: another machine, another number",
                        all(found) and found[0] != found[1]))
    results.append(("three nodes: the nearest is not the next by number",
                    other.get(("numa", 1)) == 2 and other.get(("numa", 2)) == 17))
    return results


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    PICTURES.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        whole = {name: pool.submit(play, name, machine) for name, machine in machines().items()}
        parts = [pool.submit(check_keys, "serial line"), pool.submit(check_keys, "keyboard"),
                 pool.submit(check_pace), *(pool.submit(look_at, *page) for page in PAGES)]
        results = judge_whole({name: played.result() for name, played in whole.items()})
        results += [result for part in parts for result in part.result()]
    for name, is_ok in results:
        print(f"{'ok' if is_ok else 'not ok'} {name}")
    failed = sum(not is_ok for _, is_ok in results)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
