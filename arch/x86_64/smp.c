/*
 * Running CPUs among each other: work, and TLB flushes.
 *
 * Model
 *   A running CPU waits in its first context for work (arch_run_on), threads
 *   (thread.c) and flushes. Its mailbox holds one piece of work at a time.
 *
 *   Flushes are numbered. The requester writes range and number down, interrupts
 *   every other CPU and waits until each says that it has done this number. A
 *   CPU answers in its interrupt handler, or while it waits to be a requester
 *   itself; it reads, flushes and says so with interrupts off, so that no answer
 *   comes between the steps of another. A CPU that does not answer could still
 *   use a freed translation, so that is a panic.
 *
 *   A CPU that halts need not be interrupted: it says so first, and when it wakes, in its
 *   first handler, it forgets all translations if a flush was begun meanwhile. Until then it
 *   touches its own stack and what is in the direct map. Speculation may use what it
 *   has, so where tables are to be freed that it could walk, it is asked as the others are.
 *
 *   Work that has begun writes to where its sender waits: the sender can take it
 *   back only before. Work that never ends is a panic, too.
 *
 * Promises
 *   - a CPU's nr_flushed grows, and is written by that CPU alone
 *   - while a present CPU's nr_flushed is below flush.number, that request's range
 *     stands still: its requester waits
 *
 * Locking
 *   flush.lock serialises requests; who waits for it answers the others'
 *   requests meanwhile, so two requesters cannot wait for each other. It is taken
 *   inside no other lock but vmalloc's and those of mem_map's growth (port.c), whose
 *   waiters have interrupts on or, in the interrupt-safe image, answer while they wait
 *   as all do who wait for a lock there; nothing is taken in it.
 *   A mailbox belongs to who changed its state from EMPTY.
 */

#include "arch/x86_64/smp.h"

#include "arch.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/stretch.h"
#include "arch/x86_64/trap_frame.h"
#include "mm/assert.h"
#include "mm/grace.h"
#include "mm/lock.h"

#define NS_PER_MS		1000000ull

/* An emulator's CPU may not run for long. Tests shorten it. */
unsigned smp_patience_ms = 30000;

void (*stretch_hook)(enum stretch place);

static struct {
	struct spinlock lock;
	unsigned requester;		/* who holds the lock, for the report */
	uint64_t number GUARDED_BY(lock);	/* of the newest request */
	uintptr_t va;
	uint64_t nr_pages;
} flush;

static uint64_t patience_end_ns(void)
{
	return arch_now_ns() + smp_patience_ms * NS_PER_MS;
}

/* ---- Flushing ---- */

/* Does the newest request, if this CPU has not. Whatever the CPU holds: it takes no lock. */
static void answer_flush(void)
{
	struct cpu_area *cpu = this_cpu();
	bool were_on = are_interrupts_on();
	uint64_t number;

	interrupts_off();
	number = __atomic_load_n(&flush.number, __ATOMIC_ACQUIRE);
	if (cpu->nr_flushed < number) {
		mmu_flush_local(flush.va, flush.nr_pages);
		stretch(STRETCH_FLUSH_DONE);
		__atomic_store_n(&cpu->nr_flushed, number, __ATOMIC_RELEASE);
	}
	if (were_on)
		interrupts_on();
}

/* For who waits, perhaps with interrupts off: see arch/x86_64/port_irqsafe/. */
void port_answer(void)
{
	answer_flush();
}

static void take_flush_lock(void) ACQUIRES(flush.lock)
{
	uint64_t end_ns = patience_end_ns();

	while (!spin_try_lock(&flush.lock)) {
		answer_flush();
		mm_port_spin_hint();
		if (arch_now_ns() > end_ns)
			panic_at(__FILE__, __LINE__, "the TLB flush of CPU %u does not end",
				 flush.requester);
	}
	flush.requester = this_cpu()->index;
}

enum reach { ALL_CPUS, AWAKE_CPUS };

/* Sequential, as what it writes and looks at: it sees the request's number, or is seen idle. */
static bool may_sleep_on(const struct cpu_area *cpu, enum reach reach)
{
	return reach == AWAKE_CPUS && __atomic_load_n(&cpu->is_idle, __ATOMIC_SEQ_CST);
}

/* That it is idle now is an answer, too: it flushes before it uses any translation. */
static bool wait_for_answer(const struct cpu_area *cpu, uint64_t number, enum reach reach)
{
	uint64_t end_ns = patience_end_ns();

	while (__atomic_load_n(&cpu->nr_flushed, __ATOMIC_ACQUIRE) < number) {
		if (may_sleep_on(cpu, reach))
			return true;
		mm_port_spin_hint();
		if (arch_now_ns() > end_ns)
			return false;
	}
	return true;
}

/* Returns how many CPUs were present: one that joins later has flushed since (smp_join). */
static unsigned ask_others(uintptr_t va, uint64_t nr_pages, enum reach reach)
	HOLDS(flush.lock)
{
	unsigned me = this_cpu()->index;
	unsigned nr_cpus;

	flush.va = va;
	flush.nr_pages = nr_pages;
	this_cpu()->nr_flushed = flush.number + 1;
	/* Sequential: before present CPUs are counted, as they count themselves before flushing. */
	__atomic_store_n(&flush.number, flush.number + 1, __ATOMIC_SEQ_CST);
	nr_cpus = cpu_nr_present();
	stretch(STRETCH_FLUSH_ASKED);
	for (unsigned i = 0; i < nr_cpus; i++)
		if (i != me && !may_sleep_on(cpu_at(i), reach))
			apic_send(cpu_at(i)->apic_id, APIC_COMMAND_FIXED | VECTOR_FLUSH);
	return nr_cpus;
}

