/*
 * Interrupts at every step of an operation.
 *
 * Model
 *   The CPU is open while it holds neither the local lock nor a spin lock: a port that
 *   disables interrupts there takes them at any instruction between. What a handler does
 *   at an instruction that touches nothing shared it can as well do before it, so the
 *   points where the CPU is about to close, and where it has just opened, stand for the
 *   instructions between them: if all that is shared is touched while it is closed, which
 *   is what is to be shown. So the instructions themselves are gone through, too, where
 *   there are not too many: the processor traps after each.
 *
 *   A handler runs masked, as on a CPU that has taken an interrupt, and on the stack of
 *   whom it interrupts.
 *
 * Locking
 *   One thread at a time uses this.
 */

/* REG_EFL */
#define _GNU_SOURCE

#include "tests/host/interrupt.h"

#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>

#include "lib/align.h"
#include "mm/port.h"
#include "tests/test.h"

#define TRAP_FLAG	0x100

static struct {
	void (*handler)(void);
	uint64_t at;		/* 0: at all of them */
	uint64_t stride;	/* of instructions */
	uint64_t nr_seen;
	bool is_stepping;
} plan;

static void deliver(void)
{
	void (*hook)(void) = host_open_hook;

	host_open_hook = NULL;
	host_is_masked = true;
	host_nr_handlers++;
	plan.handler();
	CHECK(host_is_masked);
	CHECK_EQ(host_local_depth, 0);
	host_nr_handlers--;
	host_is_masked = false;
	host_open_hook = hook;
}

static void at_point(void)
{
	if (++plan.nr_seen == plan.at || plan.at == 0)
		deliver();
}

static uint64_t run(void (*operation)(void), void (*handler)(void), uint64_t at)
{
	plan.handler = handler;
	plan.at = at;
	plan.nr_seen = 0;
	host_open_hook = at_point;
	operation();
	host_open_hook = NULL;
	return plan.nr_seen;
}

uint64_t interrupt_at_points(void (*operation)(void), void (*handler)(void))
{
	uint64_t at = 0;

	do {
		at++;
	} while (run(operation, handler, at) >= at);
	return at - 1;
}

uint64_t interrupt_at_all_points(void (*operation)(void), void (*handler)(void))
{
	return run(operation, handler, 0);
}

/* ---- Instructions ---- */

static void after_instruction(int signal_number, siginfo_t *info, void *context)
{
	ucontext_t *interrupted = context;

	(void)signal_number;
	(void)info;
	if (!plan.is_stepping)
		interrupted->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
	else if (host_is_open() && ++plan.nr_seen % plan.stride == plan.at)
		deliver();
}

static void catch_traps(void)
{
	struct sigaction action = { .sa_sigaction = after_instruction,
				    .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGTRAP, &action, NULL) != 0)
		abort();
}

/* Below the red zone: the compiler may use what is under the stack pointer. */
static void begin_stepping(void)
{
	plan.is_stepping = true;
	__asm__ volatile("leaq -128(%%rsp), %%rsp\n\t"
			 "pushfq\n\t"
			 "orq %0, (%%rsp)\n\t"
			 "popfq\n\t"
			 "leaq 128(%%rsp), %%rsp"
			 :: "i"(TRAP_FLAG) : "memory", "cc");
}

static uint64_t step_through(void (*operation)(void), void (*handler)(void), uint64_t at)
{
	plan.handler = handler;
	plan.at = at;
	plan.nr_seen = 0;
	begin_stepping();
	operation();
	plan.is_stepping = false;
	__asm__ volatile("nop" ::: "memory");	/* the trap after it is the last */
	return plan.nr_seen;
}

uint64_t interrupt_at_instructions(void (*operation)(void), void (*handler)(void),
				   uint64_t stride)
{
	uint64_t nr = 0;

	catch_traps();
	plan.stride = stride;
	for (uint64_t at = 0; at < stride; at++)
		nr = max_u64(nr, step_through(operation, handler, at));
	return nr;
}
