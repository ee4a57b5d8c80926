"""What memory is for: the words of the records, ours, and the colours' names."""

# @memory's and @ledger's keys of usable pages: (words, colour).
USES = {
    "user": ("handed out", "user"),
    "slab": ("slab", "slab"),
    "large": ("kmalloc, large", "large"),
    "vmalloc": ("vmalloc", "vmalloc"),
    "percpu": ("per CPU", "percpu"),
    "offline": ("out of service", "bad"),
    "page_tables": ("page tables", "tables"),
    "mem_map": ("mem_map and its tables", "memmap"),
    "boot": ("taken by boot", "boot"),
    "cached": ("free, on per-CPU stacks", "cached"),
    "free": ("free, on buddy lists", "free"),
    "pending": ("free, mem_map not brought up", "pending"),
}
FREE_USES = ("cached", "free", "pending")

# The firmware's types of memory: the colour.
TYPES = {
    "usable": "free",
    "kernel": "boot",
    "ACPI reclaim": "acpi",
    "ACPI NVS": "acpi",
    "runtime code": "runtime",
    "runtime data": "runtime",
    "low memory": "low",
    "MMIO": "mmio",
    "reserved": "reserved",
}


def type_fill(name):
    return TYPES.get(name, "bad")


def use_words(key):
    return USES.get(key, (key, "user"))[0]


def use_fill(key):
    return USES.get(key, (key, "user"))[1]
