#ifndef MM_ZONE_H
#define MM_ZONE_H

/*
 * Zones and nodes: struct zone, struct free_area, struct pglist_data with the
 * lecture's fields, watermarks and counters. See mm/page/zone.c.
 */

#include "mm/assert.h"
#include "mm/gfp.h"
#include "mm/lock.h"
#include "mm/page.h"
#include "mm/page/backoff.h"
#include "mm/page/span.h"
#include "mm/types.h"

struct bootmem;
struct pglist_data;
struct thread;
struct wait_queue;

enum zone_type {
	ZONE_DMA,		/* below 16 MiB: ISA devices */
	ZONE_DMA32,		/* below 4 GiB: devices with 32 address bits */
	ZONE_NORMAL,
	ZONE_MOVABLE,		/* only pages that can be moved: what may be unplugged */
	MAX_NR_ZONES
};

#define PAGEBLOCK_PAGES		((uint64_t)1 << PAGEBLOCK_ORDER)

enum watermark {
	WATERMARK_MIN,		/* below: only what may dip into the reserve */
	WATERMARK_LOW,		/* below: kswapd wakes */
	WATERMARK_HIGH,		/* at or above: kswapd rests */
	NR_WATERMARKS
};

struct free_area {
	struct list_head free_list[MIGRATE_TYPES];
	uint64_t nr_free;	/* blocks on all of them */
	uint64_t nr_sorted;	/* blocks passed since the packing limit moved: see sort_front() */
};

/* Pages of a zone that may wait to go out of service at once: all others of it have. */
#define MAX_NOTED_PAGES		64u

/* Compaction empties units: pageblocks, and for blocks of MAX_ORDER pairs of them. */
#define NR_UNIT_ORDERS	(MAX_ORDER - PAGEBLOCK_ORDER + 1u)

/* How far a pass for units of one order is. See mm/page/compact.c. */
struct compaction_pass {
	pfn_t fill_pfn;				/* targets are collected from here on, upwards */
	pfn_t empty_pfn;			/* units above have been looked at */
	unsigned end_order;			/* below: orders there may still be targets of */
	struct backoff backoff;			/* atomic */
};

struct zone_compaction {
	bool is_busy;				/* guards the rest; atomic */
	struct compaction_pass passes[NR_UNIT_ORDERS];	/* by order, from PAGEBLOCK_ORDER */
	uint64_t nr_runs;
	uint64_t nr_deferred;			/* atomic */
	uint64_t nr_scanned_blocks;		/* pageblocks looked at, by either scanner */
	uint64_t nr_emptied_blocks;
	uint64_t nr_moved_blocks;
	uint64_t nr_refused;			/* moves that the owner refused */
};

struct zone {
	/* Guards also block_migratetype of its pages. */
	struct spinlock lock;
	uint64_t nr_free_pages GUARDED_BY(lock);	/* in the blocks of free_area */
	struct page *packing_limit GUARDED_BY(lock);	/* blocks below it are given out first */
	uint64_t packing_pages GUARDED_BY(lock);	/* for which there is room below it */
	uint64_t peak_pages GUARDED_BY(lock);	/* most in use since the limit was lowered last */
	uint32_t nr_until_lowered GUARDED_BY(lock);	/* bulk requests until it is again */
	struct free_area free_area[NR_ORDERS] GUARDED_BY(lock);
	uint64_t nr_highatomic_pages GUARDED_BY(lock);	/* in pageblocks of MIGRATE_HIGHATOMIC */
	uint64_t nr_isolated_pages GUARDED_BY(lock);	/* in pageblocks of MIGRATE_ISOLATE */
	uint64_t nr_noted GUARDED_BY(lock);	/* of noted[] */
	pfn_t noted[MAX_NOTED_PAGES] GUARDED_BY(lock);	/* going out of service; in no order */

