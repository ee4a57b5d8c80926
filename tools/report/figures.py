"""The lecture's figures, drawn from the run's own events (include/mm/event.h).

An event has kind=, at=0x (an address), order=, to=, nr=, node= and name=; what these mean
depends on the kind. Each figure takes the first, or the fullest, example that the log has.
"""

from . import facts as reading
from . import svg
from .markup import grouped, section, size, swatch, table, tag, text

PAGE_SHIFT = 12
LISTS = ("full", "partial", "free")             # slab_listed's to=
LIST_FILLS = {"full": "user", "partial": "large", "free": "free", "none": "none"}
NODE_FILLS = 8
NR_STEPS_MAX = 120
NR_REQUESTS_MAX = 1000
NR_SLABS_MAX = 12
# Where the four indexes of a virtual address stand in it.
LEVELS = (("PML4", 39), ("PDPT", 30), ("PD", 21), ("PT", 12))
INDEX_MASK = 511


def events_of(facts, *kinds):
    return [row for row in facts.rows("event") if row.get("kind") in kinds]


def block_bytes(order):
    return 1 << (order + PAGE_SHIFT)


# ---- Buddy: one split ----

def halves(at, order, to):
    """[(order, path start, buddy start)] from @order down to @to, for the block at @at."""
    found = []
    for level in range(order - 1, to - 1, -1):
        nr_bytes = block_bytes(level)
        start = at // nr_bytes * nr_bytes
        found.append((level, start, start ^ nr_bytes))
    return found


def split_row(order, parts, base, total):
    return tag("div", tag("span", f"order {order}", class_="row-name"),
               svg.strip(f"order {order}", parts, total, start=base, height=20),
               class_="scale-row")


def split_figure(row):
    at, order, to = (reading.number(row, key) for key in ("at", "order", "to"))
    total = block_bytes(order)
    base = at // total * total
    rows = [split_row(order, [(base, base + total, "slab", f"taken: {size(total)}")], base, total)]
    for level, start, buddy in halves(at, order, to):
        nr_bytes = block_bytes(level)
        rows.append(split_row(level, [
            (start, start + nr_bytes, "user" if level == to else "slab", f"0x{start:x}"),
            (buddy, buddy + nr_bytes, "free", f"the buddy at 0x{buddy:x} goes to the free list "
                                              f"of order {level}")], base, total))
    legend = tag("p", *(tag("span", swatch(fill), words, class_="key") for fill, words in (
        ("slab", "halved further"), ("user", "handed out"), ("free", "put on a free list"))),
        class_="legend")
    caption = (f"Buddy: a block of order {order} ({size(total)}) at 0x{base:x} in "
               f"{row.get('name', '')} of node {row.get('node', '?')} is halved {order - to} times "
               f"for one of order {to} ({size(block_bytes(to))})")
    return tag("figure", tag("figcaption", text(caption)), *rows, legend)


