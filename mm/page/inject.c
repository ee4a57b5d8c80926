/*
 * Failures on purpose: the nth request for pages is refused, so that tests see what
 * its caller does then.
 *
 * Model
 *   One CPU at a time is armed. With its stacks closed every request of that CPU
 *   takes a slow path, and those ask here: the fast paths need not.
 */

#include "mm/page/inject.h"

#include "mm/page/page_stack.h"

static struct {
	uint64_t nth;		/* 0: not armed */
	const struct mm_cpu *cpu;	/* whose requests count */
	uint64_t count;
	bool has_struck;
} injection;

/* Others may ask while this CPU arms: what is not theirs they find by the CPU alone. */
bool inject_is_armed(void)
{
	return unlikely(__atomic_load_n(&injection.cpu, __ATOMIC_RELAXED) == this_mm_cpu());
}

bool inject_must_fail(gfp_t gfp)
{
	if (!inject_is_armed() || gfp & __GFP_NO_INJECTION)
		return false;
	if (++injection.count != injection.nth)
		return false;
	injection.has_struck = true;
	return true;
}

void mm_fail_nth(uint64_t nth)
{
	struct mm_local local;
	bool is_done;

	injection.nth = nth;
	__atomic_store_n(&injection.cpu, nth ? this_mm_cpu() : NULL, __ATOMIC_RELAXED);
	injection.count = 0;
	injection.has_struck = false;
	/* Who takes from a stack waits for nothing but a barrier: a few rounds at most. */
	do {
		local = mm_port_local_lock();
		is_done = page_stacks_set_closed(this_mm_cpu(), nth != 0, local);
		mm_port_local_unlock(local);
	} while (!is_done);
}

uint64_t mm_fail_nth_count(void)
{
	return injection.count;
}

bool mm_fail_nth_struck(void)
{
	return injection.has_struck;
}
