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
DIFFERENT = {("xv6", 2), ("buddy", 1), ("buddy", 2), ("vmalloc", 2), ("mem_map", 1),
             ("mem_map", 2), ("bitmap", 1), ("bitmap", 2),
             ("kmalloc", 1), ("numa", 1), ("numa", 2), ("pglist_data", 1), ("pglist_data", 2),
             ("zones", 2), ("kfree", 2), ("external", 1), ("compound", 2)}
# What the slides show of the machine, and is other on another.
LIVE = {"bitmap: its worst search": r"^ +\d+ taken \|#{50}\| +(\d+) instructions$"}
# What is asked stands nowhere above the question. Small numbers may by chance.
UNSEEN = {("xv6", 1), ("buddy", 1), ("buddy", 2), ("pglist_data", 1), ("pglist_data", 2),
          ("kfree", 1), ("vmalloc", 2)}
LEAST_UNSEEN = 100
COUNTED = ("nodes links merges zones blocks times turns words objects tails slabs bytes pages "
           "references threads frames entries sections areas requests instructions slides "
           "halvings").replace(" ", "|")
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


def slide_of(text, number):
    return text.split(f"==== Slide {number}. ")[-1].split("\n==== ")[0]


def is_unseen(text, chapter, number, answer):
    """No number above the question is its answer, in tens or sixteens."""
    place = text.find(f"@exercise chapter={chapter} number={number} ")
    start = text.rfind("==== Slide ", 0, place)
    above = text[start:text.rfind("\nExercise ", start, place)]
    return answer < LEAST_UNSEEN or (
        str(answer) not in re.findall(r"\b\d+\b", above)
        and f"0x{answer:x}" not in re.findall(r"\b0x[0-9a-f]+\b", above))


# ---- Slide 4, worked out from what it shows ----

def row_of(slide, when):
    found = re.search(rf"^    {when} +([ \d]+)  blocks on the Unmovable lists$", slide, re.M)
    return [int(number) for number in found[1].split()] if found else []


def numbers_of(slide, pattern):
    found = re.search(pattern, slide, re.M)
    return [int(number) for number in found.groups()] if found else []


def is_split_as_shown(slide):
    """The first list with a block gives it; one half of each size stays below."""
    before, after = row_of(slide, "before"), row_of(slide, "after")
    wanted = numbers_of(slide, r"a block of order (\d+) is wanted")
    told = numbers_of(slide, r"So it is: one of order (\d+), .* halved (\d+) times?, as the line")
    if not (before and after and wanted and told):
        return False
    order = wanted[0]
    found = next(at for at in range(order, len(before)) if before[at])
    left = [nr + (order <= at < found) - (at == found) for at, nr in enumerate(before)]
    halves = re.findall(r'upper half, frame 0x[0-9a-f]+, is "free", of order (\d+)$', slide, re.M)
    return (told == [found, found - order] and after == left and found > order
            and [int(at) for at in halves] == list(range(found - 1, order - 1, -1)))


def is_merged_as_shown(slide):
    """Each step makes one block of two, up to where the answer says."""
    after, merged = row_of(slide, "after"), row_of(slide, "merged")
    wanted = numbers_of(slide, r"a block of order (\d+) is wanted")
    told = numbers_of(slide, r"So it is: up to order (\d+), (\d+) merges?;")
    if not (after and merged and wanted and told):
        return False
    order, end = wanted[0], told[0]
    left = [nr - (order <= at < end) + (at == end) for at, nr in enumerate(after)]
    steps = re.findall(r"step \d+\. order (\d+): .* is free: both are one of order", slide)
    return (merged == left and told[1] == end - order and end > order
            and [int(at) for at in steps] == list(range(order, end)))


# ---- Slides 7 to 9 ----

def accounts_for_zones(slide):
    """Each zone of this CPU's list has served, or it is said why not."""
    here = numbers_of(slide, r"^Predict: node (\d+) is asked for blocks")
    listed = re.search(rf"^    node {here[0]}((?: -> \d+ \w+)+)$", slide, re.M) if here else None
    zones = re.findall(r"(\d+) (\w+)", listed[1]) if listed else []
    served = re.findall(r"step \d+\. node (\d+) (\w+) +distance", slide)
    skipped = re.findall(r"^ +node (\d+) (\w+) served none: ", slide, re.M)
    return (zones and sorted(zones) == sorted(served + skipped)
            and (not re.search(r"of its list, gone through 1 time;", slide)
                 or served == [zone for zone in zones if zone in served]))


def is_first_split_as_listed(slide):
    listed = numbers_of(slide, r"^ +\[ 8\] Unmovable +(\d+) block")
    split = numbers_of(slide, r"^So it is: the one for block (\d+): the list .* had had (\d+)\.$")
    return listed and split == [listed[0] + 1, listed[0]]


