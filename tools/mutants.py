#!/usr/bin/python3
"""Breaks one source file in many small ways and asks whether the tests notice.

A mutant is the file with one operator, constant or statement changed. Each is compiled
into the hosted unit program (its own folder; the tree is not touched) and the suites
named by --tests are run. A mutant that does not compile or fails is killed; one that
passes survives and is listed. Statements about equal results (a hint, a statistic) can
be excused in EQUIVALENT, with the reason. The exit status is 1 when any other survives.
"""

import argparse
import pathlib
import random
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# (pattern, replacement): applied to one place at a time.
OPERATORS = [
    (r"(?<![-<>=!])<(?![<=])(?= )", "<="), (r"(?<=[ ])>(?![>=])(?= )", ">="),
    (r"<= ", "< "), (r">= ", "> "), (r" == ", " != "), (r" != ", " == "),
    (r" && ", " || "), (r" \|\| ", " && "), (r" \+ 1\b", " + 2"), (r" - 1\b", " - 0"),
    (r"\+\+", "--"), (r" \+= ", " -= "), (r" -= ", " += "), (r"\? (\w+) : (\w+)", r"? \2 : \1"),
    (r"= true\b", "= false"), (r"= false\b", "= true"), (r"= 1;", "= 0;"), (r"= 0;", "= 1;"),
]
# A call or assignment that stands alone is left out.
STATEMENT = re.compile(r"^\t+(?!return|break|continue|goto|struct|const|unsigned|uint|size_t)"
                       r"[\w>.\[\]*&()-]+ ?(=|\().*;$")

# Lines whose change cannot be seen from outside, and why.
EQUIVALENT = {
    "next_colour": "which colour a slab has is luck",
    "nr_refills": "a statistic", "nr_drains": "a statistic",
    "mm_port_local_": "empty on the host", "spin_unlock": "would only hang",
    "spin_lock": "one thread", "__atomic": "one thread", "ASSERT": "tested one by one",
    "max_free_objects": "policy", "max_kept": "policy", "likely(array": "a way around",
    "? slab->nr_free : wanted": "the smaller of two", "keep_objects &&": "policy",
    ": index + 1;": "the end of a list leads anywhere",
    "} while (index <": "no state byte lies right behind another slab's",
    "is_plain &&": "a way around",
    "nr_slow": "a statistic", "nr_blocks": "how much work one bulk request may make",
    "packing_limit": "policy: which memory comes first", "bulk->limit": "the same",
    ".nr_free = 0": "the zone was zeroed before",
    "zone_has_up(zone, pfn))": "the block's last page is asked too",
    "is_drain_asked": "other CPUs", "list_init": "would only hang",
}


def code_lines(text):
    """Yields (index, line) outside comments and preprocessor lines."""
    in_comment = False
    for index, line in enumerate(text):
        if "/*" in line and "*/" not in line:
            in_comment = True
        if not in_comment and not line.startswith("#") and not line.strip().startswith("/*"):
            yield index, line
        if "*/" in line:
            in_comment = False


def is_excused(line):
    return any(word in line for word in EQUIVALENT)


def mutants(text):
    """All (line index, changed line)."""
    for index, line in code_lines(text):
        if is_excused(line):
            continue
        code = line.split("/*")[0]
        for pattern, replacement in OPERATORS:
            for match in re.finditer(pattern, code):
                changed = match.expand(replacement) if "\\" in replacement else replacement
                yield index, line[:match.start()] + changed + line[match.end():]
        if STATEMENT.match(code.rstrip()):
            yield index, "\t;"


class Program:
    """The hosted unit program with one object exchanged."""

    def __init__(self, source):
        self.source = source
        self.folder = ROOT / "build" / "mutants"
        self.folder.mkdir(parents=True, exist_ok=True)
        objects = ROOT / "build" / "host" / "unit.o"
        self.own = objects / f"{source}.o"
        flags = (objects / ".flags").read_text().split(" ", 1)
        self.compiler = [flags[0], *shlex.split(flags[1])]
        linked = subprocess.run(["make", "-n", "-B", "build/host/unit"], cwd=ROOT, text=True,
                                capture_output=True, check=True).stdout
        link = next(line for line in reversed(linked.splitlines()) if "-o build/host/unit" in line)
        self.link = shlex.split(link)

    def build(self, text):
        broken = self.folder / pathlib.Path(self.source).name
        broken.write_text("\n".join(text) + "\n")
        own = str(self.own.relative_to(ROOT))
        made = self.folder / "mutant.o"
        flags = [flag for flag in self.compiler if flag not in ("-MMD", "-MP", "-Werror")]
        compiled = subprocess.run([*flags, "-w", f"-I{pathlib.Path(self.source).parent}", "-c",
                                   str(broken), "-o", str(made)], cwd=ROOT, capture_output=True,
                                  check=False)
        if compiled.returncode:
            return None
        program = self.folder / "unit"
        link = [str(made) if word == own else word for word in self.link]
        link[link.index("-o") + 1] = str(program)
        subprocess.run(link, cwd=ROOT, check=True)
        return program


def survives(program, tests, timeout_s):
    try:
        done = subprocess.run([program, f"tests={tests}"], capture_output=True, timeout=timeout_s,
                              check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="such as mm/slab.c")
    parser.add_argument("--tests", required=True, help="suites to run: slab.*,kmalloc.*")
    parser.add_argument("--sample", type=int, default=0, help="this many, at random; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=20)
    arguments = parser.parse_args()
    text = (ROOT / arguments.source).read_text().splitlines()
    chosen = list(mutants(text))
    if arguments.sample and arguments.sample < len(chosen):
        chosen = random.Random(arguments.seed).sample(chosen, arguments.sample)
    program = Program(arguments.source)
    if not survives(program.build(text), arguments.tests, arguments.timeout):
        sys.exit("mutants: the tests fail without any change")
    nr_survived = 0
    for index, line in chosen:
        built = program.build([*text[:index], line, *text[index + 1:]])
        if built and survives(built, arguments.tests, arguments.timeout):
            nr_survived += 1
            print(f"survived: {arguments.source}:{index + 1}: {text[index].strip()}"
                  f"  ->  {line.strip()}", flush=True)
    print(f"mutants: {arguments.source}: {len(chosen) - nr_survived} of {len(chosen)} killed")
    return 1 if nr_survived else 0


if __name__ == "__main__":
    sys.exit(main())
