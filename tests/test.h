#ifndef TESTS_TEST_H
#define TESTS_TEST_H

/*
 * The test framework: the same in the image and in build/host/unit.
 *
 * A suite is one top-level KTAP point, named after a layer; its cases are the
 * nested points. A case that returns without a failed CHECK passed.
 */

#include "lib/compiler.h"
#include "log.h"

struct test_case {
	const char *name;	/* lower case, blanks: "freeing both halves restores the block" */
	void (*run)(void);
};

struct test_suite {
	const char *name;	/* the layer: "buddy" */
	const struct test_case *cases;
	unsigned nr_cases;
	bool is_hidden;		/* runs only when tests= names it (selfcheck, gallery) */
};

/* Defines suite @id (called "@id" in the report) from its case array. */
#define TEST_SUITE(id, case_array) \
	const struct test_suite suite_##id = { #id, case_array, ARRAY_SIZE(case_array), false }
#define HIDDEN_TEST_SUITE(id, case_array) \
	const struct test_suite suite_##id = { #id, case_array, ARRAY_SIZE(case_array), true }

struct test_totals {
	unsigned nr_passed, nr_failed, nr_skipped;
};

/* What a program does around cases; each may be NULL. */
struct test_hooks {
	/* Before a case: for a watchdog. */
	void (*begin)(const struct test_suite *suite, const struct test_case *test);
	/* After it, for verifiers: false fails the case. */
	bool (*end)(void);
	/*
	 * Calls test_run_cases() where a panic harms no other suite, and counts
	 * what it lost as failed; NULL: here.
	 */
	void (*run_apart)(const struct test_suite *suite, const char *globs,
			  struct test_totals *totals);
	/* After a suite's point: what it came to, alone. */
	void (*suite_end)(const struct test_suite *suite, const struct test_totals *of_suite);
	/* While a case runs its name stands on the line that is not ended. */
	bool does_show_case;
};

/*
 * Runs the suites whose "suite.case" matches one of the comma-separated globs
 * (NULL or "": all that are not hidden; blanks in names match '_'), prints KTAP
 * and totals. @hooks stays in use until it returns.
 */
struct test_totals test_run(const struct test_suite *const suites[], unsigned nr_suites,
			    const char *globs, const struct test_hooks *hooks);

/* How many cases of @suite the @globs of test_run() choose. */
unsigned test_count_cases(const struct test_suite *suite, const char *globs);

/* For run_apart(): the chosen cases of @suite, counted in @totals. */
void test_run_cases(const struct test_suite *suite, const char *globs,
		    struct test_totals *totals);

/*
 * Called with true before what nothing may disturb, a verifier or an exchange of what is
 * live, and with false after it, by who makes handlers allocate meanwhile; NULL: nobody.
 */
extern void (*test_quiet_hook)(bool is_quiet);

static inline void test_quiet(bool is_quiet)
{
	if (test_quiet_hook)
		test_quiet_hook(is_quiet);
}

/* ---- For use inside a case ---- */

#define CHECK(cond) do {							\
	if (unlikely(!(cond)))							\
		test_fail(__FILE__, __LINE__, "%s", #cond);			\
} while (0)

/* Both values are shown when they differ. */
#define CHECK_EQ(got, expected) do {						\
	uint64_t got_value = (uint64_t)(got);					\
	uint64_t expected_value = (uint64_t)(expected);				\
	if (unlikely(got_value != expected_value))				\
		test_fail(__FILE__, __LINE__, "%s is %lld (0x%llx), expected %lld (0x%llx)", \
			  #got, (long long)got_value, (unsigned long long)got_value, \
			  (long long)expected_value, (unsigned long long)expected_value); \
} while (0)

/* @statement must panic with a message that contains @text. Abandons its locks. */
#define CHECK_PANICS(text, statement) do {					\
	if (test_panics_begin(), __builtin_setjmp(test_panic_jump) == 0) {	\
		statement;							\
		test_panics_missing(__FILE__, __LINE__, text);			\
	} else {								\
		test_panics_check(__FILE__, __LINE__, text);			\
	}									\
} while (0)

/* Ends the case as skipped. */
#define SKIP(...) do { test_skip(__VA_ARGS__); return; } while (0)

void test_fail(const char *file, int line, const char *format, ...) PRINTF(3, 4);
void test_skip(const char *format, ...) PRINTF(1, 2);
void test_comment(const char *format, ...) PRINTF(1, 2);	/* "# text" line */

/* Seeded from seed=, printed by every case that uses it; xorshift64*. */
uint64_t test_random(void);
uint64_t test_random_below(uint64_t bound);
void test_set_seed(uint64_t seed);

extern void *test_panic_jump[5];
void test_panics_begin(void);
void test_panics_missing(const char *file, int line, const char *text);
void test_panics_check(const char *file, int line, const char *text);

#endif
