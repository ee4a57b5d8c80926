#ifndef TESTS_HOST_SUITES_HOST_H
#define TESTS_HOST_SUITES_HOST_H

/* Suites of the hosted unit program alone. */

#include "tests/test.h"

extern const struct test_suite suite_local_lock;
extern const struct test_suite suite_rcu_threads;
extern const struct test_suite suite_objects_stress;
extern const struct test_suite suite_interrupts;
extern const struct test_suite suite_thisnode;
extern const struct test_suite suite_twice;
extern const struct test_suite suite_machines;
extern const struct test_suite suite_drain_machines;
extern const struct test_suite suite_reclaim_machines;
extern const struct test_suite suite_compact_machines;
extern const struct test_suite suite_offline_machines;
extern const struct test_suite suite_contig_machines;
extern const struct test_suite suite_harden;
extern const struct test_suite suite_maps;
extern const struct test_suite suite_maps_soak;
extern const struct test_suite suite_soak;

#endif