def latency_is_told(slide):
    if slide.count(" distance ") and len(re.findall(r"read +\d+ cycles", slide)) == 1:
        return re.search(r"^So it is: \d+ cycles, and all memory is as far", slide, re.M)
    far = re.search(r"^So it is: node (\d+) is (\d+\.\d) times as far as node (\d+)", slide, re.M)
    rows = {nid: (int(distance), int(cycles)) for nid, distance, cycles in re.findall(
        r"node (\d+) distance +(\d+) \|[#.]+\| read +(\d+) cycles", slide)}
    return (far and far[1] in rows and far[3] in rows
            and rows[far[1]][0] == max(distance for distance, _ in rows.values())
            and f"{rows[far[1]][0] * 10 // rows[far[3]][0] / 10:.1f}" == far[2])


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
         is_first_split_as_listed(slide_of(text, 9))),
        (f"{name}: halves of order 8 come back, and that they merge is told",
         "two of order 8 are one of 9" in slide_of(text, 9)),
        (f"{name}: the block is split that the lists on the screen say",
         is_split_as_shown(slide_of(text, 4))),
        (f"{name}: it merges step by step, as the lists then say",
         is_merged_as_shown(slide_of(text, 4))),
        (f"{name}: memory runs out, and each zone served or it is said why not",
         "; then NULL. All is given back" in text and accounts_for_zones(slide_of(text, 7))),
        (f"{name}: what a read costs is compared by its numbers",
         latency_is_told(slide_of(text, 7))),
        (f"{name}: a freed large object's bytes stay as they are",
         re.search(r"sum of its bytes was (0x[0-9a-f]+) and is \1;", text)),
        (f"{name}: the map has a place for what is no address", "| no addresses: " in text),
        (f"{name}: one of anything is singular",
         not re.search(rf"(?<![.\d])1 (?:{COUNTED})\b", text.split("==== End")[0])),
        *((f"{name}: the answer of {chapter} {number} is not on the screen yet",
           is_unseen(text, chapter, number, int(answer)))
          for chapter, number, answer in answers if (chapter, int(number)) in UNSEEN),
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


# ---- A machine that has needed little ----

def check_empty_lists():
    """One CPU's lists of slide 4 hold nothing to be split: they are filled, and it says so."""
    run = qemu.Run(qemu.even_machine(1, 512 << 20, 1), timeout_s=TIMEOUT_S,
                   options="run=lecture lecture=xv6,mem_map,bitmap,buddy capture=no")
    verdict, output, _ = qemu.boot(run)
    slide = slide_of(output.decode("ascii", "replace").replace("\r", ""), 4)
    return [(f"one CPU: the boot {' '.join(verdict.reasons)}".rstrip(), verdict.is_passed),
            ("one CPU: pageblocks are taken over",
             "took pageblocks of another type over" in slide),
            ("one CPU: a block is split as the lists say", is_split_as_shown(slide)),
            ("one CPU: it merges as the lists say", is_merged_as_shown(slide))]


# ---- Keys ----

PROMPTS = (b"q: end] ", b"show it): ")
# From chapter 12 through its exercises, back and forth between it and 11, then out of 10.
KEYS = ["on"] * (NR_PAUSES - 2)
KEYS += ["1 5 on", "1 on", "back", "next", "left", "next", "right", "next", "end"]
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


# ---- What is not in the first three nodes, and what is no value ----

NR_MANY_NODES = 8


def check_many_nodes():
    """Every node is shown, in full or in a line."""
    run = qemu.Run(qemu.even_machine(2, 1 << 30, NR_MANY_NODES), timeout_s=TIMEOUT_S,
                   options="run=lecture lecture=numa,pglist_data,zones capture=no")
    verdict, output, _ = qemu.boot(run, lambda data: None)
    qemu.save_log(ROOT / "build" / "log" / "lecture-many-nodes.log", output)
    text = output.decode("ascii", "replace").replace("\r", "")
    wanted = {str(nid) for nid in range(NR_MANY_NODES)}
    seen = [set(re.findall(pattern, slide_of(text, number), re.M)) for number, pattern in
            [(7, r"^    node (\d) ->"), (8, r"^  node_id +(\d)\b"), (9, r"^  node (\d) \w+")]]
    return [(f"many nodes: the boot {' '.join(verdict.reasons)}".rstrip(), verdict.is_passed),
            *((f"many nodes: slide {number} shows {len(shown)} of {NR_MANY_NODES}",
               shown == wanted) for number, shown in zip((7, 8, 9), seen, strict=True))]


def check_bad_values():
    """What is no chapter and no pace is told, and the run fails; the rest is played."""
    run = qemu.Run(qemu.even_machine(1, 256 << 20, 1), timeout_s=TIMEOUT_S,
                   options="run=lecture lecture=4x,xv6 pace=-1 capture=no")
    verdict, output, _ = qemu.boot(run, lambda data: None)
    text = output.decode("ascii", "replace")
    return [("bad values: the run fails", verdict.exit_status == 35),
            ("bad values: chapter 4x is none", '"4x": no chapter is called that' in text),
            ("bad values: pace=-1 is none", '"pace=-1": not a number, and not key' in text),
            ("bad values: what is right is played",
             re.findall(r"==== Slide (\d+)\.", text) == ["1"])]


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
                    "for node 0 that another node served: node 2 " in texts["three nodes"][0]))
    return results


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    PICTURES.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        whole = {name: pool.submit(play, name, machine) for name, machine in machines().items()}
        parts = [pool.submit(check_keys, "serial line"), pool.submit(check_keys, "keyboard"),
                 pool.submit(check_pace), pool.submit(check_empty_lists),
                 pool.submit(check_many_nodes),
                 pool.submit(check_bad_values), *(pool.submit(look_at, *page) for page in PAGES)]
        results = judge_whole({name: played.result() for name, played in whole.items()})
        results += [result for part in parts for result in part.result()]
    for name, is_ok in results:
        print(f"{'ok' if is_ok else 'not ok'} {name}")
    failed = sum(not is_ok for _, is_ok in results)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