	/* Written at boot; managed_pages also when a section comes up. */
	struct page *mem_map;			/* struct page of pfn 0 */
	struct pglist_data *node;
	const char *name;
	enum zone_type type;
	uint16_t index;				/* nid * MAX_NR_ZONES + type */
	pfn_t start_pfn;			/* spanned: [start_pfn, end_pfn), with holes */
	pfn_t end_pfn;
	uint64_t present_pages;			/* RAM */
	uint64_t managed_pages;			/* what can be allocated, sooner or later */
	uint64_t nr_metadata_pages;		/* taken for mem_map and the tables that map it */
	uint64_t watermark[NR_WATERMARKS];
	uint64_t watermark_boost;		/* pages kswapd frees beyond, after mixing */
	uint64_t plenty_pages;			/* low mark, largest reserve, what is set apart */
	uint64_t lowmem_reserve[MAX_NR_ZONES];	/* kept from requests that could go that high */

	/*
	 * Growing: memory whose mem_map is not up yet. Spans, which stay as boot made
	 * them, are sorted; what lies before (grow_span, grow_pfn) is up.
	 */
	struct spinlock grow_lock;		/* held from choosing a piece until it is up */
	struct pfn_span *spans;			/* all that boot left free */
	uint32_t nr_spans;
	uint32_t grow_span GUARDED_BY(grow_lock);
	pfn_t grow_pfn GUARDED_BY(grow_lock);
	uint64_t nr_pending_pages GUARDED_BY(lock);	/* from there on; see nr_free_pages */

	/*
	 * Atomic: allocated pages by type; PAGE_USER is what is left over. Of
	 * PAGE_LARGE with those at rest (mm/page/compound.c).
	 */
	uint64_t nr_type_pages[NR_PAGE_TYPES];
	uint64_t nr_fallback_blocks;		/* requests served from another type's lists */
	uint64_t nr_stolen_pageblocks;		/* pageblocks that changed their type for it */

	struct zone_compaction compaction;
};

/* The zones an allocation may use, best first. */
struct zonelist {
	struct zone **zones;
	uint32_t nr_zones;
};

enum {
	ZONELIST_FALLBACK,	/* this node's zones, then the other nodes', nearest first */
	ZONELIST_NOFALLBACK,	/* __GFP_THISNODE */
	MAX_ZONELISTS
};

/* A node, with the fields of the lecture's slide. */
struct pglist_data {
	struct zone node_zones[MAX_NR_ZONES];
	struct zonelist node_zonelists[MAX_ZONELISTS];
	int nr_zones;				/* highest populated zone type + 1 */
	struct page *node_mem_map;		/* struct page of node_start_pfn */
	struct bootmem *bdata;			/* retired by the time pages are allocated */
	pfn_t node_start_pfn;
	pfn_t movable_start_pfn;		/* from here on ZONE_MOVABLE, or PFN_NONE */
	uint64_t node_present_pages;
	uint64_t node_spanned_pages;		/* holes included */
	unsigned node_id;
	struct pglist_data *pgdat_next;
	struct wait_queue *kswapd_wait;		/* where kswapd waits, and its thread: */
	struct thread *kswapd;			/* NULL where the kernel has none */
	struct spinlock kswapd_lock;		/* guards what it was asked for: */
	bool is_kswapd_woken GUARDED_BY(kswapd_lock);
	unsigned kswapd_max_order GUARDED_BY(kswapd_lock);	/* of the requests that woke it */
	enum zone_type kswapd_highest_zone GUARDED_BY(kswapd_lock);	/* that may serve them */
	struct backoff kswapd_backoff[MAX_NR_ZONES];	/* by that zone; atomic */

	struct pfn_span *taken;			/* RAM that boot allocated and keeps */
	uint32_t nr_taken;
	uint64_t nr_taken_pages;
	uint64_t nr_scanned_pages;		/* by shrinkers asked for this node; atomic */
	uint64_t nr_reclaimed_pages;
	uint64_t nr_kswapd_runs;
};

const char *zone_type_name(enum zone_type type);
const char *migratetype_name(enum migratetype migratetype);

/* The type of zone that page @pfn falls in, for devices: never ZONE_MOVABLE. */
enum zone_type zone_type_of_pfn(pfn_t pfn);

