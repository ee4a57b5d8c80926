#ifndef MM_RECLAIM_H
#define MM_RECLAIM_H

/*
 * Getting memory back from those who can do without: a registry of shrinkers,
 * and what kswapd's threads call. See mm/page/reclaim.c. Context (mm/context.h): threads.
 */

#include "lib/list.h"
#include "mm/page.h"

struct thread;
struct wait_queue;

/* What is asked of a shrinker. */
struct shrink_control {
	unsigned nid;			/* pages of that node are wanted; NID_NONE: of any */
	unsigned highest_zone;		/* and of zones of that type or lower */
	uint64_t nr_to_scan;		/* look at so many pages */
	uint64_t nr_to_free;		/* stop when so many are free */
	uint64_t nr_scanned;		/* the shrinker adds what it looked at */
};

/* Whether freeing @page is what @control asks for. */
bool shrink_wants(const struct shrink_control *control, const struct page *page);

/*
 * Somebody who holds pages it could give back. @count says how many of node
 * @nid (NID_NONE: all): a hint, and what is said of it when memory is short.
 * @scan looks at about nr_to_scan of them, frees those that are wanted and that
 * it can do without, and returns how many it freed. Both are called without
 * allocator locks, on several CPUs at once; @scan may allocate, but not with
 * __GFP_DIRECT_RECLAIM.
 */
struct shrinker {
	const char *name;
	uint64_t (*count)(struct shrinker *shrinker, unsigned nid);
	uint64_t (*scan)(struct shrinker *shrinker, struct shrink_control *control);
	struct list_head list;		/* the registry's */
	uint64_t nr_scanned_pages;	/* so far */
	uint64_t nr_freed_pages;
};

/* Those registered first are asked first. */
void register_shrinker(struct shrinker *shrinker);

/* @shrinker is not running on another CPU. */
void unregister_shrinker(struct shrinker *shrinker);

/* Asks every shrinker for @nr_pages of @nid, as hard as it can. Returns pages freed. */
uint64_t shrink_node(unsigned nid, uint64_t nr_pages);

/*
 * A turn of kswapd for node @nid: works on what woke it until the node is
 * balanced for that or nothing helps. True: that took long, and there is more to
 * do. Others may run before the next turn. One thread per node at a time.
 */
bool reclaim_node(unsigned nid);

/* Requests for pages that were refused so far. */
uint64_t nr_failed_requests(void);

/* Notes for the lecture and for reports who makes these calls for @nid, and where it waits. */
void reclaim_set_thread(unsigned nid, struct thread *thread, struct wait_queue *queue);

#endif
