/*
 * Callbacks after a grace period, and waiting for one.
 *
 * Model
 *   One queue for all CPUs: callbacks are `pending` until a period begins, `waiting` until
 *   that has passed, and then called, by one CPU at a time and in the order they came. Every
 *   CPU that rests looks whether the period is over, so that the last one to rest finds
 *   that it is: nobody is interrupted, and nothing is left when all are idle.
 *
 *   A reader is a CPU that does not rest. rcu_read_lock() only counts, so that who rests
 *   within a section is told.
 *
 *   A head keeps its function disguised until it is called: who gives a head twice meets it.
 *   With another function the head cuts its list or closes it to a ring; so each list has its
 *   length, and whoever calls it goes no farther and misses what was lost.
 *
 * Invariants, while callbacks.lock is free
 *   RCU-1  nr_queued - nr_called counts both lists and those that are being called
 *
 * Locking
 *   callbacks.lock guards all of it; nothing is called while it is held. nr_queued and
 *   nr_called are read without it. A CPU that becomes idle says so before it looks at
 *   nr_queued, and one that queues adds to that before it looks who is idle: one of the
 *   two sees the other.
 */

#include "mm/rcu.h"

#include "mm/live.h"
#include "mm/lock.h"

uint64_t rcu_patience_ns = 10 * 1000000000ull;

#define DISGUISE	0x63616c6c5f726375ull	/* no address: bits 47 to 63 differ */

struct callback_list {
	struct rcu_head *first;
	struct rcu_head **end;		/* where the next one is linked */
	uint64_t nr;
};

static struct {
	struct spinlock lock;		/* guards the rest */
	struct callback_list pending GUARDED_BY(lock), waiting GUARDED_BY(lock);
	uint64_t number GUARDED_BY(lock);	/* of the period that `waiting` waits for */
	uint64_t begun_ns GUARDED_BY(lock);	/* when it began */
	bool is_told GUARDED_BY(lock);	/* that it takes too long */
	bool is_calling GUARDED_BY(lock);	/* some CPU calls what was ready */
	uint64_t nr_queued GUARDED_BY(lock), nr_called GUARDED_BY(lock);	/* so far */
} callbacks;

/* ---- Readers ---- */

void rcu_read_lock(void)
{
	struct mm_cpu *cpu_data = this_mm_cpu();

	/* An idle CPU takes no part: nobody would wait for it. */
	ASSERT(__atomic_load_n(&cpu_data->grace_period, __ATOMIC_RELAXED) != 0);
	cpu_data->rcu_depth++;
	__asm__ volatile("" ::: "memory");
}

void rcu_read_unlock(void)
{
	__asm__ volatile("" ::: "memory");
	ASSERT(this_mm_cpu()->rcu_depth > 0);
	this_mm_cpu()->rcu_depth--;
}

/* ---- The queue ---- */

static void list_clear(struct callback_list *list)
{
	list->first = NULL;
	list->end = &list->first;
	list->nr = 0;
}

/* Makes all of @from the last of @to. */
static void list_append(struct callback_list *to, struct callback_list *from)
{
	if (!from->first)
		return;
	*to->end = from->first;
	to->end = from->end;
	to->nr += from->nr;
	list_clear(from);
}

void rcu_init(void)
{
	assume_unshared(&callbacks.lock);
	callbacks.number = 0;
	callbacks.is_calling = false;
	callbacks.nr_queued = 0;
	callbacks.nr_called = 0;
	list_clear(&callbacks.pending);
	list_clear(&callbacks.waiting);
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	const uintptr_t disguised = (uintptr_t)func ^ DISGUISE;

	ASSERT(func != NULL);
	if (unlikely(head->disguised == disguised))
		mm_port_panic(__FILE__, __LINE__, "call_rcu: head %p is queued already", head);
	head->disguised = disguised;
	head->next = NULL;
	spin_lock(&callbacks.lock);
	*callbacks.pending.end = head;
	callbacks.pending.end = &head->next;
	callbacks.pending.nr++;
	__atomic_fetch_add(&callbacks.nr_queued, 1, __ATOMIC_SEQ_CST);
	spin_unlock(&callbacks.lock);
}

static uint64_t nr_called(void)
{
	return __atomic_load_n(&callbacks.nr_called, __ATOMIC_ACQUIRE);
}

uint64_t rcu_nr_waiting(void)
{
	uint64_t nr = nr_called();

	return __atomic_load_n(&callbacks.nr_queued, __ATOMIC_SEQ_CST) - nr;
}

static void begin_period(void) HOLDS(callbacks.lock)
{
	list_append(&callbacks.waiting, &callbacks.pending);
	callbacks.number = grace_begin();
	callbacks.begun_ns = mm_port_now_ns();
	callbacks.is_told = false;
}

