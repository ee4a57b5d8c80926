#ifndef LIB_ALIGN_H
#define LIB_ALIGN_H

/* Rounding to powers of two, for unsigned 64-bit values. @to is a power of two. */

#include "lib/compiler.h"

/* What x86 CPUs move between their caches: what two CPUs write lies in two of them. */
#define CACHE_LINE_BYTES	64u

static inline bool is_power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

static inline bool is_aligned(uint64_t value, uint64_t to)
{
	return (value & (to - 1)) == 0;
}

static inline uint64_t align_down(uint64_t value, uint64_t to)
{
	return value & ~(to - 1);
}

/* Wraps to 0 when the result does not fit: callers with untrusted input check first. */
static inline uint64_t align_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint64_t div_round_up(uint64_t value, uint64_t by)
{
	return value / by + (value % by != 0);
}

#endif
