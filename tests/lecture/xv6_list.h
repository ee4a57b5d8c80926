#ifndef TESTS_LECTURE_XV6_LIST_H
#define TESTS_LECTURE_XV6_LIST_H

/*
 * The free list of slide 1: a free page holds the address of the next one, so
 * the list costs no memory. What the lecture shows, and a baseline to measure
 * against. No lock.
 */

#include "lib/compiler.h"

struct run {
	struct run *next;
};

static inline void run_free(struct run **list, void *page_va)
{
	struct run *run = page_va;

	run->next = *list;
	*list = run;
}

/* The page freed last, or NULL. */
static inline void *run_alloc(struct run **list)
{
	struct run *run = *list;

	if (run)
		*list = run->next;
	return run;
}

#endif
