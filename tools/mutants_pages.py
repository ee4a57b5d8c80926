#!/usr/bin/python3
"""Breaks buddy.c and pcp.c in one place at a time; the unit suites must notice.

Each mutant is a replacement of one line that compiles. It is killed when
the unit program fails, panics, is stopped by a sanitizer or does not end.
Exit status 0: all killed. Usage: tools/mutants_pages.py [NAME-GLOB]
"""

import fnmatch
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "mutants-pages"
SUITES = "buddy,pcp,zone,page_alloc,compact,machines"
TIMEOUT_S = 120

# (name, file, what stands there once, what stands there instead)
MUTANTS = [
    ("buddy.list-order", "mm/buddy.c", "if (page < zone->packing_limit)", "if (page >= zone->packing_limit)"),
    ("buddy.nr-free-up", "mm/buddy.c", "\tarea->nr_free++;", "\tarea->nr_free += 2;"),
    ("buddy.nr-free-down", "mm/buddy.c", "\tarea->nr_free--;", "\tarea->nr_free -= 0;"),
    ("buddy.unlink-half", "mm/buddy.c", "\tnext->prev = prev;", "\t;"),
    ("buddy.no-merge", "mm/buddy.c", "if (page_state((struct page *)buddy) != level.state)", "if (1)"),
    ("buddy.wrong-half", "mm/buddy.c", "page = (struct page *)(at & buddy);", "page = (struct page *)(at | buddy);"),
    ("buddy.stale-upper", "mm/buddy.c", "page_set_state((struct page *)(at | buddy), 0);", ";"),
    ("buddy.merge-level-state", "mm/buddy.c", "level.state += STATE_OF_ONE_ORDER;", ";"),
    ("buddy.merge-isolated", "mm/buddy.c", "if (!is_free_block(zone, buddy, order) || !may_merge(page, buddy, order))", "if (!is_free_block(zone, buddy, order))"),
    ("buddy.no-top-merge", "mm/buddy.c", "\tmerge_pageblocks(zone, page, PAGEBLOCK_ORDER);\n}", "\tbuddy_list(zone, page, PAGEBLOCK_ORDER, pageblock_migratetype(page));\n}"),
    ("buddy.free-count", "mm/buddy.c", "\tzone->nr_free_pages += pages_in(order);", "\t;"),
    ("buddy.take-count", "mm/buddy.c", "\tzone->nr_free_pages -= pages_in(order);", "\t;"),
    ("buddy.bulk-count", "mm/buddy.c", "\tzone->nr_free_pages -= nr << order;", "\tzone->nr_free_pages -= nr;"),
    ("buddy.free-bulk-count", "mm/buddy.c", "\tzone->nr_free_pages += nr << order;", "\tzone->nr_free_pages += nr;"),
    ("buddy.order-assert", "mm/buddy.c", "\tASSERT(order <= MAX_ORDER);", "\tASSERT(1 || order <= MAX_ORDER);"),
    ("buddy.align-assert", "mm/buddy.c", "\tASSERT(is_order_aligned(zone, page, order));", "\tASSERT(1 || is_order_aligned(zone, page, order));"),
    ("buddy.inside-assert", "mm/buddy.c", "\tASSERT(is_inside(zone, page, order));", "\tASSERT(1 || is_inside(zone, page, order));"),
    ("buddy.free-assert", "mm/buddy.c", "\tASSERT(page->type != PAGE_FREE);", "\tASSERT(1 || page->type != PAGE_FREE);"),
    ("buddy.largest-first", "mm/buddy.c", "\t\tif (!smallest) {", "\t\tif (1) {"),
    ("buddy.lost-halves", "mm/buddy.c", "\tlist_halves(zone, page, order, block_order);", "\t;"),
    ("buddy.lost-top-half", "mm/buddy.c", "if (block_order == MAX_ORDER && order < MAX_ORDER)", "if (0)"),
    ("buddy.lost-rest", "mm/buddy.c", "\t\t\tlist_rest(zone, page, nr_pieces << order, block_order);", "\t\t\tif (0)\n\t\t\t\tlist_rest(zone, page, nr_pieces << order, block_order);"),
    ("buddy.cut-one-less", "mm/buddy.c", "struct page *piece = page + nr_pieces * step;", "struct page *piece = page + (nr_pieces + 1) * step;"),
    ("buddy.run-too-long", "mm/buddy.c", "while (at < end && (uintptr_t)at[0] ==", "while (at < end && (uintptr_t)at[0] !="),
    ("buddy.range-order", "mm/buddy.c", "\twhile (pages_in(order) > end_pfn - pfn)", "\twhile (pages_in(order) > end_pfn - pfn + 1)"),
    ("buddy.unmended-list", "mm/buddy.c", "\tnode->prev = list;", "\t;"),
    ("buddy.verify-b3", "mm/buddy.c", "REQUIRE(\"B3\", pfn, order == MAX_ORDER ||", "REQUIRE(\"B3\", pfn, 1 || order == MAX_ORDER ||"),
    ("pcp.no-end-mark", "mm/pcp.c", "\tslots[0] = &end_mark;", "\tslots[0] = NULL;"),
    ("pcp.full-by-one", "mm/pcp.c", "\t\t.full = slots + capacity,", "\t\t.full = slots + capacity + 1,"),
    ("pcp.refill-short", "mm/pcp.c", "\tstack->top += nr;", "\tstack->top += nr - 1;"),
    ("pcp.refill-place", "mm/pcp.c", "stack->cached_state, stack->slots + 1,", "stack->cached_state, stack->slots + 0,"),
    ("pcp.drain-place", "mm/pcp.c", "buddy_free_bulk(zone, stack->top + 1, nr, stack->order);", "buddy_free_bulk(zone, stack->top, nr, stack->order);"),
    ("pcp.drain-forgets", "mm/pcp.c", "\tstack->top -= nr;", "\t;"),
    ("pcp.drain-one-batch", "mm/pcp.c", "\t\twhile (pcp_count(stack) != 0)", "\t\tif (pcp_count(stack) != 0)"),
    ("pcp.drain-request", "mm/pcp.c", "\t__atomic_store_n(&cpu_data->is_drain_wanted, false, __ATOMIC_RELAXED);", "\t;"),
    ("pcp.state", "mm/pcp.c", ".user_state = make_page_state(PAGE_USER, order, zone->index, 1),", ".user_state = make_page_state(PAGE_USER, order, zone->index, 2),"),
    ("pcp.capacity", "mm/pcp.c", "share = PAGEBLOCK_SHARE;", "share = 1;"),
    ("pcp.closed", "mm/pcp.c", "(is_closed ? 0 : stack->capacity)", "(is_closed ? stack->capacity : 0)"),
    ("pcp.count-order", "mm/pcp.c", "\t\t\tnr_pages += pcp_count(stack) << stack->order;", "\t\t\tnr_pages += pcp_count(stack);"),
    ("pcp.slots-overlap", "mm/pcp.c", "\t\t\t\tslots += 1 + capacity;", "\t\t\t\tslots += capacity;"),
    ("pcp.refill-assert", "mm/pcp.c", "\tASSERT(stack->top == stack->slots);", "\t;"),
]


