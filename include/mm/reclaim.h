#ifndef MM_RECLAIM_H
#define MM_RECLAIM_H

/*
 * Getting memory back from those who can do without: a registry of shrinkers.
 */

#include "lib/list.h"
#include "mm/types.h"

/*
 * Somebody who holds pages it could give back. @scan frees up to about
 * @nr_pages of node @nid (NID_NONE: any) and returns how many it freed. It is
 * called without allocator locks, may free but not allocate with
 * __GFP_DIRECT_RECLAIM, and may run on several CPUs at once.
 */
struct shrinker {
	const char *name;
	uint64_t (*scan)(struct shrinker *shrinker, unsigned nid, uint64_t nr_pages);
	struct list_head list;		/* the registry's */
	uint64_t nr_freed_pages;	/* so far */
};

void register_shrinker(struct shrinker *shrinker);

/* @shrinker is not running on another CPU. */
void unregister_shrinker(struct shrinker *shrinker);

/*
 * One step of kswapd for node @nid: asks every shrinker once for what the
 * node's zones lack to their high watermarks. Returns pages freed: 0 means that
 * the node is balanced or nothing can be had.
 */
uint64_t reclaim_node(unsigned nid);

/* Asks every shrinker for @nr_pages of @nid. Returns pages freed. */
uint64_t shrink_node(unsigned nid, uint64_t nr_pages);

#endif
