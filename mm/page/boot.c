/*
 * Memory for the structures that last, while there is no allocator.
 *
 * Model
 *   The topology needs memory before anything can allocate: it gets the start of
 *   the lowest usable range that has room, `early`. Then each node with memory
 *   has a bootmem over its boot window, its first GiB. What they give stays
 *   taken; mm/page/grow.c hands the rest to the zones.
 *
 * Locking
 *   None: one CPU runs while bootmem lives.
 */

#include "mm/page/boot.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/live.h"
#include "mm/range.h"

/* The boot window of a node: Linux's bootmem covered the low memory, 896 MiB. */
#define BOOT_WINDOW_PAGES	((uint64_t)1 << (30 - PAGE_SHIFT))

/* A window with less than this is given up for one at the node's largest range. */
#define MIN_WINDOW_PAGES	((uint64_t)1 << (24 - PAGE_SHIFT))

/* ---- Memory before bootmem ---- */

static uint64_t max_nodes_of(const struct boot_info *info)
{
	return (uint64_t)info->nr_affinity + info->nr_cpus + info->nr_initiators + 1;
}

void boot_refuse(const struct boot_state *state, uint64_t nr_more)
{
	uint64_t nr_needed = span_pages(state->early) + bytes_to_pages(state->taken_bytes) +
			     nr_more + MIN_ALLOCATOR_PAGES;
	uint64_t usable_bytes = range_bytes_of(live.info->ranges, live.info->nr_ranges, MEM_USABLE);

	mm_port_panic(__FILE__, __LINE__,
		      "this machine is too small: %llu KiB usable, %llu needed, "
		      "%llu of them in one piece",
		      (unsigned long long)usable_bytes / 1024,
		      (unsigned long long)pages_to_bytes(nr_needed) / 1024,
		      (unsigned long long)pages_to_bytes(nr_more) / 1024);
}

static struct pfn_span find_early_memory(const struct boot_info *info, uint64_t nr_pages)
{
	for (uint32_t i = 0; i < info->nr_ranges; i++) {
		const struct mem_range *range = &info->ranges[i];
		pfn_t start_pfn = pa_to_pfn(range->start);

		if (range->type == MEM_USABLE && pa_to_pfn(range->end) - start_pfn >= nr_pages)
			return (struct pfn_span){ start_pfn, start_pfn + nr_pages };
	}
	boot_refuse(&(struct boot_state){ .early = { 0, 0 } }, nr_pages);
}

void boot_build_topology(const struct boot_info *info, struct boot_state *state)
{
	uint64_t topology_size = align_up(topology_bytes(info), sizeof(uint64_t));
	uint64_t per_node = sizeof(struct bootmem) + sizeof(struct pfn_span);
	uint64_t bytes = topology_size + max_nodes_of(info) * per_node;
	enum status status;
	uint8_t *at;

	state->early = find_early_memory(info, bytes_to_pages(bytes));
	at = phys_to_virt(pfn_to_pa(state->early.start_pfn));
	memset(at, 0, bytes);
	status = topology_build(&live.topology, info, at, topology_size);
	if (status != STATUS_OK)
		mm_port_panic(__FILE__, __LINE__, "topology: status %d", (int)status);
	state->bootmems = (struct bootmem *)(void *)(at + topology_size);
	state->maps = (struct pfn_span *)(void *)(state->bootmems + max_nodes_of(info));
}

/* ---- Boot windows ---- */

struct pfn_span boot_piece(uint32_t index)
{
	const struct node_memory *memory = &live.topology.memory[index];

	return (struct pfn_span){ pa_to_pfn(memory->start), pa_to_pfn(memory->end) };
}

/* What boot allocates stays: it must not lie in ZONE_MOVABLE. */
static struct pfn_span kernel_piece_of(const struct topology_node *node, uint32_t index)
{
	return span_intersect(boot_piece(index),
			      (struct pfn_span){ 0, pa_to_pfn(node->movable_start) });
}

static struct pfn_span window_at(const struct topology_node *node, pfn_t start_pfn)
{
	struct pfn_span last = boot_piece(node->first_memory + node->nr_memory - 1);
	pfn_t end_pfn = min_u64(last.end_pfn, pa_to_pfn(node->movable_start));

