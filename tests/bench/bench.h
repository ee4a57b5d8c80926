#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

/*
 * Benchmarks in the image: guest instructions per operation.
 *
 * Under QEMU's icount the time-stamp counter advances by one per instruction,
 * so a batch is one difference and repeats to the digit. Elsewhere the same
 * rows count cycles and say so. A case is a row of the report; a file of cases
 * is a suite, listed in tests/bench/list.c. tests/bench/budgets.toml holds the
 * budgets, tools/bench.py compares.
 */

#include "lib/compiler.h"

#define NR_BENCH_BATCHES	15

enum bench_unit {
	BENCH_INSTRUCTIONS,	/* per operation */
	BENCH_RATIO,		/* measure() returns thousandths; nr_ops is then 1 */
};

/*
 * Either @run, which is timed as a whole for each batch, or @measure, which
 * times itself with bench_start() and bench_stop() and returns their sum (or,
 * for a worst case, the largest difference, with nr_ops 1).
 */
struct bench_case {
	const char *name;			/* "page0_pair" */
	unsigned nr_ops;			/* operations of one batch: the divisor */
	void (*run)(unsigned nr_ops);
	uint64_t (*measure)(unsigned nr_ops);
	const char *(*prepare)(void);		/* before all batches; NULL, or why it is skipped */
	void (*finish)(void);			/* after all batches of a prepared case */
	enum bench_unit unit;
};

struct bench_suite {
	const char *name;
	const struct bench_case *cases;
	unsigned nr_cases;
};

/* Defines bench suite @id from its case array. */
#define BENCH_SUITE(id, case_array) \
	const struct bench_suite bench_##id = { #id, case_array, ARRAY_SIZE(case_array) }

/*
 * Runs the cases that match @globs (NULL or "": all) and prints one @bench
 * record each. Returns false when nothing matched, when a row was spoilt, or when
 * the check loop read exactly 3.00 before the rows and not after them.
 */
bool bench_run(const char *globs) MUST_CHECK;

/*
 * Remembers what the boot took: @mm_cycles from boot_info to "mm ready", for the row
 * boot_mm; @log_cycles for sending and drawing the lines logged in that time, boot_log.
 */
void bench_set_boot_cycles(uint64_t mm_cycles, uint64_t log_cycles);

/* ---- For use inside a case ---- */

/* The counter, serialised; bench_stop() takes the cost of reading it off. */
uint64_t bench_start(void);
uint64_t bench_stop(uint64_t started);

/*
 * Whether no other CPU executes anything: under icount that would count here. It
 * waits for those that are on their way to HLT. True where nothing is counted
 * but time.
 */
bool bench_is_alone(void);

/* The row's figure is not what it says: tells why, and bench_run() will fail. */
void bench_spoil(const char *why);

/* Cheap reproducible randomness for precomputed traces: xorshift64*. */
uint64_t bench_random(void);
uint64_t bench_random_below(uint64_t bound);

/* The compiler must have @pointer's value and all memory ready here. */
static inline void bench_keep(const void *pointer)
{
	__asm__ volatile("" : : "r"(pointer) : "memory");
}

/* Shuffles @order, an array of the numbers below @nr, reproducibly. */
void bench_shuffle(uint32_t *order, uint32_t nr);

#endif
