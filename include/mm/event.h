#ifndef MM_EVENT_H
#define MM_EVENT_H

/*
 * What the allocators do, told as it happens: to the lecture, the shell and reports.
 *
 * Off, it costs a comparison in slow paths and nothing in others; in no state does it
 * tell of what never leaves a CPU: pages that come from its stacks, objects that come
 * from its arrays, areas that are used again. See mm/event.c.
 */

#include "mm/types.h"

enum mm_event_kind {
	MM_EVENT_SPLIT,		/* a block of @order was halved down to one of @to */
	MM_EVENT_MERGE,		/* a block of @order and its buddy became one of @to */
	MM_EVENT_STEAL,		/* type @to took from type @order's lists: @nr pages change hands */
	MM_EVENT_REFILL,	/* @nr blocks of @order left the lists for a CPU */
	MM_EVENT_DRAIN,		/* @nr blocks of @order came back to the lists from one */
	MM_EVENT_FALLBACK,	/* a request for node @nr was served by this zone */
	MM_EVENT_GROW,		/* @nr pages were brought up */
	MM_EVENT_KSWAPD,	/* woken for blocks of @order; @nr is the node */
	MM_EVENT_TYPE,		/* the block of @order has page type @to now, had @nr */
	MM_EVENT_SLAB_MADE,	/* of @nr objects, with colour @to */
	MM_EVENT_SLAB_GONE,
	MM_EVENT_SLAB_LISTED,	/* @nr objects are free: list @to (enum mm_event_list) */
	MM_EVENT_AREA_MAPPED,	/* @nr pages at an address of the vmalloc space */
	MM_EVENT_AREA_FREED,	/* unmapped; its addresses may be used again after a flush */
	NR_MM_EVENT_KINDS
};

enum mm_event_list { MM_EVENT_LIST_FULL, MM_EVENT_LIST_PARTIAL, MM_EVENT_LIST_FREE };

#define MM_EVENT_NAME_BYTES	16u

struct mm_event {
	uint64_t number;	/* from 0 on since mm_events_start(), without gaps */
	uint64_t time_ns;
	uint64_t at;		/* of pages the first one's physical address, else virtual */
	uint64_t nr;
	uint16_t cpu;
	uint16_t nid;		/* of the memory; of an area the first page's */
	uint8_t kind;		/* enum mm_event_kind */
	uint8_t order, to;
	char name[MM_EVENT_NAME_BYTES];		/* zone or cache, cut; empty for areas */
};

/* Written by start and stop alone. */
extern bool mm_events_are_on HIDDEN;

/* Whether events are wanted now: for those who would tell one. */
static ALWAYS_INLINE bool mm_events_wanted(void)
{
	return unlikely(__atomic_load_n(&mm_events_are_on, __ATOMIC_RELAXED));
}

/*
 * Blocks of orders that no CPU keeps are taken and freed in short up to this one. 0 while
 * events are wanted, or freed pages are filled: then all go ways that tell. A plain word,
 * since those paths compare with it anyhow; who reads an old one tells a moment later.
 */
extern unsigned mm_plain_order_max HIDDEN;

/* What it is while nobody listens. */
void mm_set_plain_order_max(unsigned order);

/*
 * Begins to keep events in @ring, @nr_slots of them, a power of two; the oldest goes
 * first. The ring stays the caller's, who gives it until mm_events_stop().
 */
void mm_events_start(struct mm_event *ring, uint64_t nr_slots);

/* On return nobody writes to the ring any more. Harmless when off. */
void mm_events_stop(void);

/* How many there were since the start: the number of the next. */
uint64_t mm_events_count(void);

/* Copies event @number; false when it has not been yet, or is no longer kept. */
bool mm_event_get(uint64_t number, struct mm_event *event);

/* The word of the kind in records. */
const char *mm_event_kind_name(unsigned kind);

/*
 * Prints a record, a line:
 * @event number= ns= cpu= node= kind= at=0x order= to= nr= name=
 */
void mm_event_print(const struct mm_event *event);

/* The same of events [@from, @to) that are still kept. */
void mm_events_print(uint64_t from, uint64_t to);

/* For mm: tells one. Number, time and CPU are filled in; @name may be NULL. Any lock held. */
void mm_event_tell(struct mm_event event, const char *name) COLD;

#endif
