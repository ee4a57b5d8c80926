/* All benchmark suites: one line each in both lists. */

#include "tests/bench/list.h"

extern const struct bench_suite bench_harness;
extern const struct bench_suite bench_slab;
extern const struct bench_suite bench_page;
extern const struct bench_suite bench_vmalloc;
extern const struct bench_suite bench_cross;
extern const struct bench_suite bench_baseline;

const struct bench_suite *const bench_suites[] = {
	&bench_harness,
	&bench_slab,
	&bench_page,
	&bench_vmalloc,
	&bench_cross,
	&bench_baseline,
};

const unsigned nr_bench_suites = ARRAY_SIZE(bench_suites);
