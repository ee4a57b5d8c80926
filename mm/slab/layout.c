/*
 * How a slab is cut: order, number of objects, place of the descriptor.
 *
 * Model
 *   A slab of order k has PAGE_SIZE << k bytes. On-slab, objects follow a guard
 *   word, the descriptor (struct slab and one kmem_bufctl entry per object) and a
 *   second guard word. Off-slab, objects fill it from its
 *   first byte and the descriptor is an object of one of the descriptor caches.
 *   Whatever is left behind the last object becomes colour: slabs begin their
 *   objects at different multiples of a cache line.
 *
 *   Entries are u8 up to 256 objects, because a relative index of 1 to 255
 *   reaches every other object, and u16 beyond.
 *
 * Choice
 *   Waste is every byte of slab and descriptor that is in no object. The lowest
 *   order wins that has GOOD_OBJECTS with at most 1/64 wasted. If none up to
 *   MAX_GOOD_ORDER has that, a higher order must waste a sixth less than a
 *   lower one, unless the lower has few objects: then twice the room never wastes
 *   a larger share. At equal order the place with the smaller share of waste wins,
 *   on-slab when equal.
 *
 * Everything here is arithmetic: no lock, no memory.
 */

#include "mm/slab/layout.h"

#include "lib/align.h"

/* Blocks of higher orders rest on short per-CPU stacks, or on none. */
#define MAX_GOOD_ORDER		3u
#define GOOD_WASTE_SHARE	64u
#define GOOD_OBJECTS		16u	/* so that making a slab is shared by many */

uint32_t descriptor_bytes_for(unsigned nr_entries, unsigned *size_index)
{
	unsigned capacity = 16;

	for (*size_index = 0; capacity < nr_entries; ++*size_index)
		capacity *= 2;
	return (uint32_t)sizeof(struct slab) + capacity;
}

static uint32_t on_slab_offset(unsigned nr_objects, uint32_t align)
{
	uint32_t entry_bytes = nr_objects > MAX_U8_OBJECTS ? 2 : 1;
	uint64_t descriptor = align_up(sizeof(struct slab) + nr_objects * entry_bytes, 8);

	return (uint32_t)align_up(SLAB_GUARD_BYTES + descriptor + SLAB_GUARD_BYTES, align);
}

static struct slab_layout lay_on_slab(uint32_t stride, uint32_t align, unsigned order)
{
	uint64_t bytes = PAGE_SIZE << order;
	uint64_t nr = min_u64(bytes / stride, SLAB_MAX_OBJECTS);
	struct slab_layout layout = { .stride_bytes = stride, .order = (uint8_t)order,
				      .place = ON_SLAB };

	while (on_slab_offset((unsigned)nr, align) + nr * stride > bytes)
		nr--;
	layout.nr_objects = (uint16_t)nr;
	layout.is_wide = nr > MAX_U8_OBJECTS;
	layout.objects_offset = on_slab_offset((unsigned)nr, align);
	layout.descriptor_bytes =
		(uint32_t)align_up(sizeof(struct slab) + (nr << layout.is_wide), 8);
	return layout;
}

static struct slab_layout lay_off_slab(uint32_t stride, unsigned order)
{
	uint64_t nr = min_u64((PAGE_SIZE << order) / stride, MAX_U8_OBJECTS);
	unsigned size_index;

	return (struct slab_layout){
		.stride_bytes = stride,
		.descriptor_bytes = descriptor_bytes_for((unsigned)nr, &size_index),
		.nr_objects = (uint16_t)nr,
		.order = (uint8_t)order,
		.place = OFF_SLAB,
	};
}

static uint64_t footprint(const struct slab_layout *layout)
{
	return (PAGE_SIZE << layout->order) +
		(layout->place == OFF_SLAB ? layout->descriptor_bytes : 0);
}

uint64_t slab_layout_waste(const struct slab_layout *layout)
{
	return footprint(layout) - (uint64_t)layout->nr_objects * layout->stride_bytes;
}

/* @a's share of waste times @of is less than @b's times @by. */
static bool wastes_less(const struct slab_layout *a, uint64_t of, const struct slab_layout *b,
			uint64_t by)
{
	return slab_layout_waste(a) * footprint(b) * of < slab_layout_waste(b) * footprint(a) * by;
}

/* Of a higher order than @b: a larger slab must be worth it. */
static bool is_better(const struct slab_layout *a, const struct slab_layout *b)
{
	return b->nr_objects < GOOD_OBJECTS || wastes_less(a, 6, b, 5);
}

static bool is_good(const struct slab_layout *layout)
{
	return layout->nr_objects >= GOOD_OBJECTS &&
		slab_layout_waste(layout) * GOOD_WASTE_SHARE <= footprint(layout);
}

static void set_colours(struct slab_layout *layout, uint32_t align)
{
	uint64_t left = (PAGE_SIZE << layout->order) - layout->objects_offset -
		(uint64_t)layout->nr_objects * layout->stride_bytes;

	layout->colour_bytes = (uint32_t)max_u64(align, CACHE_LINE_BYTES);
	layout->nr_colours = (uint32_t)(left / layout->colour_bytes) + 1;
}

static struct slab_layout best_of_order(uint32_t stride, uint32_t align, unsigned order,
					bool allow_off_slab)
{
	struct slab_layout on = lay_on_slab(stride, align, order);
	struct slab_layout off = lay_off_slab(stride, order);

	if (allow_off_slab && wastes_less(&off, 1, &on, 1))
		return off;
	return on;
}

bool slab_layout_choose(struct slab_layout *layout, uint32_t stride_bytes, uint32_t align,
			bool allow_off_slab)
{
	unsigned order = order_for_pages(bytes_to_pages(stride_bytes));
	bool is_found = false;

	ASSERT(is_power_of_two(align));
	ASSERT(align <= PAGE_SIZE);
	ASSERT(is_aligned(stride_bytes, align));
	for (; order <= MAX_ORDER && (!is_found || order <= MAX_GOOD_ORDER); order++) {
		struct slab_layout at = best_of_order(stride_bytes, align, order, allow_off_slab);

		if (at.nr_objects == 0 || (is_found && !is_better(&at, layout)))
			continue;
		*layout = at;
		is_found = true;
		if (is_good(layout))
			break;
	}
	if (is_found)
		set_colours(layout, align);
	return is_found;
}

/* The inverse of odd @value mod 2^64 by Newton's iteration: each step doubles the bits. */
static uint64_t odd_inverse(uint64_t value)
{
	uint64_t inverse = value;	/* right in the lowest 3 bits */

	for (unsigned bits = 3; bits < 64; bits *= 2)
		inverse *= 2 - value * inverse;
	return inverse;
}

uint64_t slab_layout_inverse(const struct slab_layout *layout)
{
	unsigned s = (unsigned)__builtin_ctz(layout->stride_bytes);

	return odd_inverse(layout->stride_bytes >> s) << (32 - s);
}
