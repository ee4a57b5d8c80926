#ifndef TESTS_UNIT_CACHE_RULES_H
#define TESTS_UNIT_CACHE_RULES_H

/* The invariants of one cache, for tests: that they hold, or which breaks first. */

#include "lib/string.h"
#include "tests/unit/slab/room.h"
#include "tests/test.h"

static inline void check_cache_at(struct kmem_cache *cache, const char *file, int line)
{
	struct violation violation = { 0 };

	if (!cache_verify(cache, &violation))
		test_fail(file, line, "%s broken at 0x%llx: %s", violation.rule,
			  (unsigned long long)violation.at, violation.condition);
}

#define CHECK_CACHE(cache)	check_cache_at(cache, __FILE__, __LINE__)

static inline bool breaks(struct kmem_cache *cache, const char *rule)
{
	struct violation violation = { 0 };

	return !cache_verify(cache, &violation) && strcmp(violation.rule, rule) == 0;
}

#endif
