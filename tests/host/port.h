#ifndef TESTS_HOST_PORT_H
#define TESTS_HOST_PORT_H

/* The hosted port: what a test program does before mm_init(). */

#include "lib/compiler.h"

/*
 * Begins with [0, @end_pa) of pretended physical memory, all zero, which Linux
 * fills on first touch, so that terabytes cost what is used of them. Ends the
 * memory of an earlier call. Exits when Linux refuses.
 */
void host_port_start(uint64_t end_pa);

/* This thread is CPU @cpu from now on. */
void host_port_set_cpu(unsigned cpu);

/* Gives all pretended memory up, as far as this process goes: for a child of fork(). */
void host_port_forget(void);

/* Nodes mm_port_wake_reclaim() was called for since last asked, as bits; above 63: bit 63. */
uint64_t host_port_take_wakeups(void);

/* In place of the barrier of all CPUs, where it is set: the answer of mm_port_barrier_cpus(). */
extern bool (*host_barrier_hook)(void);

#endif
