/* The limit of the hosted benchmark: see limit.h. */

#include "tests/host/bench/limit.h"

#include <stdlib.h>

#define OBJECT_BYTES	64u

/* An empty stack's top and end, until it is made. */
static void *empty[1];

_Thread_local struct limit_stack limit_stacks[NR_LIMIT_STACKS] = {
	[0 ... NR_LIMIT_STACKS - 1] = { empty + 1, empty + 1, NULL },
};

/* Pointers as far apart as small objects are: nobody looks behind them. */
static void make(struct limit_stack *stack)
{
	static uint8_t pretended[LIMIT_SLOTS][OBJECT_BYTES];

	stack->slots = malloc((1 + LIMIT_SLOTS) * sizeof(*stack->slots));
	if (!stack->slots)
		exit(2);
	stack->end = stack->slots + 1 + LIMIT_SLOTS;
	stack->slots[0] = NULL;
	for (unsigned i = 0; i < LIMIT_SLOTS; i++)
		stack->slots[1 + i] = pretended[i];
}

void *limit_refill(struct limit_stack *stack)
{
	if (!stack->slots)
		make(stack);
	stack->top = stack->end - 1;
	return *stack->top;
}

void limit_drain(struct limit_stack *stack, void *object)
{
	if (!stack->slots)
		make(stack);
	stack->slots[1] = object;
	stack->top = stack->slots + 2;
}
