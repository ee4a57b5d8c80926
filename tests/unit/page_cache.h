#ifndef TESTS_UNIT_PAGE_CACHE_H
#define TESTS_UNIT_PAGE_CACHE_H

/*
 * A page cache in small: the client that reclaim and compaction are for. Pages of
 * one file, filled from a source when they are read first, aged on two lists,
 * given back under pressure, moved when asked.
 */

#include "mm/lock.h"
#include "mm/page_alloc.h"
#include "mm/reclaim.h"

/* Where a page's contents come from. False: it cannot be read. */
struct page_source {
	bool (*read)(void *arg, uint64_t index, void *to);
	void *arg;
};

struct page_cache_entry {
	struct list_head list;		/* in one of the two lists, when there is a page */
	struct page *page;
	bool is_active;
	bool is_referenced;		/* read since it was looked at last */
};

struct page_cache {
	struct spinlock lock;		/* guards all that follows */
	struct page_source source;
	struct page_cache_entry *entries;	/* by index in the file */
	uint64_t nr_entries;
	struct list_head active, inactive;	/* youngest first */
	uint64_t nr_active, nr_inactive;
	uint64_t nr_reads;		/* from the source */
	uint64_t nr_activated, nr_deactivated, nr_evicted, nr_moved;
	struct shrinker shrinker;
	struct movable_owner mover;
	uint16_t owner;
};

/* Begins empty, for a file of @nr_pages. False: no memory. */
bool page_cache_start(struct page_cache *cache, struct page_source source, uint64_t nr_pages);

/* Gives everything back. */
void page_cache_end(struct page_cache *cache);

/*
 * Copies the first word of page @index to @word, from the cache or through it.
 * False: no memory, or the source cannot. Context: no lock held; may reclaim.
 */
bool page_cache_read(struct page_cache *cache, uint64_t index, uint64_t *word);

/* Whether page @index is in the cache; and on the active list. */
bool page_cache_has(struct page_cache *cache, uint64_t index);
bool page_cache_is_active(struct page_cache *cache, uint64_t index);

/* True when the lists, their counts and the entries agree. O(entries). */
bool page_cache_is_sound(struct page_cache *cache);

#endif
