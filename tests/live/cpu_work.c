/*
 * Work for other CPUs: nothing is slept through, nothing outlives its sender's wait,
 * and nothing waits for ever.
 */

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/smp.h"
#include "arch/x86_64/stretch.h"
#include "kthread.h"
#include "tests/test.h"

#define CALL_MS			10000u
#define SHORT_MS		50u
#define NS_PER_MS		1000000ull
#define OTHER_CPU		1u

static bool is_begun, is_released;

/* Waits for @flag, for a bounded time. */
static bool comes_true(const bool *flag)
{
	uint64_t end_ns = arch_now_ns() + CALL_MS * NS_PER_MS;

	while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE))
		if (arch_now_ns() > end_ns)
			return false;
	return true;
}

static void set_flag(void *flag)
{
	__atomic_store_n((bool *)flag, true, __ATOMIC_RELEASE);
}

static void wait_for_release(void *arg)
{
	(void)arg;
	set_flag(&is_begun);
	while (!__atomic_load_n(&is_released, __ATOMIC_ACQUIRE))
		mm_port_spin_hint();
}

/* A thread that keeps the other CPU busy and does not yield. */
static struct thread *occupy_other_cpu(void)
{
	struct thread *thread;

	is_begun = is_released = false;
	thread = thread_start("busy", OTHER_CPU, wait_for_release, NULL);
	CHECK(thread != NULL);
	CHECK(comes_true(&is_begun));
	return thread;
}

/* ---- Halting ---- */

static unsigned nr_halts;
static bool is_halting, is_poked;

static void hold_before_halt(enum stretch place)
{
	if (place != STRETCH_HALT || mm_port_cpu() != OTHER_CPU)
		return;
	if (__atomic_fetch_add(&nr_halts, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	set_flag(&is_halting);
	while (!__atomic_load_n(&is_poked, __ATOMIC_ACQUIRE))
		mm_port_spin_hint();
}

/* The interrupt comes after the last look and before the halt: it must look once more. */
static void a_poke_before_a_halt_is_not_slept_through(void)
{
	uint64_t end_ns;

	if (cpu_nr_running() <= OTHER_CPU)
		SKIP("one CPU");
	nr_halts = 0;
	is_halting = is_poked = false;
	stretch_hook = hold_before_halt;
	smp_poke(OTHER_CPU);
	CHECK(comes_true(&is_halting));
	smp_poke(OTHER_CPU);
	arch_delay_us(SHORT_MS * 1000);		/* its interrupt is handled */
	set_flag(&is_poked);
	end_ns = arch_now_ns() + CALL_MS * NS_PER_MS;
	while (__atomic_load_n(&nr_halts, __ATOMIC_ACQUIRE) < 2 && arch_now_ns() < end_ns)
		mm_port_spin_hint();
	CHECK(nr_halts >= 2);
	stretch_hook = NULL;
}

/* ---- Work sent by arch_run_on() ---- */

static void late_work_is_taken_back(void)
{
	struct thread *thread;
	bool has_run = false, has_run_again = false;

	if (cpu_nr_running() <= OTHER_CPU)
		SKIP("one CPU");
	thread = occupy_other_cpu();
	CHECK_EQ(arch_run_on(OTHER_CPU, set_flag, &has_run, SHORT_MS), STATUS_TIMEOUT);
	set_flag(&is_released);
	CHECK_EQ(thread_join(thread, CALL_MS), STATUS_OK);
	CHECK_EQ(arch_run_on(OTHER_CPU, set_flag, &has_run_again, CALL_MS), STATUS_OK);
	CHECK(has_run_again);
	CHECK(!has_run);
}

static void work_that_does_not_end_is_told(void)
{
	unsigned patience_ms = smp_patience_ms;

	if (cpu_nr_running() <= OTHER_CPU)
		SKIP("one CPU");
	is_begun = is_released = false;
	smp_patience_ms = SHORT_MS;
	CHECK_PANICS("work sent to CPU 1 does not end",
		     CHECK_EQ(arch_run_on(OTHER_CPU, wait_for_release, NULL, SHORT_MS), STATUS_OK));
	CHECK(is_begun);
	smp_patience_ms = patience_ms;
	set_flag(&is_released);
	is_begun = false;
	CHECK_EQ(arch_run_on(OTHER_CPU, set_flag, &is_begun, CALL_MS), STATUS_OK);
	CHECK(is_begun);
}

static void release_other(void *arg)
{
	(void)arg;
	set_flag(&is_released);
}

/* The two want something of each other at once: each serves while it waits. */
static void send_back(void *arg)
{
	*(bool *)arg = arch_run_on(0, release_other, NULL, CALL_MS) == STATUS_OK;
}

static void two_cpus_serve_each_other(void)
{
	bool has_served = false;

	if (cpu_nr_running() <= OTHER_CPU)
		SKIP("one CPU");
	is_released = false;
	CHECK_EQ(arch_run_on(OTHER_CPU, send_back, &has_served, CALL_MS), STATUS_OK);
	CHECK(has_served);
	CHECK(is_released);
}

static bool is_always(void *arg)
{
	(void)arg;
	return true;
}

/* It runs on the stack of a thread that may be on a wait queue, or at its end. */
static void work_does_not_wait(void)
{
	struct wait_queue queue;

	wait_queue_init(&queue);
	this_cpu()->is_serving = true;
	CHECK_PANICS("is_serving", thread_yield());
	CHECK_PANICS("is_serving", wait_queue_sleep(&queue, is_always, NULL));
	this_cpu()->is_serving = false;
	thread_yield();
}

static void joining_an_endless_thread_times_out(void)
{
	struct thread *thread;

	if (cpu_nr_running() <= OTHER_CPU)
		SKIP("one CPU");
	thread = occupy_other_cpu();
	CHECK_EQ(thread_join(thread, SHORT_MS), STATUS_TIMEOUT);
	set_flag(&is_released);
	CHECK_EQ(thread_join(thread, CALL_MS), STATUS_OK);
}

static const struct test_case cases[] = {
	{ "a poke before a halt is not slept through", a_poke_before_a_halt_is_not_slept_through },
	{ "late work is taken back", late_work_is_taken_back },
	{ "work that does not end is told", work_that_does_not_end_is_told },
	{ "two CPUs serve each other", two_cpus_serve_each_other },
	{ "work does not wait", work_does_not_wait },
	{ "joining an endless thread times out", joining_an_endless_thread_times_out },
};

TEST_SUITE(cpu_work, cases);