/* The type of zone of @node that its page @pfn belongs to. */
static inline enum zone_type node_zone_type(const struct pglist_data *node, pfn_t pfn)
{
	return pfn >= node->movable_start_pfn ? ZONE_MOVABLE : zone_type_of_pfn(pfn);
}

/* Where memory of @node's zone of @type may lie. */
struct pfn_span node_zone_limits(const struct pglist_data *node, enum zone_type type);

/* Starts @zone empty: no span, no page. @mem_map is struct page of pfn 0. */
void zone_init(struct zone *zone, struct pglist_data *node, enum zone_type type,
	       struct page *mem_map);

static inline bool zone_is_populated(const struct zone *zone)
{
	return zone->present_pages != 0;
}

static inline pfn_t zone_page_to_pfn(const struct zone *zone, const struct page *page)
{
	return (pfn_t)(page - zone->mem_map);
}

/* A count that others change under the zone's lock: whole, but it may be stale at once. */
static inline uint64_t zone_hint(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

/* Its change, by who holds the lock. */
static inline void zone_set_hint(uint64_t *count, uint64_t value)
{
	__atomic_store_n(count, value, __ATOMIC_RELAXED);
}

/* What is free now or after growing, for whomever. Read without the lock: a hint. */
static inline uint64_t zone_listed_pages(const struct zone *zone)
{
	return __atomic_load_n(&zone->nr_free_pages, __ATOMIC_RELAXED) +
	       __atomic_load_n(&zone->nr_pending_pages, __ATOMIC_RELAXED);
}

/*
 * What requests can get of it: without isolated pageblocks, which are counted
 * whole, since only the lists know how much of them is free.
 */
static inline uint64_t zone_free_pages(const struct zone *zone)
{
	uint64_t nr_listed = zone_listed_pages(zone);
	uint64_t nr_isolated = __atomic_load_n(&zone->nr_isolated_pages, __ATOMIC_RELAXED);

	return nr_listed > nr_isolated ? nr_listed - nr_isolated : 0;
}

/*
 * Sets the watermarks of @zone: its share of @min_free_pages, the whole
 * machine's reserve, by its part of @total_pages. ZONE_MOVABLE, from which no
 * request that cannot wait is served, has no part in that: 1/1,024 of it,
 * between 32 and 128 pages.
 */
void zone_set_watermarks(struct zone *zone, uint64_t min_free_pages, uint64_t total_pages);

/* min_free_kbytes as Linux computes it, in pages: 4 * sqrt(KiB of memory) KiB. */
uint64_t min_free_pages_for(uint64_t managed_pages);

/* Sets lowmem_reserve[] of each zone of @node from the zones above it. */
void node_set_lowmem_reserve(struct pglist_data *node);

/*
 * True when @zone, after giving 2^@order pages to a request that may go up to
 * zone type @highest, keeps more than @mark_pages beside its reserve. A hint:
 * the lock is not held.
 */
bool zone_watermark_ok(const struct zone *zone, unsigned order, uint64_t mark_pages,
		       enum zone_type highest);

/*
 * The same for requests of any kind, without asking which: the zone keeps its
 * low mark and the largest reserve. May be false where the above is true.
 */
static inline bool zone_has_plenty(const struct zone *zone, unsigned order)
{
	return zone_listed_pages(zone) >= zone_hint(&zone->plenty_pages) + pages_in(order);
}

/* True when @pfn is memory of @zone that has been handed to the buddy allocator. */
bool zone_has_up(const struct zone *zone, pfn_t pfn) HOLDS(zone->grow_lock);

/* The same of every page of [@start_pfn, @end_pfn). */
bool zone_has_all_up(const struct zone *zone, pfn_t start_pfn, pfn_t end_pfn)
	HOLDS(zone->grow_lock);

/* Pages of @zone by type, counted over its mem_map. The zone is quiet. */
struct zone_census {
	uint64_t nr_pages[NR_PAGE_TYPES];
};
bool zone_count(const struct zone *zone, struct zone_census *census, struct violation *out);

/* Checks the rules of mm/page/zone.c for a quiet zone. O(pages). */
bool zone_verify(const struct zone *zone, struct violation *out);

#endif
