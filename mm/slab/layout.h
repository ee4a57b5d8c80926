#ifndef MM_SLAB_LAYOUT_H
#define MM_SLAB_LAYOUT_H

/* How a slab is cut: pure arithmetic. See mm/slab/layout.c. */

#include "mm/slab/core.h"

/* Bytes of the smallest descriptor with @nr_entries u8 entries, and its index. */
uint32_t descriptor_bytes_for(unsigned nr_entries, unsigned *size_index);

/*
 * Chooses order and place by waste for objects of @stride_bytes, a multiple of
 * @align. Fields that @layout gets are all of them. False: too large.
 */
bool slab_layout_choose(struct slab_layout *layout, uint32_t stride_bytes, uint32_t align,
			bool allow_off_slab) MUST_CHECK;

/* What a slab with @layout does not give to objects, its descriptor included. */
uint64_t slab_layout_waste(const struct slab_layout *layout);

/* The constant of slab_index() for @layout. */
uint64_t slab_layout_inverse(const struct slab_layout *layout);

#endif
