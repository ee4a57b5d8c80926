"""Curves from the caches and zones of the log."""

import math
import re

from . import facts as reading
from . import svg
from .markup import grouped, section, swatch, table, tag, text

KMALLOC = re.compile(r"kmalloc-(\d+)(k?)$")
LEAST_BYTES = 8


def kmalloc_sizes(facts):
    """[bytes of an object] of kmalloc's caches, the DMA ones apart."""
    return sorted({reading.number(row, "object_bytes") for row in facts.rows("cache")
                   if KMALLOC.match(row.get("name", ""))})


def wasted_share(nr_bytes, sizes):
    """Of what kmalloc(@nr_bytes) takes, what nobody asked for."""
    taken = next(size for size in sizes if size >= nr_bytes)
    return (taken - nr_bytes) / taken


def waste_curve(facts):
    """What rounding up to the next cache costs, by the size that was asked for."""
    sizes = kmalloc_sizes(facts)
    if len(sizes) < 2:
        return ""
    largest, points = sizes[-1], []
    span = math.log2(largest / LEAST_BYTES)
    for size in sizes:
        below = max([other for other in sizes if other < size], default=LEAST_BYTES - 1)
        for nr_bytes in (below + 1, size):
            if nr_bytes >= LEAST_BYTES:
                points.append((1000 * math.log2(nr_bytes / LEAST_BYTES) / span,
                               200 - 200 * 2 * wasted_share(nr_bytes, sizes)))
    mean = sum(wasted_share(nr_bytes, sizes)
               for nr_bytes in range(LEAST_BYTES, largest + 1)) / (largest + 1 - LEAST_BYTES)
    plot = svg.plot("waste of kmalloc by size", svg.polyline(points, "curve"),
                    left=f"{LEAST_BYTES} bytes asked for", right=f"{largest} (logarithmic)",
                    top="50 % wasted")
    return tag("figure", tag("figcaption", f"kmalloc rounds up to one of {len(sizes)} sizes: "
                             f"{100 * mean:.1f} % is lost on average over all sizes"), plot)


def cache_rows(facts):
    rows = []
    for row in facts.latest("cache", "name"):
        pages, waste = reading.number(row, "pages"), reading.number(row, "waste_bytes")
        slab_bytes = pages * reading.PAGE_BYTES
        if row.get("place") == "off":
            slab_bytes += reading.number(row, "descriptor_bytes")
        rows.append([text(row["name"]), grouped(reading.number(row, "object_bytes")),
                     text(row.get("per_slab", "")), str(pages), text(row.get("place", "")),
                     f"{100 * waste / slab_bytes:.1f} %" if slab_bytes else "",
                     text(row.get("colours", "")), grouped(reading.number(row, "slabs")),
                     grouped(reading.number(row, "active")),
                     grouped(reading.number(row, "objects"))])
    return rows


def caches(facts):
    rows = cache_rows(facts)
    if not rows:
        return ""
    inner = table(["cache", "bytes", "in a slab", "pages", "descriptor", "waste", "colours",
                   "slabs", "in use", "places"], rows, numeric=(1, 2, 3, 5, 6, 7, 8, 9))
    return tag("details", tag("summary", f"All {len(rows)} slab caches: how their slabs are cut"),
               inner)


def free_by_order(facts):
    """Where free memory is: a bar an order, in pages."""
    found = {}
    for zone in facts.zones():
        for order, blocks in enumerate(reading.numbers(zone, "blocks")):
            pages, all_blocks = found.get(order, (0, 0))
            found[order] = pages + (blocks << order), all_blocks + blocks
    if not any(pages for pages, _ in found.values()):
        return ""
    rows = [(f"order {order}", [(pages, "free", f"{grouped(blocks)} blocks, "
                                                f"{grouped(pages)} pages")])
            for order, (pages, blocks) in found.items()]
    return tag("figure", tag("figcaption", "Free blocks of the buddy allocator after the run, "
                             "all zones: bars are pages"), svg.bars("free pages by order", rows))


def watermarks(facts):
    rows = [[swatch(f"zone{zone.get('name', '')}") + text(f"node {zone['nid']} {zone.get('name')}"),
             *(grouped(reading.number(zone, key)) for key in
               ("managed_pages", "free_pages", "pending_pages", "cached_pages", "min", "low",
                "high"))] for zone in facts.zones()]
    return table(["zone", "managed", "free", "pending", "cached", "min", "low", "high"], rows,
                 numeric=range(1, 8)) if rows else ""


def render(facts):
    parts = free_by_order(facts) + waste_curve(facts)
    if not parts and not facts.rows("cache"):
        return ""
    return section("curves", "Zones and caches", watermarks(facts), parts, caches(facts))
