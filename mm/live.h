#ifndef MM_LIVE_H
#define MM_LIVE_H

/*
 * The one live memory manager, built by mm/init.c. Modules that work on an
 * object do not see it; the public API does.
 */

#include "mm/page/page_stack.h"
#include "mm/topology.h"

struct mm_live {
	const struct boot_info *info;
	struct topology topology;
	struct pglist_data **nodes;		/* by node id */
	unsigned nr_nodes;
	struct mm_cpu **cpus;			/* by CPU index; NULL before mm_init_cpu() */
	unsigned nr_cpus;			/* the firmware's CPUs */
	unsigned nr_ready_cpus;			/* called mm_init_cpu() */
	uint64_t min_free_pages;
	bool is_ready;

	/* The ledger's: pages that no zone has. */
	uint64_t nr_usable_pages;		/* of MEM_USABLE ranges */
	pfn_t end_pfn;				/* no zone reaches it */
};

extern struct mm_live live;

static inline struct pglist_data *node_data(unsigned nid)
{
	return live.nodes[nid];
}

static inline struct zone *zone_of_index(unsigned zone_index)
{
	return &live.nodes[zone_index / MAX_NR_ZONES]->node_zones[zone_index % MAX_NR_ZONES];
}

/* The first index from @zone_index on whose zone has memory, or that behind the last. */
static inline unsigned next_populated_zone(unsigned zone_index)
{
	while (zone_index < live.nr_nodes * MAX_NR_ZONES &&
	       !zone_is_populated(zone_of_index(zone_index)))
		zone_index++;
	return zone_index;
}

/* The zone of a page that has been allocated or freed at least once, or is reserved. */
static inline struct zone *page_zone(const struct page *page)
{
	return zone_of_index(page->zone_index);
}

/*
 * 2^@order pages of @nid, or the nearest with memory, for a CPU that has no
 * stacks yet. NULL when there are none.
 */
struct page *alloc_pages_before_cpu(unsigned nid, unsigned order);

/* Pages of @zone that rest on the stacks of all CPUs: a hint while these go on. */
uint64_t zone_cached_pages(const struct zone *zone);

/* The page allocator's part of mm_verify_all(): topology, CPUs, zones, their sum. */
bool mm_verify_pages(struct violation *out);

/* The highest type of zone that a request with @gfp may be served from. */
enum zone_type highest_zone(gfp_t gfp);

/*
 * For every zone that has memory, in order of node id, then type. The inner loop makes one
 * round, and says in its step that the outer one goes on: break, which spares the step,
 * leaves both.
 */
#define for_each_populated_zone(at)							\
	for (unsigned at##_i = next_populated_zone(0), at##_goes_on = true;			\
	     at##_goes_on && at##_i < live.nr_nodes * MAX_NR_ZONES;			\
	     at##_i = next_populated_zone(at##_i + 1))					\
		for (struct zone *at = (at##_goes_on = false, zone_of_index(at##_i)); at;	\
		     at = NULL, at##_goes_on = true)

#endif
