#ifndef TESTS_SUITES_H
#define TESTS_SUITES_H

/* The lists of all suites, in layer order. */

#include "tests/test.h"

/* The same in the image and on the host. */
extern const struct test_suite *const unit_suites[];
extern const unsigned nr_unit_suites;

/* Those that need the running image. */
extern const struct test_suite *const live_suites[];
extern const unsigned nr_live_suites;

/* A case of them matches the one @glob of test_run(). */
bool test_image_has(const char *glob);

/* test_run() over the unit suites and then the live ones: what the image does. */
struct test_totals test_run_image(const char *globs, bool (*after_case)(void));

#endif
