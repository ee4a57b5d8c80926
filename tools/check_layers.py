#!/usr/bin/python3
"""Checks that includes point the way the layers do, and that no file strays.

The list below is the one README.md shows: `check_layers.py --print` writes it,
and the check fails when the README holds another (--write puts today's there).
"""

import functools
import pathlib
import re
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Who may include what. "*" is every folder. The first row that fits a file counts.
LAYERS = [
    ("include/lib", ["include/lib"]),
    ("include", ["include"]),
    ("mm", ["mm", "include"]),
    ("arch", ["arch", "include"]),
    ("efi/main.c", ["*"]),
    ("efi", ["efi", "include"]),
    ("tests", ["*"]),
]

# The rooms of mm/ in the order of the data flow, and the one header that each shows to
# those behind it. A private header is included by its room and by the room's own tests
# alone; mm/init.c puts the rooms together and sees them all.
ROOMS = [
    ("mm/topology", None),
    ("mm/page", "mm/page/shown.h"),
    ("mm/slab", "mm/slab/shown.h"),
    ("mm/vmalloc", None),
    ("mm/report", None),
]
SEES_ALL_ROOMS = {"mm/init.c", "mm/live.h"}
# Tests outside tests/unit/ that look into rooms: at what no public header says.
LOOKS_INTO = {
    "mm/page": [
        "tests/bench/baseline.c", "tests/bench/page.c", "tests/host/bench/frag_host.c",
        "tests/host/stress/page_stress.c", "tests/host/suite_compact.c",
        "tests/host/suite_contig.c", "tests/host/suite_drain.c", "tests/host/suite_harden.c",
        "tests/host/suite_interrupts.c", "tests/host/suite_machines.c",
        "tests/host/suite_maps.c", "tests/host/suite_offline.c", "tests/host/suite_reclaim.c",
        "tests/lecture/chapter_bitmap.c", "tests/lecture/chapter_buddy.c",
        "tests/lecture/chapter_compound.c", "tests/lecture/chapter_mem_map.c",
        "tests/lecture/chapter_nodes.c", "tests/lecture/slides_pages.c",
    ],
    "mm/slab": ["tests/host/suite_harden.c", "tests/host/suite_maps.c"],
    "mm/vmalloc": [
        "tests/host/suite_interrupts.c", "tests/lecture/chapter_vmalloc.c",
        "tests/lecture/slides_vmalloc.c", "tests/live/vmalloc_faults.c",
        "tests/live/vmalloc_stress.c", "tests/shell/draw.c",
    ],
}
# What rooms declare in public is not for those in front of them.
PUBLIC = {
    "include/mm/slab.h": "mm/slab", "include/mm/kmalloc.h": "mm/slab",
    "include/mm/mempool.h": "mm/slab", "include/mm/vmalloc.h": "mm/vmalloc",
    "include/mm/percpu.h": "mm/vmalloc", "include/mm/tables.h": "mm/report",
}

# Without a library: what every C11 compiler brings along.
FREESTANDING = {"assert.h", "limits.h", "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h",
                "stdint.h"}
# Headers from outside, by the folder that may use them.
FOREIGN = {
    "efi": {"efi.h", "efilib.h"},
    "tests/lies": {"efi.h"},
    "tests/host": None,         # None: any
    "tests/fuzz": None,
    "tests/port_stub": None,
}
# port.h's inline half comes from the port on the include path.
PORT_HEADER = "mm_port_inline.h"

TOP_LEVEL = {"Makefile", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "VERSION", "LICENSE",
             "efi", "mm", "arch", "include", "tests", "tools", ".ci", ".github"}
BEGIN, END = "<!-- layers -->", "<!-- /layers -->"

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
# A prototype in a source file, and those of functions that are no C.
DECLARATION = re.compile(r"^(?!static|_Static_assert|return)(?:extern )?[a-z_][\w *]*?"
                         r"\b(\w+)\([^;{}=]*\)[^;{}()=]*;$", re.MULTILINE)
