#ifndef LIB_SORT_H
#define LIB_SORT_H

/*
 * Heap sort: in place, O(n log n) on every input, no recursion and no extra
 * memory, so that input from firmware cannot make it slow or deep. Not stable:
 * callers whose equal items differ break the tie in @is_less.
 */

#include "lib/compiler.h"

typedef bool sort_is_less(const void *a, const void *b, const void *arg);

static inline void sort_swap(unsigned char *a, unsigned char *b, size_t item_bytes)
{
	for (size_t i = 0; i < item_bytes; i++) {
		unsigned char kept = a[i];

		a[i] = b[i];
		b[i] = kept;
	}
}

/* Moves the item at @root down until neither child is greater. */
static inline void sort_sift_down(unsigned char *items, size_t root, size_t nr_items,
				  size_t item_bytes, sort_is_less *is_less, const void *arg)
{
	for (size_t child = 2 * root + 1; child < nr_items; child = 2 * root + 1) {
		if (child + 1 < nr_items &&
		    is_less(items + child * item_bytes, items + (child + 1) * item_bytes, arg))
			child++;
		if (!is_less(items + root * item_bytes, items + child * item_bytes, arg))
			return;
		sort_swap(items + root * item_bytes, items + child * item_bytes, item_bytes);
		root = child;
	}
}

/* Sorts @nr_items items of @item_bytes each; @arg is handed to @is_less. */
static inline void sort_items(void *base, size_t nr_items, size_t item_bytes, sort_is_less *is_less,
			      const void *arg)
{
	unsigned char *items = base;

	for (size_t root = nr_items / 2; root-- > 0;)
		sort_sift_down(items, root, nr_items, item_bytes, is_less, arg);
	for (size_t left = nr_items; left > 1;) {
		left--;
		sort_swap(items, items + left * item_bytes, item_bytes);
		sort_sift_down(items, 0, left, item_bytes, is_less, arg);
	}
}

#endif
