/*
 * Suites that run in the image and on the host, in layer order: one line each
 * in both lists.
 */

#include "tests/suites.h"

extern const struct test_suite suite_selfcheck;
extern const struct test_suite suite_ktap;
extern const struct test_suite suite_paging;
extern const struct test_suite suite_vspace;
extern const struct test_suite suite_vmalloc;

const struct test_suite *const unit_suites[] = {
	&suite_selfcheck,
	&suite_ktap,
	&suite_paging,
	&suite_vspace,
	&suite_vmalloc,
};

const unsigned nr_unit_suites = ARRAY_SIZE(unit_suites);
