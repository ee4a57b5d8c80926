#ifndef MM_PAGE_RECLAIM_H
#define MM_PAGE_RECLAIM_H

/*
 * What the page allocator asks of reclaim. See mm/page/reclaim.c.
 *
 * Context: no allocator lock held; shrinkers are called.
 */

#include "mm/page/zone.h"
#include "mm/reclaim.h"

/* For whom pages are wanted, and how it went so far. Begins with nr_vain_rounds 0. */
struct reclaim_run {
	unsigned nid;			/* whose pages; NID_NONE: any node's */
	unsigned order;
	enum zone_type highest;		/* pages of zones above are of no use */
	unsigned nr_vain_rounds;	/* in a row: those zones gained nothing */
};

/*
 * Asks shrinkers, ever harder, until they have freed @nr_pages or were asked for
 * all they have; then empties the stacks. False: another round would be in vain.
 */
bool reclaim_round(struct reclaim_run *run, uint64_t nr_pages);

/*
 * Wakes kswapd of @node for a request of @order that may be served from zones up
 * to @highest: not when @node has enough for it, nor for a while after reclaim for
 * such requests was in vain.
 */
void reclaim_wake(struct pglist_data *node, unsigned order, enum zone_type highest);

/* Wakes kswapd of @zone's node when types were mixed in @zone: it frees ahead. */
void reclaim_wake_for_boost(struct zone *zone);

/*
 * Counts a request that was refused and, but at most once a second and not with
 * __GFP_NOWARN, says in one line who holds the memory it could have had.
 */
void reclaim_report_failure(const struct reclaim_run *run, gfp_t gfp) COLD;

/* The line: writes it to @text, cut at @size. */
void reclaim_describe_failure(const struct reclaim_run *run, gfp_t gfp, char *text, size_t size);

/* Checks the rules of mm/page/reclaim.c for the registry and for @node. */
bool reclaim_verify(struct pglist_data *node, struct violation *out);

/*
 * Forgets a machine before this one: its shrinkers, which would be asked for memory that is
 * gone, and that a failure was reported just now. mm_init() begins so.
 */
void reclaim_init(void);

#endif