static void tell_of(unsigned cpu, uint64_t nr)
{
	mm_port_log(LOG_WARN, "rcu: CPU %u has not rested for %llu ms; %llu callbacks wait", cpu,
		    (unsigned long long)(rcu_patience_ns / 1000000), (unsigned long long)nr);
}

static void watch_period(void) HOLDS(callbacks.lock)
{
	unsigned cpu;

	if (callbacks.is_told || mm_port_now_ns() - callbacks.begun_ns < rcu_patience_ns ||
	    !grace_find_busy(callbacks.number, &cpu))
		return;
	callbacks.is_told = true;
	tell_of(cpu, callbacks.nr_queued - callbacks.nr_called);
}

/* Moves to @ready what may be called. False: nothing may, or another CPU is calling. */
static bool take_ready(struct callback_list *ready)
{
	bool is_ready = false;

	list_clear(ready);
	spin_lock(&callbacks.lock);
	/* A second time: where all others are idle the next period passes as it begins. */
	for (unsigned i = 0; i < 2 && !callbacks.is_calling; i++) {
		if (!grace_has_passed(callbacks.number))
			break;
		list_append(ready, &callbacks.waiting);
		if (callbacks.pending.first)
			begin_period();
	}
	if (ready->first)
		is_ready = callbacks.is_calling = true;
	else if (callbacks.waiting.first)
		watch_period();
	spin_unlock(&callbacks.lock);
	return is_ready;
}

static bool is_address(uintptr_t va)
{
	const uintptr_t half = (uintptr_t)1 << 47;

	return va + half < 2 * half;
}

static void call(struct rcu_head *head)
{
	const uintptr_t func = head->disguised ^ DISGUISE;

	if (unlikely(!is_address(func)))
		mm_port_panic(__FILE__, __LINE__, "rcu: head %p has no function: it was called "
			      "already, freed, or overwritten", head);
	head->disguised = 0;
	((void (*)(struct rcu_head *))func)(head);
}

static void call_all(const struct callback_list *ready)
{
	struct rcu_head *head = ready->first, *next;
	uint64_t nr;

	for (nr = 0; head && nr < ready->nr; nr++, head = next) {
		next = head->next;
		call(head);
	}
	if (unlikely(nr != ready->nr || head))
		mm_port_panic(__FILE__, __LINE__, "rcu: a list of %llu callbacks had %s: a head "
			      "was given to call_rcu() twice", (unsigned long long)ready->nr,
			      head ? "more" : "fewer");
	spin_lock(&callbacks.lock);
	callbacks.is_calling = false;
	/* Release: who waits for them sees what they did. */
	__atomic_fetch_add(&callbacks.nr_called, nr, __ATOMIC_RELEASE);
	spin_unlock(&callbacks.lock);
}

/* ---- Resting ---- */

void rcu_note_context_switch(void)
{
	struct callback_list ready;

	grace_note_quiescent();
	while (unlikely(rcu_nr_waiting() != 0) && take_ready(&ready))
		call_all(&ready);
}

void rcu_idle_enter(void)
{
	struct callback_list ready;

	grace_cpu_stop();
	while (unlikely(rcu_nr_waiting() != 0) && take_ready(&ready)) {
		grace_cpu_start();	/* callbacks may read */
		call_all(&ready);
		grace_cpu_stop();
	}
}

void rcu_idle_exit(void)
{
	grace_cpu_start();
}

/* ---- Waiting ---- */

bool synchronize_rcu(void)
{
	const uint64_t number = grace_begin(), started_ns = mm_port_now_ns();
	unsigned cpu;

	for (;;) {
		grace_note_quiescent();
		if (!grace_find_busy(number, &cpu))
			return true;
		if (mm_port_now_ns() - started_ns > rcu_patience_ns) {
			tell_of(cpu, rcu_nr_waiting());
			return false;
		}
		mm_port_spin_hint();
	}
}

bool rcu_barrier(void)
{
	const uint64_t nr_queued = __atomic_load_n(&callbacks.nr_queued, __ATOMIC_SEQ_CST);
	const uint64_t started_ns = mm_port_now_ns();

	for (;;) {
		rcu_note_context_switch();
		if (nr_called() >= nr_queued)
			return true;
		if (mm_port_now_ns() - started_ns > rcu_patience_ns) {
			mm_port_log(LOG_WARN, "rcu_barrier: %llu callbacks still wait",
				    (unsigned long long)(nr_queued - nr_called()));
			return false;
		}
		mm_port_spin_hint();
	}
}

/* ---- Rules ---- */

static uint64_t list_length(const struct callback_list *list)
{
	uint64_t nr = 0;

	for (const struct rcu_head *head = list->first; head; head = head->next)
		nr++;
	return nr;
}

bool rcu_verify(struct violation *out)
{
	uint64_t nr = list_length(&callbacks.pending) + list_length(&callbacks.waiting);

	assume_unshared(&callbacks.lock);
	REQUIRE("RCU-1", nr, callbacks.is_calling || nr == rcu_nr_waiting());
	return true;
}
