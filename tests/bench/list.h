#ifndef TESTS_BENCH_LIST_H
#define TESTS_BENCH_LIST_H

/* The suites bench_run() knows. */

#include "tests/bench/bench.h"

extern const struct bench_suite *const bench_suites[];
extern const unsigned nr_bench_suites;

#endif
