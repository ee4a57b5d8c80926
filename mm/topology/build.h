#ifndef MM_TOPOLOGY_BUILD_H
#define MM_TOPOLOGY_BUILD_H

/*
 * Between the files that build a topology, each used by the later ones: domain.c
 * (node ids), label.c (which node RAM belongs to), movable_split.c, log.c (what is
 * said), topology.c (the sequence, and the rules).
 */

#include "mm/topology.h"

/* A domain that something names; place: where it is named first. */
struct domain_key {
	uint32_t domain;
	uint32_t place;
	bool is_used;		/* by more than a CPU that does not exist */
};

/* A piece of RAM with its label. */
struct ram_piece {
	uint64_t start, end;
	uint32_t nid;		/* NID_NONE: in no affinity range */
	bool is_usable;
};

/* What is needed while building. */
struct builder {
	struct topology *topology;
	const struct boot_info *info;
	struct domain_key *keys;	/* later sorted by domain: the index domain -> nid */
	uint32_t nr_keys;
	struct ram_piece *pieces;
	uint32_t nr_pieces;
	unsigned char *buffer;
	uint64_t used_bytes;
};

/* Upper bounds of the builder's keys and of the nodes. */
uint64_t domain_max_keys(const struct boot_info *info);
uint64_t domain_max_nodes(const struct boot_info *info);

/* Numbers the nodes of @builder, or says why there are none by SRAT. */
enum srat_verdict domain_make_nodes(struct builder *builder);

/* The node of @domain, or NID_NONE. */
uint32_t builder_nid_of_domain(const struct builder *builder, uint32_t domain);

/*
 * Cuts RAM into pieces with node ids; orphans are adopted. Or the reason why
 * the SRAT is refused: then the topology tells the conflict or how much RAM is
 * uncovered.
 */
enum srat_verdict label_by_srat(struct builder *builder);

/* What a node with ZONE_MOVABLE keeps for the kernel, at least: a boot window. */
#define MIN_KERNEL_PAGES	((uint64_t)1 << (24 - PAGE_SHIFT))

/* Sets movable_start of every node, as boot_info asks for it. */
void choose_movable(struct topology *topology);

/* mm/topology/domain.c: the node that CPUs without an SRAT entry go to. */
uint32_t first_node_with_memory(const struct topology *topology);

/* Logs the outcome in Linux's words. */
void log_topology(const struct builder *builder);

#endif
