#ifndef TESTS_UNIT_PAGE_MODEL_H
#define TESTS_UNIT_PAGE_MODEL_H

/*
 * Random operations on the page allocator, compared with an owner per page. See
 * tests/unit/page/page_model.c.
 */

#include <stdint.h>

/* At least @nr_operations on pretended machines; what differs from the model fails the case. */
void page_model_run(uint64_t nr_operations);

#endif