	return (struct pfn_span){ start_pfn, min_u64(start_pfn + BOOT_WINDOW_PAGES, end_pfn) };
}

static uint64_t pages_in_window(const struct topology_node *node, struct pfn_span window)
{
	uint64_t nr_pages = 0;

	for (uint32_t i = 0; i < node->nr_memory; i++)
		nr_pages += span_pages(span_intersect(window, boot_piece(node->first_memory + i)));
	return nr_pages;
}

/* The first GiB of the node, unless it is next to empty and there is a better place. */
static struct pfn_span choose_window(const struct topology_node *node)
{
	struct pfn_span largest = kernel_piece_of(node, node->first_memory);
	struct pfn_span window = window_at(node, largest.start_pfn);

	if (pages_in_window(node, window) >= MIN_WINDOW_PAGES)
		return window;
	for (uint32_t i = 1; i < node->nr_memory; i++)
		if (span_pages(kernel_piece_of(node, node->first_memory + i)) > span_pages(largest))
			largest = kernel_piece_of(node, node->first_memory + i);
	return window_at(node, largest.start_pfn);
}

/*
 * The highest place in @window for a bitmap of @nr_pages; empty if none. What
 * boot keeps comes from the bottom: when the bitmap is given back it leaves no
 * hole below that, which would be the first piece the zone brings up.
 */
static struct pfn_span place_map(const struct topology_node *node, struct pfn_span window,
				 const struct boot_state *state, uint64_t nr_pages)
{
	struct pfn_span map = { 0, 0 };

	for (uint32_t i = 0; i < node->nr_memory; i++) {
		struct pfn_span part = span_intersect(window, boot_piece(node->first_memory + i));

		for_each_rest(rest, part, state->early)
			if (span_pages(*rest) >= nr_pages)
				map = (struct pfn_span){ rest->end_pfn - nr_pages, rest->end_pfn };
	}
	return map;
}

static void start_bootmem(unsigned nid, struct boot_state *state)
{
	const struct topology_node *node = &live.topology.nodes[nid];
	struct bootmem *bootmem = &state->bootmems[nid];
	struct pfn_span window, map;

	if (node->nr_memory == 0)
		return;
	window = choose_window(node);
	map = place_map(node, window, state,
			bytes_to_pages(bootmem_map_bytes(span_pages(window))));
	/* A node too small to describe itself is served by the others; its pages are not lost. */
	if (span_is_empty(map))
		return;
	state->maps[nid] = map;
	bootmem_init(bootmem, window.start_pfn, window.end_pfn,
		     phys_to_virt(pfn_to_pa(map.start_pfn)));
	for (uint32_t i = 0; i < node->nr_memory; i++) {
		struct pfn_span part = span_intersect(window, boot_piece(node->first_memory + i));

		for_each_rest(rest, part, state->early)
			bootmem_free_range(bootmem, rest->start_pfn, rest->end_pfn);
	}
	bootmem_reserve_range(bootmem, map.start_pfn, map.end_pfn);
}

void boot_start_bootmems(struct boot_state *state)
{
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		start_bootmem(nid, state);
}

/* ---- Allocation ---- */

bool boot_has_bootmem(const struct bootmem *bootmem)
{
	return bootmem->end_pfn != 0 && !bootmem->is_retired;
}

void *boot_take(struct boot_state *state, unsigned nid, uint64_t bytes, uint64_t align)
{
	for (unsigned i = 0; i < live.nr_nodes; i++) {
		struct bootmem *bootmem = &state->bootmems[(nid + i) % live.nr_nodes];
		uint64_t pa =
			boot_has_bootmem(bootmem) ? bootmem_alloc(bootmem, bytes, align) : PA_NONE;

		if (pa == PA_NONE)
			continue;
		state->taken_bytes += bytes;
		return phys_to_virt(pa);
	}
	boot_refuse(state, bytes_to_pages(bytes));
}

void *boot_alloc(struct boot_state *state, unsigned nid, uint64_t bytes, uint64_t align)
{
	return memset(boot_take(state, nid, bytes, align), 0, bytes);
}
