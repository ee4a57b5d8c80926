#ifndef TESTS_HOST_INTERRUPT_H
#define TESTS_HOST_INTERRUPT_H

/*
 * Interrupts for the hosted port: while an operation runs, a handler comes between two of
 * its steps, wherever the CPU is open. See tests/host/interrupt.c.
 */

#include "lib/compiler.h"

/*
 * Runs @operation() with @handler() coming once, where the CPU is about to be closed or has
 * just been opened for the n-th time; then again, for all n there are. Returns how many.
 */
uint64_t interrupt_at_points(void (*operation)(void), void (*handler)(void));

/* At every one of these points, in one run. */
uint64_t interrupt_at_all_points(void (*operation)(void), void (*handler)(void));

/*
 * After every @stride-th instruction for which the CPU is open; then again from the next on,
 * until each has been interrupted once. The processor stops after each (TF): what is not
 * written down as a point is met, too. Returns how many instructions there are.
 */
uint64_t interrupt_at_instructions(void (*operation)(void), void (*handler)(void),
				   uint64_t stride);

#endif
