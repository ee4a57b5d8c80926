#ifndef MM_SLAB_SLAB_H
#define MM_SLAB_SLAB_H

/*
 * The entries of one slab: which objects are free, and in what order they are given
 * out. See mm/slab/slab.c. Whoever calls holds the lock of the slab's node, or the
 * slab is on no list yet.
 */

#include "mm/slab/core.h"

/* ---- Entries ---- */

/* Wide entries: 7 bits of the next index above the bit that says "free", the rest apart. */
static inline unsigned slab_wide_next(const struct slab_layout *layout, const struct slab *slab,
				      unsigned index)
{
	return (unsigned)(slab->bufctl[index] >> 1 | slab->bufctl[layout->nr_objects + index] << 7);
}

static inline void slab_set_wide_next(const struct slab_layout *layout, struct slab *slab,
				      unsigned index, unsigned next)
{
	slab->bufctl[index] = (uint8_t)(next << 1 | 1);
	slab->bufctl[layout->nr_objects + index] = (uint8_t)(next >> 7);
}

/* Where the entry of free object @index leads. */
static inline unsigned slab_next_free(const struct kmem_cache *cache, const struct slab *slab,
				      unsigned index)
{
	if (cache->layout.is_wide)
		return slab_wide_next(&cache->layout, slab, index);
	return (uint8_t)(index + slab->bufctl[index]);
}

/* Every free list begins in order: entry i leads to i + 1. */
void slab_entries_init(const struct slab_layout *layout, struct slab *slab);

/*
 * Makes an allocated object, whose state byte is 0, one that rests: true for one of those
 * who try at once. False: it is not allocated, and as it was.
 */
static ALWAYS_INLINE bool slab_claim_state(uint8_t *state)
{
	uint8_t was = __atomic_exchange_n(state, 1, __ATOMIC_ACQ_REL);

	if (likely(was == 0))
		return true;
	__atomic_store_n(state, was, __ATOMIC_RELAXED);	/* the report is to be true */
	return false;
}

/* No object of @slab is allocated, whatever its count says. O(objects). */
bool slab_is_unused(const struct slab_layout *layout, const struct slab *slab);

/* ---- Guard words ---- */

void slab_guards_set(const struct slab_layout *layout, struct slab *slab);

/* O(1) checks before a slab's list is used: an overflow in line meets a guard first. */
void slab_check(const struct kmem_cache *cache, struct slab *slab);

/* ---- Objects ---- */

/*
 * Takes the first @nr objects of @slab's free list, which has as many, to @to: the first
 * comes last, so that a stack of them gives out a fresh slab's in the order of addresses.
 */
void slab_take(struct kmem_cache *cache, struct slab *slab, struct slab_slot *to, unsigned nr);

/*
 * Puts the objects of @slab that @from begins with, at least one, first in its
 * free list; returns how many of @nr they are.
 */
static ALWAYS_INLINE unsigned slab_put(const struct kmem_cache *cache, struct slab *slab,
				       const struct slab_slot *from, unsigned nr)
{
	const uint64_t nr_objects = cache->nr_objects;
	const struct slab_slot *at = from, *end = from + nr;
	uint64_t index = (uint64_t)(at->state - slab->bufctl);
	/* The end of the list leads anywhere, but not by a distance of 0. */
	uint64_t first = slab->nr_free ? slab->first_free : index + 1;

	do {
		slab->bufctl[index] = (uint8_t)(first - index);
		first = index;
		if (++at == end)
			break;
		index = (uint64_t)(at->state - slab->bufctl);
	} while (index < nr_objects);
	slab->first_free = (uint16_t)first;
	return (unsigned)(at - from);
}

/* The same where entries are wide. */
unsigned slab_put_wide(const struct kmem_cache *cache, struct slab *slab,
		       const struct slab_slot *from, unsigned nr);

#endif