IN_ASSEMBLY = {"switch_stacks", "__attribute__"}
CONDITIONAL = re.compile(r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b", re.MULTILINE)


@functools.cache
def makefile_text():
    return (ROOT / "Makefile").read_text().replace("\\\n", " ")


def room_files(room, makefile):
    """The sources of @room without their ".c", in the Makefile's order."""
    listed = re.search(rf"^\w+_SOURCES := \$\(addprefix {room}/, (.*)\)$", makefile, re.MULTILINE)
    words = re.sub(r"\$\(addprefix (\w+/), ([^)]*)\)",
                   lambda part: " ".join(part[1] + word for word in part[2].split()), listed[1])
    return [word[:-2] for word in words.split()]


def mm_groups():
    """(folder, its files) in the Makefile's order: a file calls those before it."""
    makefile = makefile_text()
    rooms = {f"$({room.split('/')[1].upper()}_SOURCES)": room for room, _ in ROOMS}
    beside = []
    for word in re.search(r"^MM_SOURCES := (.*)$", makefile, re.MULTILINE)[1].split() + [""]:
        if word.endswith(".c"):
            beside.append(word.removeprefix("mm/")[:-2])
            continue
        if beside:
            yield "mm", beside
        beside = []
        if word:
            yield rooms[word], room_files(rooms[word], makefile)


def room_rows():
    width = max(len(room) for room, _ in ROOMS)
    for folder, names in mm_groups():
        yield from textwrap.wrap(f"{folder:<{width}}  " + " ".join(names), 90,
                                 subsequent_indent=" " * (width + 2), break_on_hyphens=False)


def layer_text():
    """The list as the README shows it."""
    width = max(len(name) for name, _ in LAYERS)
    rows = [f"{name:<{width}}  may include  "
            + ", ".join("everything" if target == "*" else target for target in targets)
            for name, targets in LAYERS]
    return "\n".join(["```", *rows, "", *room_rows(), "```"])


def files_git_knows():
    """Names as git lists them, new files included; None where there is no git or repository."""
    try:
        answer = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                                cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return answer.stdout.splitlines() if answer.returncode == 0 else None


def files_on_disk():
    """The same in an unpacked archive, or on a machine without git."""
    names = (str(path.relative_to(ROOT)) for path in ROOT.rglob("*"))
    return [name for name in names
            if not name.startswith(("build/", ".git/")) and "__pycache__" not in name]


def tracked_files():
    """The files of the tree."""
    names = files_git_knows()
    if names is None:
        names = files_on_disk()
    return sorted(name for name in names if (ROOT / name).is_file())


def is_inside(name, folder):
    return name == folder or name.startswith(folder + "/")


def layer_of(name):
    for layer, targets in LAYERS:
        if is_inside(name, layer):
            return layer, targets
    return None, []


def resolve(name, included):
    """The file an #include "..." reaches, as the compilers look it up."""
    for candidate in (pathlib.PurePosixPath(name).parent / included,
                      pathlib.PurePosixPath("include") / included,
                      pathlib.PurePosixPath(included)):
        if (ROOT / candidate).is_file():
            return str(candidate)
    return None


def foreign_problem(name, header):
    if header in FREESTANDING:
        return None
    for folder, allowed in FOREIGN.items():
        if is_inside(name, folder) and (allowed is None or header in allowed):
            return None
    return f"{name}: <{header}> is not for this folder"


def include_problems(name, text):
    layer, targets = layer_of(name)
    for quoted, angled in INCLUDE.findall(text):
        if angled:
            problem = foreign_problem(name, angled)
            if problem:
                yield problem
            continue
        if quoted == PORT_HEADER:
            continue
        target = resolve(name, quoted)
        if target is None:
            yield f'{name}: #include "{quoted}" reaches no file'
        elif "*" not in targets and not any(is_inside(target, allowed) for allowed in targets):
            yield f"{name}: {layer} may not include {target}"


def room_of(name):
    """(place, room) of a file in a room of mm/, or (None, None)."""
    for place, (room, _) in enumerate(ROOMS):
        if is_inside(name, room):
            return place, room
    return None, None


def may_enter(name, room, place, shown, target):
    """Whether @name, a file of mm/ or a unit test of a room, may include @target of @room."""
    if name in SEES_ALL_ROOMS or is_inside(name, room):
        return True
    if name.startswith("tests/unit/"):
        parts = name.split("/")
        if len(parts) == 3:         # what the tests of several rooms share
            return True
        name = f"mm/{parts[2]}/{parts[-1]}"
        if is_inside(name, room):
            return True
    from_place, _ = room_of(name)
    return target == shown and from_place is not None and from_place > place


def looking_problems(name, text):
    """What a test outside tests/unit/ includes of rooms is listed, and nothing else is."""
    looks_into = {room_of(target)[1] for quoted, _ in INCLUDE.findall(text)
                  if quoted and (target := resolve(name, quoted))} - {None}
    may_look_into = {room for room, names in LOOKS_INTO.items() if name in names}
    for room in sorted(looks_into - may_look_into):
        yield f"{name}: includes what is private to {room}, and LOOKS_INTO does not say so"
    for room in sorted(may_look_into - looks_into):
        yield f"{name}: stands in LOOKS_INTO and includes nothing private to {room}"


@functools.cache
def places_in_room(room):
    """The place of each file of @room: a header's is its source's."""
    return {f"{room}/{name}": place
            for place, name in enumerate(room_files(room, makefile_text()))}


def includes_in_room(name, text, room):
    for quoted, _ in INCLUDE.findall(text):
        target = resolve(name, quoted) if quoted else None
        if target and is_inside(target, room):
            yield target


def place_in_room(name, room, places, above=()):
    """Of a header without a source: that of the last it includes; -1 where it is none of them."""
    stem = name.rsplit(".", 1)[0]
    if stem in places:
        return places[stem]
    return max((place_in_room(target, room, places, (*above, name))
                for target in includes_in_room(name, (ROOT / name).read_text(), room)
                if target not in above), default=-1)


def order_problems(name, text):
    """A file of a room includes headers of files before it, and its own."""
    _, room = room_of(name)
    places = places_in_room(room) if room else {}
    stem = name.rsplit(".", 1)[0]
    if stem not in places:
        return
    for target in includes_in_room(name, text, room):
        if place_in_room(target, room, places) > places[stem]:
            yield f"{name}: {target} comes after it in {room}"


def room_problems(name, text):
    if name.startswith("tests/") and not name.startswith("tests/unit/"):
        yield from looking_problems(name, text)
    if not name.startswith(("mm/", "tests/unit/", "arch/", "efi/", "include/")):
        return
    for quoted, _ in INCLUDE.findall(text):
        target = resolve(name, quoted) if quoted else None
        if target is None:
            continue
        place, room = room_of(target)
        if room and not may_enter(name, room, place, ROOMS[place][1], target):
            yield f"{name}: {target} is private to {room}"


def public_problems(name, text):
    """A room includes no public header of a room behind it."""
    place, room = room_of(name)
    if room is None:
        return
    order = [each for each, _ in ROOMS]
    for quoted, _ in INCLUDE.findall(text):
        target = resolve(name, quoted) if quoted else None
        owner = PUBLIC.get(target)
        if owner and order.index(owner) > place:
            yield f"{name}: {target} is of {owner}, which comes after {room}"


def declaration_problems(name, text):
    """What a file declares itself would pass by the check of includes."""
    if name.endswith(".c") and name.startswith(("mm/", "arch/", "efi/")):
        for declared in DECLARATION.findall(text):
            if declared not in IN_ASSEMBLY:
                yield f"{name}: declares {declared}(), which a header should"


def list_problems(name, makefile):
    """A source of mm/ is in the Makefile's lists, in a room that is known."""
    if not is_inside(name, "mm") or not name.endswith(".c"):
        return
    folder, base = name.rsplit("/", 1)
    if folder != "mm" and room_of(name)[1] is None:
        yield f"{name}: no room of ROOMS"
    if not re.search(rf"(?<![\w]){re.escape(base)}(?!\w)", makefile):
        yield f"{name}: not in the Makefile's lists"


def conditional_problems(name, text):
    """Configuration is constants in plain `if`: mm/*.c has no conditional compilation."""
    if is_inside(name, "mm") and name.endswith(".c") and CONDITIONAL.search(text):
        yield f"{name}: conditional compilation in mm/"


def place_problems(name):
    top = name.split("/", 1)[0]
    if top not in TOP_LEVEL and not ("/" not in name and name.startswith(".")):
        yield f"{name}: outside the layout"


def readme_problems():
    readme = ROOT / "README.md"
    if not readme.is_file():
        return
    text = readme.read_text()
    if BEGIN not in text or END not in text:
        yield f"README.md: no layer list between {BEGIN} and {END} (check_layers.py --print)"
    elif text.split(BEGIN, 1)[1].split(END, 1)[0].strip() != layer_text():
        yield "README.md: its layer list is not that of check_layers.py --print"


def table_problems(room):
    """A room's README names each of its sources, with tests that are there, and no other."""
    readme = ROOT / room / "README.md"
    if not readme.is_file():
        yield f"{room}: no README.md says what comes in and what goes out"
        return
    text = readme.read_text()
    listed = set(re.findall(r"^\| `([\w/]+\.c)` \|", text, re.MULTILINE))
    present = {str(path.relative_to(ROOT / room)) for path in (ROOT / room).rglob("*.c")}
    for name in sorted(present - listed):
        yield f"{room}/README.md: its table does not have {name}"
    for name in sorted(listed - present):
        yield f"{room}/README.md: lists {name}, which is not there"
    for row in re.findall(r"^\| `[\w/]+\.c` \|.*", text, re.MULTILINE):
        tests = re.findall(r"`(tests/[\w/.]+)`", row)
        if not tests:
            yield f"{room}/README.md: no tests are named in: {row}"
        for test in tests:
            if not (ROOT / test).is_file():
                yield f"{room}/README.md: {test} is not there"


def root_problems(names, readme):
    """Each file that lies in mm/ itself is spoken of in its README."""
    for name in names:
        if re.fullmatch(r"mm/\w+\.[ch]", name) and f"`{name[3:]}`" not in readme:
            yield f"mm/README.md: does not say what {name} is"


def problems():
    yield from readme_problems()
    yield from root_problems(tracked_files(), (ROOT / "mm/README.md").read_text())
    for room, _ in ROOMS:
        yield from table_problems(room)
    makefile = (ROOT / "Makefile").read_text()
    for name in tracked_files():
        yield from place_problems(name)
        yield from list_problems(name, makefile)
        if name.endswith((".c", ".h", ".S")):
            text = (ROOT / name).read_text()
            yield from include_problems(name, text)
            yield from room_problems(name, text)
            yield from order_problems(name, text)
            yield from public_problems(name, text)
            yield from declaration_problems(name, text)
            yield from conditional_problems(name, text)


def write_readme():
    """Puts the list of today into the README, between its marks."""
    readme = ROOT / "README.md"
    head, rest = readme.read_text().split(BEGIN, 1)
    readme.write_text(head + BEGIN + "\n" + layer_text() + "\n" + END + rest.split(END, 1)[1])


def main():
    if sys.argv[1:] == ["--write"]:
        write_readme()
        return 0
    if sys.argv[1:] == ["--print"]:
        print(layer_text())
        return 0
    found = list(problems())
    for problem in found:
        print(f"layers: {problem}", file=sys.stderr)
    if not found:
        print(f"layers: {len(tracked_files())} files, each in its place, includes along the layers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
