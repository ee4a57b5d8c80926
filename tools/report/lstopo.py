"""The nodes and CPUs as XML that hwloc loads: lstopo -i FILE draws them.

Form: hwloc's own, version 2. A Machine holds a Group for each node; in it the NUMANode is
a memory child beside the PUs; which of those share a core or a cache nobody told us. Sets
are hexadecimal bit masks in words of 32 bits.
"""

import xml.etree.ElementTree as ElementTree

from . import facts as reading

BITS_PER_WORD = 32
DOCTYPE = '<!DOCTYPE topology SYSTEM "hwloc2.dtd">'


class NoTopology(Exception):
    """The log does not say which nodes and CPUs there are."""


def bit_set(members):
    """{0, 33}: "0x00000002,0x00000001"."""
    mask = sum(1 << member for member in set(members))
    words = []
    while mask or not words:
        words.append(f"0x{mask & 0xffffffff:08x}")
        mask >>= BITS_PER_WORD
    return ",".join(reversed(words))


def with_sets(cpus, nids):
    sets = {"cpuset": bit_set(cpus), "nodeset": bit_set(nids)}
    return {**sets, **{f"complete_{key}": value for key, value in sets.items()}}


class Tree:
    """Numbers objects as they are made: gp_index is unique."""

    def __init__(self):
        self.nr_objects = 0

    def add(self, parent, type_name, **attributes):
        self.nr_objects += 1
        words = {key: str(value) for key, value in attributes.items()}
        return ElementTree.SubElement(parent, "object", type=type_name, **words,
                                      gp_index=str(self.nr_objects))

    def add_memory(self, parent, node):
        """The node itself: what has bytes."""
        nid, nr_bytes = reading.number(node, "nid"), reading.number(node, "usable_bytes")
        memory = self.add(parent, "NUMANode", os_index=nid,
                          **with_sets(reading.numbers(node, "cpus"), [nid]),
                          local_memory=nr_bytes)
        ElementTree.SubElement(memory, "page_type", size=str(reading.PAGE_BYTES),
                               count=str(nr_bytes // reading.PAGE_BYTES))

    def add_node(self, machine, node):
        cpus, nid = reading.numbers(node, "cpus"), reading.number(node, "nid")
        if not cpus:        # memory alone stands beside the groups
            self.add_memory(machine, node)
            return
        group = self.add(machine, "Group", **with_sets(cpus, [nid]), kind="0", subkind="0")
        self.add_memory(group, node)
        for cpu in cpus:
            self.add(group, "PU", os_index=cpu, **with_sets([cpu], [nid]))


def add_distances(top, nodes):
    """hwloc wants the whole matrix in one text, node by node."""
    matrix = [reading.numbers(node, "distances") for node in nodes]
    if len(nodes) < 2 or any(len(row) != len(nodes) for row in matrix):
        return
    distances = ElementTree.SubElement(top, "distances2", type="NUMANode",
                                       nbobjs=str(len(nodes)), kind="5", name="NUMALatency",
                                       indexing="os")
    indexes = " ".join(node["nid"] for node in nodes)
    values = " ".join(str(value) for row in matrix for value in row)
    for name, words in (("indexes", indexes), ("u64values", values)):
        ElementTree.SubElement(distances, name, length=str(len(words))).text = words


def render(facts):
    nodes = facts.nodes()
    if not nodes:
        raise NoTopology("the log has no @node record")
    cpus = [cpu for node in nodes for cpu in reading.numbers(node, "cpus")]
    if not cpus:
        raise NoTopology("no @node record of the log has a CPU")
    top, tree = ElementTree.Element("topology", version="2.0"), Tree()
    machine = tree.add(top, "Machine", os_index=0,
                       **with_sets(cpus, [reading.number(node, "nid") for node in nodes]),
                       allowed_cpuset=bit_set(cpus),
                       allowed_nodeset=bit_set(reading.number(node, "nid") for node in nodes))
    for name, value in (("Backend", "Slabstick"), ("Architecture", "x86_64")):
        ElementTree.SubElement(machine, "info", name=name, value=value)
    for node in nodes:
        tree.add_node(machine, node)
    add_distances(top, nodes)
    ElementTree.indent(top)
    text = ElementTree.tostring(top, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{DOCTYPE}\n{text}\n'
