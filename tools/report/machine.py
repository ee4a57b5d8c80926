"""The machine: nodes, distances, and physical memory to scale."""

from . import facts as reading
from . import svg, uses
from .markup import escape, section, size, swatch, table, tag, text

LOWEST_BYTES = 16 << 20     # ZONE_DMA's end: what is in there is too small for the large scale
DISTANCES_SHOWN_MAX = 32
NODE_FILLS = 8


def ranges_of(facts):
    """[(start, end, type)] of the firmware's map, each once, by address."""
    rows = facts.latest("range", "start")
    return sorted((reading.number(row, "start"), reading.number(row, "end"), row.get("type", ""))
                  for row in rows)


def pieces_of(facts):
    return sorted((reading.number(row, "start"), reading.number(row, "end"),
                   reading.number(row, "nid")) for row in facts.latest("piece", "nid", "start"))


def end_of_ram(facts):
    """Where the highest memory ends that anybody has; devices above it are not drawn."""
    ends = [end for _, end, kind in ranges_of(facts) if kind not in ("MMIO", "reserved")]
    return max(ends + [end for _, end, _ in pieces_of(facts)], default=0)


def place(start, end):
    return f"0x{start:x}-0x{end - 1:x}, {size(end - start)}"


def holes(parts, limit):
    """What no one describes, below @limit."""
    at, found = 0, []
    for start, end, *_ in parts:
        if start > at:
            found.append((at, min(start, limit)))
        at = max(at, end)
    if at < limit:
        found.append((at, limit))
    return [(start, end) for start, end in found if end > start]


# ---- Memory to scale ----

def clipped(parts, limit):
    return [(start, min(end, limit), fill, about) for start, end, fill, about in parts
            if start < limit]


def rows_to_scale(facts, limit):
    """(name, parts): the firmware's map, the nodes, the zones."""
    ranges, pieces = ranges_of(facts), pieces_of(facts)
    firmware = [(start, end, uses.type_fill(kind), f"{kind}: {place(start, end)}")
                for start, end, kind in ranges]
    firmware += [(start, end, "hole", f"hole: {place(start, end)}")
                 for start, end in holes(ranges, limit)]
    nodes = [(start, end, f"node{nid % NODE_FILLS}", f"node {nid}: {place(start, end)}")
             for start, end, nid in pieces]
    zones = []
    for row in facts.zones():
        start, end = (reading.number(row, key) * reading.PAGE_BYTES
                      for key in ("start_pfn", "end_pfn"))
        zones.append((start, end, f"zone{row.get('name', '')}",
                      f"node {row['nid']} {row.get('name')}: {place(start, end)}"))
    return [("firmware's map", clipped(firmware, limit)), ("nodes", clipped(nodes, limit)),
            ("zones", clipped(zones, limit))]


def to_scale(facts, limit, title):
    strips = "".join(tag("div", tag("span", text(name), class_="row-name"),
                         svg.strip(f"{name}, 0 to {size(limit)}", parts, limit),
                         class_="scale-row")
                     for name, parts in rows_to_scale(facts, limit) if parts)
    axis = tag("div", tag("span", "0"), tag("span", text(size(limit / 2))),
               tag("span", text(size(limit))), class_="axis scale-axis")
    return tag("figure", tag("figcaption", text(title)), strips, axis)


def legend(facts, limit):
    kinds = dict.fromkeys(kind for start, _, kind in ranges_of(facts) if start < limit)
    found = {}
    for kind in kinds:
        found.setdefault(uses.type_fill(kind), []).append(kind)
    zones = dict.fromkeys(row.get("name", "") for row in facts.zones())
    items = [(fill, ", ".join(names)) for fill, names in found.items()]
    items += [("hole", "hole: nobody describes it")]
    items += [(f"zone{name}", f"zone {name}") for name in zones]
    return tag("p", *(tag("span", swatch(fill), text(name), class_="key")
                      for fill, name in items), class_="legend")


# ---- Nodes ----

def node_card(facts, row):
    nid = row["nid"]
    zones = [zone for zone in facts.zones() if zone.get("nid") == nid]
    managed = sum(reading.number(zone, "managed_pages") for zone in zones)
    free = sum(reading.number(zone, key) for zone in zones
               for key in ("free_pages", "pending_pages", "cached_pages"))
    cpus = "".join(tag("span", text(cpu), class_="cpu") for cpu in reading.numbers(row, "cpus"))
    bar = svg.stacked(f"node {nid}: used and free", [
        (managed - free, "user", f"used: {size((managed - free) * reading.PAGE_BYTES)}"),
        (free, "free", f"free: {size(free * reading.PAGE_BYTES)}")], height=14) if managed else ""
    memory = (f"{size(reading.number(row, 'usable_bytes'))}, "
              f"{size(free * reading.PAGE_BYTES)} free after the run" if managed
              else "no memory of its own")
    order = " → ".join(map(str, reading.numbers(row, "fallback")))
    return tag("div", tag("h3", swatch(f"node{int(nid) % NODE_FILLS}"), f"Node {escape(nid)} ",
                          tag("small", f"PXM {escape(row.get('domain', '?'))}")),
               tag("p", "CPUs ", cpus or "none"), tag("p", text(memory)), bar,
               tag("p", text(f"falls back {order}"), class_="about") if order else "",
               class_="card")


def heat(distance):
    """0 for local, 4 for the farthest."""
    return min(4, max(0, (distance - 10 + 6) // 7))


def distances(nodes):
    matrix = [reading.numbers(row, "distances") for row in nodes]
    if len(nodes) < 2 or len(nodes) > DISTANCES_SHOWN_MAX or not all(matrix):
        return ""
    head = tag("tr", tag("th", "from \\ to"), *(tag("th", text(row["nid"])) for row in nodes))
    body = "".join(tag("tr", tag("th", text(row["nid"])),
                       *(tag("td", text(value), class_=f"heat{heat(value)}") for value in values))
                   for row, values in zip(nodes, matrix))
    return tag("figure", tag("figcaption", "Distances: 10 is local"),
               tag("div", tag("table", head, body, class_="matrix"), class_="wide"))


def latencies(facts):
    rows = facts.latest("latency", "from", "to", "source")
    if not rows:
        return ""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return tag("figure", tag("figcaption", "Latencies and bandwidths"),
               table(columns, [[text(row.get(key, "")) for key in columns] for row in rows]))


def render(facts):
    nodes, limit = facts.nodes(), end_of_ram(facts)
    if not nodes and not limit:
        return ""
    cards = tag("div", *(node_card(facts, row) for row in nodes), class_="cards")
    pictures = ""
    if limit:
        pictures = to_scale(facts, limit, f"Physical memory to scale, 0 to {size(limit)}")
        if limit > LOWEST_BYTES:
            pictures += to_scale(facts, LOWEST_BYTES,
                                 f"The first {size(LOWEST_BYTES)} of it, enlarged "
                                 f"{limit // LOWEST_BYTES} times")
        pictures += legend(facts, limit)
    return section("machine", "The machine", cards, distances(nodes), latencies(facts), pictures)
