#ifndef MM_TOPOLOGY_H
#define MM_TOPOLOGY_H

/*
 * Nodes: which memory and which CPUs belong together, and how far apart they
 * are. Built once from boot_info; read-only afterwards.
 *
 * Node ids are dense, 0 to nr_nodes - 1, and numbered as Linux does it on the
 * same tables: in the order in which SRAT names the domains, CPUs' first.
 * Proximity domains are the firmware's 32-bit numbers. A node may have no
 * memory, no CPU, or neither. No usable byte is without a node.
 *
 * Arrays live in memory that the caller supplies: nothing here allocates. Every
 * size is an upper bound computed from the lengths of boot_info's arrays.
 */

#include "boot_info.h"
#include "lib/compiler.h"
#include "mm/types.h"
#include "status.h"

/* A piece of MEM_USABLE memory of one node. Bytes, page-aligned. */
struct node_memory {
	uint64_t start;
	uint64_t end;
	uint32_t nid;
};

struct topology_node {
	uint32_t domain;
	uint32_t first_memory;		/* its pieces: memory[first_memory .. + nr_memory) */
	uint32_t nr_memory;		/* 0: a memoryless node */
	uint32_t nr_cpus;		/* 0: a CPU-less node */
	uint64_t usable_bytes;		/* sum over its pieces */
	uint64_t ram_bytes;		/* the same plus what the kernel holds and low memory */
	uint64_t movable_start;		/* from here on ZONE_MOVABLE's; NO_MOVABLE: there is none */
};

#define NO_MOVABLE	UINT64_MAX

struct topology_cpu {
	uint32_t apic_id;
	uint32_t nid;
};

/* What became of the SRAT. */
enum srat_verdict {
	SRAT_USED,
	SRAT_ABSENT,		/* none, or none that firmware got right */
	SRAT_OVERLAP,		/* rejected: two domains claim the same RAM */
	SRAT_UNCOVERED,		/* rejected: too much RAM is in no range */
	SRAT_TOO_MANY_NODES,	/* rejected: more than MAX_NODES domains */
	SRAT_SHREDDED,		/* rejected: RAM changes domains every few MiB */
	SRAT_NO_NODE,		/* rejected: it names no domain that is a node */
	NR_SRAT_VERDICTS
};

struct topology {
	uint32_t nr_nodes;		/* at least 1 */
	struct topology_node *nodes;
	struct node_memory *memory;	/* by node, then by address; disjoint */
	uint32_t nr_memory;
	struct topology_cpu *cpus;	/* in boot_info's order: [0] is the one that runs */
	uint32_t nr_cpus;

	enum srat_verdict srat;
	uint64_t uncovered_bytes;	/* RAM in no SRAT range, also when tolerated */
	struct mem_range conflict;	/* SRAT_OVERLAP: RAM that two domains claim */
	uint32_t conflict_domains[2];
	uint32_t nr_orphan_cpus;	/* CPUs without an SRAT entry */

	const struct boot_info *info;	/* for distances: stays valid */
};

/* Bytes of memory that topology_build() needs for @info. */
uint64_t topology_bytes(const struct boot_info *info);

/*
 * Builds @topology from @info with its arrays at @buffer (8-byte aligned,
 * @buffer_bytes long). Logs what it finds as Linux words it.
 *
 * STATUS_NO_MEMORY when the buffer is smaller than topology_bytes();
 * STATUS_ABSENT when the machine has no usable page.
 */
enum status topology_build(struct topology *topology, const struct boot_info *info,
			   void *buffer, uint64_t buffer_bytes) MUST_CHECK;

#define DISTANCE_LOCAL		10u
#define DISTANCE_REMOTE		20u	/* what SLIT does not tell */
#define DISTANCE_UNREACHABLE	255u

/* SLIT's distance between nodes, or the defaults above. */
unsigned topology_distance(const struct topology *topology, uint32_t from_nid, uint32_t to_nid);

/*
 * What HMAT tells of accesses by CPUs of @from_nid to memory of @to_nid; NULL if
 * nothing. Members may be PERFORMANCE_UNKNOWN.
 */
const struct performance *topology_performance(const struct topology *topology, uint32_t from_nid,
					       uint32_t to_nid);

/*
 * True when CPUs of @from_nid shall use memory of @nid rather than that of
 * @than_nid: at a smaller distance; at the same with a lower latency, then a
 * higher bandwidth, as far as HMAT tells; among equals the next higher id first,
 * wrapping, so that nodes do not all fall back to the same one.
 */
bool topology_is_nearer(const struct topology *topology, uint32_t from_nid, uint32_t nid,
			uint32_t than_nid);

/*
 * Writes the nodes that have usable memory to @order, nearest first: @nid itself
 * (if it has any), then as topology_is_nearer() has it, unreachable ones last.
 * Returns how many. @order has room for nr_nodes. O(n log n).
 */
uint32_t topology_fallback_order(const struct topology *topology, uint32_t nid, uint32_t *order);

/* The node of the CPU with @apic_id; NID_NONE when the topology has no such CPU. */
uint32_t topology_nid_of_cpu(const struct topology *topology, uint32_t apic_id);

/* The node of @domain, or NID_NONE. */
uint32_t topology_nid_of_domain(const struct topology *topology, uint32_t domain);

struct violation;

/* Checks the rules of mm/topology/topology.c's theory block. */
bool topology_verify(const struct topology *topology, struct violation *out);

#endif
