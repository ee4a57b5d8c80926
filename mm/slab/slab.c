/*
 * One slab: its entries, and the objects that they say are free.
 *
 * Model
 *   A slab is a block of 2^k pages cut into objects of one size. Its kmem_bufctl
 *   array has an entry per object; the free ones form a list through it. An
 *   entry of u8 holds the distance to the next free object, modulo 256; an
 *   entry of u16 holds (next << 1) | 1, its high byte in a second plane. So the
 *   low byte of a free object's entry is never 0, and 0 can say "allocated": the
 *   list that finds a free object is also the record that tells a first free
 *   from a second. Objects that rest in an array keep a low byte that is not 0.
 *   nr_free tells where the list ends; the last entry leads nowhere.
 *
 *   list.next of every page of a slab leads to the cache, list.prev to the slab.
 *
 * Invariants, true whenever node->lock is free
 *   SLAB-2  the free list has nr_free entries, each of a different object, none
 *       with a low byte of 0
 *   SLAB-3  every page of a slab has type PAGE_SLAB and leads to its cache and slab,
 *       and to its array: array_index is the cache's
 *   SLAB-5  both guard words of an on-slab descriptor are whole
 *   SLAB-6  an entry whose low byte is not 0 is in the free list or in one array
 *
 * Locking
 *   The lock of the slab's node, which the callers hold, guards all of it but the state
 *   bytes of objects that are not in the free list: such a byte belongs to whoever
 *   holds the object.
 *
 * Cost
 *   Taking or giving an object is 12 to 17 instructions within a run of one slab.
 */

#include "mm/slab/slab.h"

#include "lib/string.h"
#include "mm/slab/debug/report.h"

/* ---- Entries ---- */

void slab_entries_init(const struct slab_layout *layout, struct slab *slab)
{
	if (layout->is_wide) {
		for (unsigned i = 0; i < layout->nr_objects; i++)
			slab_set_wide_next(layout, slab, i, i + 1);
		return;
	}
	/* Distances of 1. */
	memset(slab->bufctl, 1, layout->descriptor_bytes - sizeof(*slab));
}

bool slab_is_unused(const struct slab_layout *layout, const struct slab *slab)
{
	unsigned nr_allocated = 0;

	for (unsigned i = 0; i < layout->nr_objects; i++)
		nr_allocated += slab->bufctl[i] == 0;
	return nr_allocated == 0;
}

void slab_guards_set(const struct slab_layout *layout, struct slab *slab)
{
	*slab_front_guard(slab) = SLAB_GUARD_WORD;
	*slab_rear_guard(layout, slab) = SLAB_GUARD_WORD;
}

void slab_check(const struct kmem_cache *cache, struct slab *slab)
{
	if (unlikely(!slab_guards_are_whole(cache, slab)))
		slab_report_corrupt(cache, slab, "a guard word by its descriptor is overwritten");
	if (unlikely(slab->nr_free > cache->layout.nr_objects))
		slab_report_corrupt(cache, slab, "it counts more free objects than exist");
	if (unlikely(!list_is_linked(&slab->list)))
		slab_report_corrupt(cache, slab, "its list links are broken");
}

/* ---- Taking and giving ---- */

/*
 * Takes the objects that @slab's free list begins with and that follow each other in
 * the slab, at most @nr, to the places below @to; returns how many. What is free of a
 * fresh slab is one run.
 */
static ALWAYS_INLINE unsigned take_run(const struct kmem_cache *cache, struct slab *slab,
				       struct slab_slot *to, unsigned nr)
{
	const uint64_t stride = cache->layout.stride_bytes;
	const unsigned first = slab->first_free, nr_objects = cache->layout.nr_objects;
	const unsigned nr_behind = first < nr_objects ? nr_objects - first : 0;
	uint8_t *object = slab->objects + first * stride;
	uint8_t *const start = &slab->bufctl[first], *state = start;
	uint8_t *const end = start + (nr < nr_behind ? nr : nr_behind);

	for (; state < end && *state == 1; state++, object += stride)
		*--to = (struct slab_slot){ object, state };
	slab->first_free = (uint8_t)(state - slab->bufctl);
	return (unsigned)(state - start);
}

static void take_narrow(struct kmem_cache *cache, struct slab *slab, struct slab_slot *to,
			unsigned nr)
{
	const unsigned nr_objects = cache->layout.nr_objects;
	const uint64_t stride = cache->layout.stride_bytes;
	uint8_t *const objects = slab->objects, *const bufctl = slab->bufctl;
	struct slab_slot *at = to + nr;
	unsigned index;

	if (nr > 1)
		at -= take_run(cache, slab, at, nr);
	index = slab->first_free;
	while (at > to) {
		uint8_t distance = bufctl[index];

		if (unlikely(index >= nr_objects) || unlikely(distance == 0))
			slab_report_corrupt(cache, slab, "its free list leads to no free object");
		*--at = (struct slab_slot){ objects + index * stride, &bufctl[index] };
		index = (uint8_t)(index + distance);
	}
	slab->first_free = (uint16_t)index;
}

static void take_wide(struct kmem_cache *cache, struct slab *slab, struct slab_slot *to,
		      unsigned nr)
{
	unsigned index = slab->first_free;

	for (struct slab_slot *at = to + nr; at-- > to;) {
		if (unlikely(index >= cache->layout.nr_objects || slab->bufctl[index] == 0))
			slab_report_corrupt(cache, slab, "its free list leads to no free object");
		at->object = slab_object(cache, slab, index);
		at->state = &slab->bufctl[index];
		index = slab_wide_next(&cache->layout, slab, index);
	}
	slab->first_free = (uint16_t)index;
}

void slab_take(struct kmem_cache *cache, struct slab *slab, struct slab_slot *to, unsigned nr)
{
	if (cache->layout.is_wide)
		take_wide(cache, slab, to, nr);
	else
		take_narrow(cache, slab, to, nr);
}

unsigned slab_put_wide(const struct kmem_cache *cache, struct slab *slab,
		       const struct slab_slot *from, unsigned nr)
{
	unsigned i = 0;
	uint64_t index = (uint64_t)(from->state - slab->bufctl);

	do {
		slab_set_wide_next(&cache->layout, slab, (unsigned)index, slab->first_free);
		slab->first_free = (uint16_t)index;
		if (++i == nr)
			break;
		index = (uint64_t)(from[i].state - slab->bufctl);
	} while (index < cache->nr_objects);
	return i;
}
