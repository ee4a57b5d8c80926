#ifndef TESTS_HOST_BENCH_LIMIT_H
#define TESTS_HOST_BENCH_LIMIT_H

/*
 * The least an allocator with per-CPU arrays can do: a stack of pointers per
 * size and thread, without any check. It is told the size of what it gets back,
 * and its refills and drains cost nothing: a stack that runs empty is full again,
 * and one that is full is empty. So what it gives out is for comparing, not for
 * use.
 */

#include "lib/compiler.h"

#define LIMIT_CLASSES	257u		/* of 16 bytes, up to a page */
#define LIMIT_SLOTS	100000u

struct limit_stack {
	void **top;			/* the next to give stands below; NULL there: none */
	void **end;
	void **slots;			/* NULL before the first use */
};

/* By size, then one for each order of pages. */
enum { LIMIT_ORDER0 = LIMIT_CLASSES, LIMIT_ORDER9, NR_LIMIT_STACKS };

/* The program's own: no detour through a table to find it. */
extern _Thread_local struct limit_stack limit_stacks[NR_LIMIT_STACKS]
	__attribute__((tls_model("local-exec")));

/* Pop and push where the stack must be made or turned over first. */
void *limit_refill(struct limit_stack *stack) COLD;
void limit_drain(struct limit_stack *stack, void *object) COLD;

static inline void *limit_pop(struct limit_stack *stack)
{
	void **top = stack->top;
	void *object = top[-1];

	if (unlikely(!object))
		return limit_refill(stack);
	stack->top = top - 1;
	return object;
}

static inline void limit_push(struct limit_stack *stack, void *object)
{
	void **top = stack->top;

	if (unlikely(top == stack->end)) {
		limit_drain(stack, object);
		return;
	}
	*top = object;
	stack->top = top + 1;
}

#endif
