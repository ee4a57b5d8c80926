"""Where every page went, and how that changed while the tests ran."""

import json

from . import facts as reading
from . import svg, uses
from .markup import grouped, section, size, swatch, table, tag, text

NR_POINTS_MAX = 400


# ---- The ledger ----

def column(title, parts):
    """A bar and a table of @parts: (words, fill, pages)."""
    total = sum(pages for _, _, pages in parts)
    bar = svg.stacked(title, [(pages, fill, f"{words}: {grouped(pages)} pages")
                              for words, fill, pages in parts])
    rows = [[swatch(fill) + text(words), grouped(pages), text(size(pages * reading.PAGE_BYTES)),
             f"{100 * pages / total:.2f} %" if total else ""] for words, fill, pages in parts]
    return tag("figure", tag("figcaption", text(title)), bar,
               table(["", "pages", "", ""], rows, numeric=(1, 2, 3)))


def columns(facts):
    firmware, usable = facts.ledger("firmware"), facts.ledger("usable")
    said = [(kind, uses.type_fill(kind), pages) for kind, pages in firmware.items()]
    used = [(uses.use_words(key), uses.use_fill(key), usable[key])
            for key in [*uses.USES, *(key for key in usable if key not in uses.USES)]
            if key in usable]
    return tag("div",
               column(f"What the firmware reported: {grouped(sum(firmware.values()))} pages", said),
               column(f"Where the usable ones are: {grouped(sum(usable.values()))} pages", used),
               class_="columns")


# ---- Memory over time ----

def thinned(rows):
    """Evenly, the last one included, so that a page stays small."""
    step = -(-len(rows) // NR_POINTS_MAX) or 1
    return rows[:-1:step] + rows[-1:]


def areas(rows, keys, most):
    """One area for each of @keys, stacked; x is the number of the moment."""
    base = [0] * len(rows)
    shapes = []
    for key in keys:
        above = [low + reading.number(row, key) for low, row in zip(base, rows)]
        points = [(1000 * i / (len(rows) - 1), 200 - 200 * value / most)
                  for i, value in enumerate(above)]
        points += [(1000 * i / (len(rows) - 1), 200 - 200 * base[i] / most)
                   for i in reversed(range(len(rows)))]
        shapes.append(tag("polygon", tag("title", text(uses.use_words(key))),
                          points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points),
                          class_=f"f-{uses.use_fill(key)}"))
        base = above
    return shapes


def moments(rows, keys):
    """The same numbers for the script: it shows those of the moment that is pointed at."""
    found = [{"at": f"{reading.number(row, 'at_us') / 1e6:.2f} s, after {row.get('after', '?')}",
              "pages": {uses.use_words(key): reading.number(row, key) for key in keys}}
             for row in rows]
    return json.dumps(found).replace("<", "\\u003c").replace("&", "\\u0026")


def over_time(facts):
    rows = thinned(facts.rows("memory"))
    if len(rows) < 2:
        return ""
    keys = [key for key in uses.USES if any(key in row for row in rows)]
    busy = [key for key in keys if key not in uses.FREE_USES]
    most = max(sum(reading.number(row, key) for key in busy) for row in rows) or 1
    marker = svg.line(0, 0, 0, 200, class_="marker")
    plot = svg.plot("pages in use after each suite", *areas(rows, busy, most), marker,
                    left=f"after {rows[0].get('after', '?')}",
                    right=f"after {rows[-1].get('after', '?')}",
                    top=f"{grouped(most)} pages, {size(most * reading.PAGE_BYTES)}",
                    id="memory-plot")
    legend = tag("p", *(tag("span", swatch(uses.use_fill(key)), text(uses.use_words(key)),
                            class_="key") for key in busy), class_="legend")
    least = [[swatch(uses.use_fill(key)) + text(uses.use_words(key)),
              *(grouped(value) for value in (min(values), max(values), values[-1]))]
             for key in keys for values in [[reading.number(row, key) for row in rows]]]
    return section("memory", "Memory over time", plot, legend,
                   tag("div", id="memory-moment"),
                   table(["pages", "least", "most", "at the end"], least, numeric=(1, 2, 3)),
                   tag("script", moments(rows, keys), type="application/json", id="memory-data"),
                   about="What pages are used for by the allocators' own counters, after each "
                         "suite. Free pages are left out of the picture, they would fill it.")


def render(facts):
    if not facts.ledger("firmware") or not facts.ledger("usable"):
        return over_time(facts)
    about = {True: "It balances: a walk over all pages and the counters agree, line by line.",
             False: "It does not balance: some line was counted otherwise than found.",
             None: ""}[facts.balances()]
    went = section("ledger", "Where every page went", columns(facts), about=about)
    return went + over_time(facts)
