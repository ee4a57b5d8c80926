#ifndef TESTS_UNIT_SANDBOX_H
#define TESTS_UNIT_SANDBOX_H

/*
 * A zone in an array, beside the live ones: its pages are struct pages only, no
 * memory stands behind them.
 */

#include "mm/page/buddy.h"
#include "mm/page/pageblock.h"

#define SANDBOX_PAGES	4096u

struct sandbox {
	struct pglist_data node;
	struct zone *zone;		/* ZONE_NORMAL of node */
	struct pfn_span span;
	struct page *map;		/* page 0 */
	struct page *stolen;		/* what the last sandbox_steal() took, or NULL */
	struct page *backing;		/* the live pages that hold the map */
};

/* All pages free and movable. False: no memory. */
bool sandbox_start(struct sandbox *sandbox);
void sandbox_end(struct sandbox *sandbox);

/* Under the zone's lock; taken blocks are PAGE_USER with one reference. */
struct page *sandbox_take(struct sandbox *sandbox, unsigned order, enum migratetype migratetype);
void sandbox_free(struct sandbox *sandbox, struct page *page, unsigned order);

bool sandbox_steal(struct sandbox *sandbox, unsigned order, enum migratetype migratetype,
		   enum steal how);

/* Free blocks of @order, of all types. */
uint64_t sandbox_blocks(const struct sandbox *sandbox, unsigned order);

/* True when buddy_verify() finds @rule broken. */
bool sandbox_breaks(const struct sandbox *sandbox, const char *rule);

/* True when all memory is free in blocks of the largest order. */
bool sandbox_is_whole(const struct sandbox *sandbox);

#endif
