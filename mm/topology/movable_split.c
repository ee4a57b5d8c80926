/*
 * Which part of each node serves movable pages alone: its ZONE_MOVABLE.
 *
 * Model
 *   The user asks for an amount for the whole machine; every node gives the same
 *   share of its usable memory, and gives it from the top: what devices can reach
 *   and what boot takes lies low. Pages that can move can also leave, so such
 *   memory can be emptied, to unplug it or for large blocks.
 *
 *   The kernel keeps a tenth of the machine whatever is asked, and the first
 *   MIN_KERNEL_PAGES of each node, for boot and the mem_map of the rest.
 *
 * Invariant TOPOLOGY-9, see mm/topology/topology.c
 *   The border is a multiple of the largest block, so that none lies across it.
 *
 * Locking
 *   None: built by one CPU, read-only afterwards.
 */

#include "mm/topology/build.h"

#include "lib/align.h"
#include "mm/port.h"

/* The kernel keeps at least this part of the machine, and MIN_KERNEL_PAGES of a node. */
#define KERNEL_SHARE		10u

/* Shares are 1/65,536ths: pages of 64 TiB times that fit 64 bits. */
#define SHARE_SHIFT		16

#define BORDER_BYTES		pages_to_bytes(pages_in(MAX_ORDER))

static uint64_t wanted_pages(const struct movable_request *request, uint64_t total_pages)
{
	uint64_t nr_pages = request->bytes / PAGE_SIZE;
	uint64_t max_pages = total_pages - total_pages / KERNEL_SHARE;

	if (request->percent > 0)
		nr_pages = total_pages * min_u64(request->percent, 100) / 100;
	if (nr_pages <= max_pages)
		return nr_pages;
	mm_port_log(LOG_WARN,
		    "ZONE_MOVABLE: %llu KiB are asked for, %llu given: the kernel keeps a tenth",
		    (unsigned long long)nr_pages * (PAGE_SIZE / 1024),
		    (unsigned long long)max_pages * (PAGE_SIZE / 1024));
	return max_pages;
}

/* Where the upper @nr_pages of the node's memory begin. */
static uint64_t start_of_upper(const struct topology *topology, const struct topology_node *node,
			       uint64_t nr_pages)
{
	uint64_t left_bytes = pages_to_bytes(nr_pages);
	uint32_t i = node->first_memory + node->nr_memory;

	while (i-- > node->first_memory) {
		const struct node_memory *memory = &topology->memory[i];

		if (memory->end - memory->start >= left_bytes)
			return memory->end - left_bytes;
		left_bytes -= memory->end - memory->start;
	}
	return topology->memory[node->first_memory].start;
}

static uint64_t choose_start(const struct topology *topology, const struct topology_node *node,
			     uint64_t share)
{
	uint64_t node_pages = bytes_to_pages(node->usable_bytes);
	uint64_t nr_pages = node_pages * share >> SHARE_SHIFT;
	uint64_t start;

	if (node_pages <= MIN_KERNEL_PAGES || nr_pages == 0)
		return NO_MOVABLE;
	nr_pages = min_u64(nr_pages, node_pages - MIN_KERNEL_PAGES);
	start = max_u64(start_of_upper(topology, node, nr_pages), pfn_to_pa(ZONE_DMA_END_PFN));
	start = align_up(start, BORDER_BYTES);
	return start < topology->memory[node->first_memory + node->nr_memory - 1].end ? start
										      : NO_MOVABLE;
}

void choose_movable(struct topology *topology)
{
	uint64_t total_pages = 0, wanted, share;

	for (uint32_t i = 0; i < topology->nr_memory; i++)
		total_pages += bytes_to_pages(topology->memory[i].end - topology->memory[i].start);
	wanted = wanted_pages(&topology->info->movable, total_pages);
	/* Rounded up, since the border is too. */
	share = ((wanted << SHARE_SHIFT) + total_pages - 1) / total_pages;
	for (uint32_t nid = 0; nid < topology->nr_nodes; nid++) {
		struct topology_node *node = &topology->nodes[nid];

		node->movable_start = NO_MOVABLE;
		if (node->nr_memory > 0)
			node->movable_start = choose_start(topology, node, share);
	}
}
