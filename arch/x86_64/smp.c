/*
 * Running CPUs among each other: work, and TLB flushes.
 *
 * Model
 *   A running CPU waits in its first context for work (arch_run_on), threads
 *   (thread.c) and flushes. Its mailbox holds one piece of work at a time.
 *
 *   A flush is one request for all: the requester writes it down, interrupts
 *   every other CPU and waits until each has answered. A CPU that does not
 *   answer could still use a freed translation, so that is a panic.
 *
 * Locking
 *   flush.lock serialises requests; who waits for it or for answers answers the
 *   others' requests meanwhile, so two requesters cannot wait for each other.
 *   It is taken inside no other lock but vmalloc's and those of mem_map's growth
 *   (port.c), whose waiters have interrupts on; nothing is taken in it.
 *   A mailbox belongs to who changed its state from EMPTY.
 */

#include "arch/x86_64/smp.h"

#include "arch.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/trap_frame.h"
#include "mm/lock.h"

#define NS_PER_MS		1000000ull
#define FLUSH_WAIT_MS		30000u		/* an emulator's CPU may not run for long */

static struct {
	struct spinlock lock;
	uintptr_t va;
	uint64_t nr_pages;
} flush;

/* ---- Flushing ---- */

static void answer_flush(struct cpu_area *cpu)
{
	if (!__atomic_load_n(&cpu->must_flush, __ATOMIC_ACQUIRE))
		return;
	mmu_flush_local(flush.va, flush.nr_pages);
	__atomic_store_n(&cpu->must_flush, false, __ATOMIC_RELEASE);
}

static void wait_for_answer(struct cpu_area *cpu)
{
	uint64_t end_ns = arch_now_ns() + FLUSH_WAIT_MS * NS_PER_MS;

	while (__atomic_load_n(&cpu->must_flush, __ATOMIC_ACQUIRE)) {
		answer_flush(this_cpu());
		mm_port_spin_hint();
		if (arch_now_ns() > end_ns)
			panic_at(__FILE__, __LINE__, "CPU %u does not answer a TLB flush",
				 cpu->index);
	}
}

static void flush_others(uintptr_t va, uint64_t nr_pages, unsigned nr_cpus)
{
	unsigned me = this_cpu()->index;

	while (!spin_try_lock(&flush.lock)) {
		answer_flush(this_cpu());
		mm_port_spin_hint();
	}
	flush.va = va;
	flush.nr_pages = nr_pages;
	for (unsigned i = 0; i < nr_cpus; i++) {
		if (i == me)
			continue;
		__atomic_store_n(&cpu_at(i)->must_flush, true, __ATOMIC_RELEASE);
		apic_send(cpu_at(i)->apic_id, APIC_COMMAND_FIXED | VECTOR_FLUSH);
	}
	for (unsigned i = 0; i < nr_cpus; i++)
		if (i != me)
			wait_for_answer(cpu_at(i));
	spin_unlock(&flush.lock);
}

void smp_flush(uintptr_t va, uint64_t nr_pages)
{
	unsigned nr_cpus = cpu_nr_running();

	mmu_flush_local(va, nr_pages);
	/* A CPU that is being started is not counted yet, and allocates already. */
	if (nr_cpus > 1 || this_cpu()->index >= nr_cpus)
		flush_others(va, nr_pages, nr_cpus);
}

/* ---- Work ---- */

void smp_serve(void)
{
	struct mailbox *mailbox = &this_cpu()->mailbox;

	if (__atomic_load_n(&mailbox->state, __ATOMIC_ACQUIRE) != MAILBOX_FULL)
		return;
	__atomic_store_n(&mailbox->state, MAILBOX_RUNNING, __ATOMIC_RELAXED);
	mailbox->work(mailbox->arg);
	__atomic_store_n(&mailbox->state, MAILBOX_EMPTY, __ATOMIC_RELEASE);
}

bool smp_has_work(void)
{
	return __atomic_load_n(&this_cpu()->mailbox.state, __ATOMIC_ACQUIRE) == MAILBOX_FULL;
}

void smp_poke(unsigned cpu)
{
	if (cpu != this_cpu()->index)
		apic_send(cpu_at(cpu)->apic_id, APIC_COMMAND_FIXED | VECTOR_CALL);
}

void smp_interrupt(unsigned vector)
{
	/* VECTOR_CALL only ends a HLT: who waits looks at its queues then. */
	if (vector == VECTOR_FLUSH)
		answer_flush(this_cpu());
}

/* Waits until the mailbox leaves the states above @state. */
static bool wait_for_mailbox(struct mailbox *mailbox, uint64_t end_ns)
{
	while (__atomic_load_n(&mailbox->state, __ATOMIC_ACQUIRE) != MAILBOX_EMPTY) {
		if (arch_now_ns() > end_ns)
			return false;
		smp_serve();		/* two CPUs may want something of each other */
		mm_port_spin_hint();
	}
	return true;
}

enum status arch_run_on(unsigned cpu, void (*work)(void *), void *arg, unsigned timeout_ms)
{
	uint64_t end_ns = arch_now_ns() + timeout_ms * NS_PER_MS;
	struct mailbox *mailbox;
	enum mailbox_state empty = MAILBOX_EMPTY;

	if (cpu >= cpu_nr_running())
		return STATUS_ABSENT;
	if (cpu == this_cpu()->index) {
		work(arg);
		return STATUS_OK;
	}
	mailbox = &cpu_at(cpu)->mailbox;
	while (!__atomic_compare_exchange_n(&mailbox->state, &empty, MAILBOX_FILLING, false,
					    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		if (arch_now_ns() > end_ns)
			return STATUS_TIMEOUT;
		empty = MAILBOX_EMPTY;
		smp_serve();
		mm_port_spin_hint();
	}
	mailbox->work = work;
	mailbox->arg = arg;
	__atomic_store_n(&mailbox->state, MAILBOX_FULL, __ATOMIC_RELEASE);
	smp_poke(cpu);
	return wait_for_mailbox(mailbox, end_ns) ? STATUS_OK : STATUS_TIMEOUT;
}