static void request(uintptr_t va, uint64_t nr_pages, enum reach reach)
{
	struct cpu_area *silent = NULL;
	unsigned nr_cpus;

	ASSERT(nr_pages > 0);

	mmu_flush_local(va, nr_pages);
	if (cpu_nr_present() == 1)
		return;
	take_flush_lock();
	nr_cpus = ask_others(va, nr_pages, reach);
	for (unsigned i = 0; i < nr_cpus && !silent; i++)
		if (!wait_for_answer(cpu_at(i), flush.number, reach))
			silent = cpu_at(i);
	spin_unlock(&flush.lock);
	if (silent)
		panic_at(__FILE__, __LINE__, "CPU %u does not answer a TLB flush", silent->index);
}

void smp_flush(uintptr_t va, uint64_t nr_pages)
{
	request(va, nr_pages, ALL_CPUS);
}

void smp_flush_awake(uintptr_t va, uint64_t nr_pages)
{
	request(va, nr_pages, AWAKE_CPUS);
}

/* ---- Idling ---- */

void smp_idle_enter(void)
{
	__atomic_store_n(&this_cpu()->is_idle, true, __ATOMIC_SEQ_CST);
}

void smp_idle_exit(void)
{
	struct cpu_area *cpu = this_cpu();
	uint64_t number;

	if (likely(!cpu->is_idle))
		return;
	__atomic_store_n(&cpu->is_idle, false, __ATOMIC_SEQ_CST);
	number = __atomic_load_n(&flush.number, __ATOMIC_SEQ_CST);
	if (cpu->nr_flushed == number)
		return;
	/* Of several requests only the newest's range is known. */
	mmu_flush_local_all();
	__atomic_store_n(&cpu->nr_flushed, number, __ATOMIC_RELEASE);
}

/* Counted first, flushed then: whoever did not see it counted changed its tables before. */
void smp_join(struct cpu_area *area)
{
	cpu_join(area);
	mmu_flush_local_all();
}

/* ---- Work ---- */

void smp_serve(void)
{
	struct cpu_area *cpu = this_cpu();
	struct mailbox *mailbox = &cpu->mailbox;
	enum mailbox_state full = MAILBOX_FULL;

	if (__atomic_load_n(&mailbox->state, __ATOMIC_RELAXED) != MAILBOX_FULL ||
	    !__atomic_compare_exchange_n(&mailbox->state, &full, MAILBOX_RUNNING, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	cpu->is_serving = true;
	mailbox->work(mailbox->arg);
	cpu->is_serving = false;
	__atomic_store_n(&mailbox->state, MAILBOX_EMPTY, __ATOMIC_RELEASE);
}

void smp_poke(unsigned cpu)
{
	/* Told before it is interrupted: it looks once more before it halts (thread.c). */
	__atomic_store_n(&cpu_at(cpu)->is_poked, true, __ATOMIC_RELEASE);
	if (cpu != this_cpu()->index)
		apic_send(cpu_at(cpu)->apic_id, APIC_COMMAND_FIXED | VECTOR_CALL);
}

void smp_interrupt(unsigned vector)
{
	/* VECTOR_CALL only ends a HLT: who waits looks at its queues then. */
	if (vector != VECTOR_FLUSH)
		return;
	this_cpu()->nr_flush_interrupts++;
	answer_flush();
}

static bool take_mailbox(struct mailbox *mailbox, uint64_t end_ns)
{
	enum mailbox_state empty = MAILBOX_EMPTY;

	while (!__atomic_compare_exchange_n(&mailbox->state, &empty, MAILBOX_FILLING, false,
					    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		if (arch_now_ns() > end_ns)
			return false;
		empty = MAILBOX_EMPTY;
		smp_serve();		/* two CPUs may want something of each other */
		grace_note_quiescent();
		mm_port_spin_hint();
	}
	return true;
}

static bool wait_for_mailbox(struct mailbox *mailbox, uint64_t end_ns)
{
	while (__atomic_load_n(&mailbox->state, __ATOMIC_ACQUIRE) != MAILBOX_EMPTY) {
		if (arch_now_ns() > end_ns)
			return false;
		smp_serve();
		grace_note_quiescent();	/* the work may wait for readers */
		mm_port_spin_hint();
	}
	return true;
}

/* Work that has not begun never will, and keeps no address of the caller's. */
static bool withdraw(struct mailbox *mailbox)
{
	enum mailbox_state full = MAILBOX_FULL;

	return __atomic_compare_exchange_n(&mailbox->state, &full, MAILBOX_EMPTY, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

enum status arch_run_on(unsigned cpu, void (*work)(void *), void *arg, unsigned timeout_ms)
{
	uint64_t end_ns = arch_now_ns() + timeout_ms * NS_PER_MS;
	struct mailbox *mailbox;

	if (cpu >= cpu_nr_running())
		return STATUS_ABSENT;
	if (cpu == this_cpu()->index) {
		work(arg);
		return STATUS_OK;
	}
	mailbox = &cpu_at(cpu)->mailbox;
	if (!take_mailbox(mailbox, end_ns))
		return STATUS_TIMEOUT;
	mailbox->work = work;
	mailbox->arg = arg;
	__atomic_store_n(&mailbox->state, MAILBOX_FULL, __ATOMIC_RELEASE);
	smp_poke(cpu);
	if (wait_for_mailbox(mailbox, end_ns))
		return STATUS_OK;
	if (withdraw(mailbox))
		return STATUS_TIMEOUT;
	if (!wait_for_mailbox(mailbox, patience_end_ns()))
		panic_at(__FILE__, __LINE__, "work sent to CPU %u does not end", cpu);
	return STATUS_OK;
}
