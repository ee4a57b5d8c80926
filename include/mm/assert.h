#ifndef MM_ASSERT_H
#define MM_ASSERT_H

/*
 * Contracts of callers. ASSERT is O(1) and in every build; DEBUG_ASSERT may
 * cost O(log n) and exists where MM_DEBUG is 1. One condition each, no side
 * effects. What firmware or a user got wrong is a status, never an assertion.
 */

#include "lib/compiler.h"
#include "mm/config.h"

/* Panics with "assertion failed: EXPRESSION" and its place. */
void assert_failed(const char *expression, const char *file, int line) COLD NORETURN;

#define ASSERT(cond) do {						\
	if (unlikely(!(cond)))						\
		assert_failed(#cond, __FILE__, __LINE__);		\
} while (0)

#define DEBUG_ASSERT(cond) do {						\
	if (MM_DEBUG && unlikely(!(cond)))				\
		assert_failed(#cond, __FILE__, __LINE__);		\
} while (0)

/* The rule a verifier found broken. */
struct violation {
	const char *rule;	/* "BUDDY-3" */
	const char *condition;	/* the text of what does not hold */
	uint64_t at;		/* pfn, address or index, as the rule says */
};

/* For x_verify() functions, whose last parameter is `struct violation *out`. */
#define REQUIRE(id, where, cond) do {					\
	if (unlikely(!(cond))) {					\
		*out = (struct violation){ id, #cond, (uint64_t)(where) }; \
		return false;						\
	}								\
} while (0)

#endif
