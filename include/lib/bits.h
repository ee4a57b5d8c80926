#ifndef LIB_BITS_H
#define LIB_BITS_H

/* Bit searches and bitmaps of 64-bit words. Not atomic. */

#include "lib/compiler.h"

#define BITS_PER_WORD	64u

/* Index of the lowest set bit. @word is not 0. */
static inline unsigned lowest_bit(uint64_t word)
{
	return (unsigned)__builtin_ctzll(word);
}

/* Index of the highest set bit. @word is not 0. */
static inline unsigned highest_bit(uint64_t word)
{
	return 63u - (unsigned)__builtin_clzll(word);
}

static inline unsigned count_bits(uint64_t word)
{
	unsigned nr = 0;

	for (; word != 0; word &= word - 1)
		nr++;
	return nr;
}

static inline uint64_t words_for_bits(uint64_t nr_bits)
{
	return nr_bits / BITS_PER_WORD + (nr_bits % BITS_PER_WORD != 0);
}

static inline bool bitmap_test(const uint64_t *map, uint64_t bit)
{
	return (map[bit / BITS_PER_WORD] >> (bit % BITS_PER_WORD)) & 1;
}

static inline void bitmap_set(uint64_t *map, uint64_t bit)
{
	map[bit / BITS_PER_WORD] |= (uint64_t)1 << (bit % BITS_PER_WORD);
}

static inline void bitmap_clear(uint64_t *map, uint64_t bit)
{
	map[bit / BITS_PER_WORD] &= ~((uint64_t)1 << (bit % BITS_PER_WORD));
}

#endif