def prepare():
    """A copy of the tree, whose objects are built once."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    for name in ("Makefile", "mm", "include", "tests", "efi", "arch", "tools"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, WORK / name)
        else:
            shutil.copy(source, WORK / name)


def build():
    command = ["make", "-s", "build/host/unit"]
    return subprocess.run(command, cwd=WORK, capture_output=True, text=True, check=False)


def run():
    """Why the program failed, or None when it did not notice."""
    try:
        done = subprocess.run(["build/host/unit", SUITES], cwd=WORK, capture_output=True,
                              timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return "did not end"
    if done.returncode == 0:
        return None
    text = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
    for line in text.splitlines():
        if any(word in line for word in ("not ok", "Bail out!", "ERROR: ", "runtime error")):
            return line.strip()[:100]
    return f"status {done.returncode}"


def try_mutant(path, old, new):
    target = WORK / path
    original = target.read_text()
    if original.count(old) != 1:
        return f"?? {original.count(old)} places match: mend the list", False
    target.write_text(original.replace(old, new))
    try:
        done = build()
        if done.returncode != 0:
            return "?? does not compile: " + done.stderr.strip().splitlines()[0][:100], False
        reason = run()
    finally:
        target.write_text(original)
    return (reason, True) if reason else ("SURVIVED", False)


def main():
    pattern = sys.argv[1] if len(sys.argv) > 1 else "*"
    prepare()
    done = build()
    if done.returncode != 0:
        sys.exit(done.stderr)
    reason = run()
    if reason:
        sys.exit(f"the suites fail without a mutant: {reason}")
    chosen = [mutant for mutant in MUTANTS if fnmatch.fnmatch(mutant[0], pattern)]
    nr_killed = 0
    for name, path, old, new in chosen:
        reason, is_killed = try_mutant(path, old, new)
        nr_killed += is_killed
        print(f"{name:26} {reason}", flush=True)
    print(f"{nr_killed} of {len(chosen)} mutants killed")
    return 0 if nr_killed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
