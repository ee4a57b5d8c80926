/*
 * Counting instructions one by one.
 *
 * Model
 *   While the trap flag is set, the CPU raises a debug exception after each instruction
 *   (SDM 3B, 18.3.1.4), and the handler counts. It is exact on every machine, real or
 *   emulated, needs no counter of the hardware's, and takes some thousand cycles each.
 *
 * Locking
 *   None: one CPU counts at a time, its own instructions. Interrupts clear the flag on
 *   entry and restore it: their handlers are not counted.
 */

#include "arch/x86_64/step.h"

#include "arch.h"
#include "mm/assert.h"

#define RFLAGS_TRAP	0x100u

static volatile bool is_counting;
static volatile uint64_t nr_counted;

bool step_take(void)
{
	if (!is_counting)
		return false;
	nr_counted++;
	return true;
}

static NOINLINE void do_nothing(void *arg)
{
	__asm__ volatile("" :: "r"(arg) : "memory");
}

static NOINLINE uint64_t count_raw(void (*work)(void *), void *arg)
{
	ASSERT(!is_counting);

	nr_counted = 0;
	is_counting = true;
	__asm__ volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq" :: "i"(RFLAGS_TRAP) : "memory", "cc");
	work(arg);
	__asm__ volatile("pushfq\n\tandq %0, (%%rsp)\n\tpopfq" :: "i"((int)~RFLAGS_TRAP)
			 : "memory", "cc");
	is_counting = false;
	return nr_counted;
}

uint64_t arch_count_instructions(void (*work)(void *), void *arg)
{
	return count_raw(work, arg) - count_raw(do_nothing, arg);
}