def merges_after(rows, split):
    """The merges that gave the block of @split back, from its order up; [] if none did."""
    order, base = reading.number(split, "order"), reading.number(split, "at")
    level, found = reading.number(split, "to"), []
    for row in rows[rows.index(split) + 1:]:
        nr_bytes = block_bytes(level + 1)
        if (row.get("kind") == "merge" and reading.number(row, "order") == level
                and reading.number(row, "at") // nr_bytes == base // nr_bytes):
            found.append(row)
            level = reading.number(row, "to")
        if level >= order:
            break
    return found


def merge_words(merges):
    if not merges:
        return ""
    steps = " → ".join([merges[0].get("order", "?"), *(row.get("to", "?") for row in merges)])
    return tag("p", text(f"Given back later, it met its buddies free and merged: order {steps}."))


def buddy(facts):
    rows = events_of(facts, "split", "merge")
    splits = [row for row in rows if row.get("kind") == "split"
              and reading.number(row, "order") > reading.number(row, "to")]
    if not splits:
        return ""
    # The one that shows most: halved far, and merged again.
    shown = max(splits[:NR_STEPS_MAX], key=lambda row: (
        len(merges_after(rows, row)), reading.number(row, "order") - reading.number(row, "to")))
    return split_figure(shown) + merge_words(merges_after(rows, shown))


# ---- Slab: lists that slabs are on ----

def slab_histories(rows):
    """{address of a slab: [(step, list)]} of the steps at which something happened to it."""
    found = {}
    for step, row in enumerate(rows):
        states = found.setdefault(row.get("at"), [])
        kind = row["kind"]
        state = {"slab_made": "free", "slab_gone": "none"}.get(kind)
        if state is None:
            number = reading.number(row, "to")
            state = LISTS[number] if number < len(LISTS) else "none"
        states.append((step, state))
    return found


def slab_row(at, states, nr_steps):
    ends = [step for step, _ in states[1:]] + [nr_steps]
    parts = [(step, end, LIST_FILLS[state], f"{state}, steps {step} to {end - 1}")
             for (step, state), end in zip(states, ends) if state != "none"]
    return tag("div", tag("span", text(at), class_="row-name"),
               svg.strip(f"slab at {at}", parts, nr_steps, height=16),
               class_="scale-row of-slab")


def slab(facts):
    by_cache = {}
    for row in events_of(facts, "slab_made", "slab_gone", "slab_listed"):
        by_cache.setdefault(row.get("name", ""), []).append(row)
    if not by_cache:
        return ""
    # Each list that a cache was seen with counts more than many steps, and what can be shown
    # whole more than what cannot.
    name, rows = max(by_cache.items(), key=lambda item: (
        len({(row["kind"], row.get("to")) for row in item[1]}),
        len({row.get("at") for row in item[1]}) <= NR_SLABS_MAX, len(item[1])))
    rows = rows[:NR_STEPS_MAX]
    histories = slab_histories(rows)
    strips = [slab_row(at, states, len(rows))
              for at, states in list(histories.items())[:NR_SLABS_MAX]]
    more = len(histories) - len(strips)
    legend = tag("p", *(tag("span", swatch(LIST_FILLS[word]), word, class_="key")
                        for word in LISTS), class_="legend")
    return tag("figure", tag("figcaption", text(
        f"Slab: the lists that the slabs of cache {name} are on, over {len(rows)} steps")),
        *strips, tag("p", f"and {more} slabs more") if more > 0 else "", legend)


# ---- Fallback ----

def runs(values):
    """[(start, end, value)] of what follows itself."""
    found = []
    for at, value in enumerate(values):
        if found and found[-1][2] == value:
            found[-1] = (found[-1][0], at + 1, value)
        else:
            found.append((at, at + 1, value))
    return found


def fallback(facts):
    rows = events_of(facts, "fallback")[:NR_REQUESTS_MAX]
    if not rows:
        return ""
    by_wanted = {}
    for row in rows:
        by_wanted.setdefault(row.get("nr", "?"), []).append(reading.number(row, "node"))
    strips = []
    for wanted, served in by_wanted.items():
        parts = [(start, end, f"node{node % NODE_FILLS}",
                  f"requests {start} to {end - 1}: node {node}")
                 for start, end, node in runs(served)]
        strips.append(tag("div", tag("span", text(f"asked node {wanted}"), class_="row-name"),
                          svg.strip(f"asked node {wanted}", parts, len(served), height=20),
                          class_="scale-row"))
    nodes = sorted({node for served in by_wanted.values() for node in served})
    legend = tag("p", *(tag("span", swatch(f"node{node % NODE_FILLS}"), f"served by node {node}",
                            class_="key") for node in nodes), class_="legend")
    return tag("figure", tag("figcaption", text(
        f"Fallback: {len(rows)} requests that their node could not serve, in order, and the "
        "nodes that did")), *strips, legend)


# ---- The walk to a page of vmalloc ----

def walk_steps(address):
    """[(table, index)] of the four levels, and the offset in the page."""
    steps = [(name, address >> shift & INDEX_MASK) for name, shift in LEVELS]
    return steps, address & ((1 << PAGE_SHIFT) - 1)


def walk(facts):
    rows = events_of(facts, "area_mapped")
    if not rows:
        return ""
    address = reading.number(rows[0], "at")
    steps, offset = walk_steps(address)
    boxes = [tag("div", tag("b", name), tag("span", f"entry {index}"),
                 tag("small", f"bits {shift + 8} to {shift}"), class_="step")
             for (name, index), (_, shift) in zip(steps, LEVELS)]
    boxes.append(tag("div", tag("b", "page"), tag("span", f"byte {offset}"),
                     tag("small", "bits 11 to 0"), class_="step"))
    return tag("figure", tag("figcaption", text(
        f"vmalloc: an area of {rows[0].get('nr', '?')} pages is mapped at 0x{address:x}; the CPU "
        "walks there through four tables, chosen by the address itself")),
        tag("div", *boxes, class_="steps"))


# ---- All ----

def counts(facts):
    found = {}
    for row in facts.rows("event"):
        found[row.get("kind", "?")] = found.get(row.get("kind", "?"), 0) + 1
    rows = [[text(kind), grouped(number)] for kind, number in sorted(found.items())]
    return tag("details", tag("summary", f"What was told: {len(found)} kinds of events"),
               table(["kind", "events"], rows, numeric=(1,)))


def render(facts):
    if not facts.rows("event"):
        return ""
    figures = buddy(facts) + slab(facts) + fallback(facts) + walk(facts)
    return section("lecture", "The lecture's figures, as they happened", figures, counts(facts),
                   about="Drawn from events that the allocators told while they ran.")
