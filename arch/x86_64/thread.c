/*
 * Cooperative threads: ready lists, wait queues, the switch.
 *
 * Model
 *   Each CPU has a ready list; the context it started in is its first thread.
 *   thread_yield() goes round the list. A thread that has to wait with nobody
 *   else ready halts its CPU until an interrupt brings work. A woken thread
 *   goes to the ready list of its own CPU, which is poked.
 *
 *   A thread's stack is a vmalloc area; the pages before and behind it are not
 *   mapped. Its struct thread lies at the end of it, away from an overflow.
 *
 * Promises
 *   - a thread is on its CPU's ready list if and only if it is THREAD_READY
 *   - a thread becomes THREAD_DONE only on another stack than its own
 *
 * Locking
 *   wait_queue.lock -> scheduler.lock. Neither is held over a switch.
 */

#include "arch/x86_64/thread.h"

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/smp.h"
#include "arch/x86_64/stretch.h"
#include "kthread.h"
#include "mm/assert.h"
#include "mm/init.h"
#include "mm/rcu.h"
#include "mm/vmalloc.h"

#define STACK_BYTES		(4 * PAGE_SIZE)
#define NS_PER_MS		1000000ull

/*
 * void switch_stacks(uintptr_t *save_sp, uintptr_t load_sp): saves what the
 * calling convention lets the callee keep, changes stacks, restores, returns.
 */
void switch_stacks(uintptr_t *save_sp, uintptr_t load_sp);
__asm__(".text\n"
	".balign 16\n"
	".type switch_stacks, @function\n"
	"switch_stacks:\n\t"
	"pushq %rbp\n\t"
	"pushq %rbx\n\t"
	"pushq %r12\n\t"
	"pushq %r13\n\t"
	"pushq %r14\n\t"
	"pushq %r15\n\t"
	"movq %rsp, (%rdi)\n\t"
	"movq %rsi, %rsp\n\t"
	"popq %r15\n\t"
	"popq %r14\n\t"
	"popq %r13\n\t"
	"popq %r12\n\t"
	"popq %rbx\n\t"
	"popq %rbp\n\t"
	"ret\n\t"
	".size switch_stacks, . - switch_stacks\n");

/* What a new stack holds for switch_stacks() to pop. */
struct first_frame {
	uint64_t saved[6];
	void (*begin)(void);
	uint64_t no_return_address;	/* ends backtraces; keeps the stack aligned */
};

static struct scheduler *my_scheduler(void)
{
	return &this_cpu()->scheduler;
}

const struct thread *thread_current(void)
{
	return my_scheduler()->current;
}

unsigned *thread_mm_word(void)
{
	struct scheduler *scheduler = my_scheduler();

	return scheduler->current ? &scheduler->current->mm_word : &scheduler->first.mm_word;
}

void thread_init_cpu(void)
{
	struct scheduler *scheduler = my_scheduler();

	list_init(&scheduler->ready);
	scheduler->first.state = THREAD_RUNNING;
	scheduler->first.cpu = this_cpu()->index;
	scheduler->first.name = "first";
	scheduler->current = &scheduler->first;
	scheduler->previous = &scheduler->first;
}

/* ---- Ready lists ---- */

static void make_ready(struct thread *thread)
{
	struct scheduler *scheduler = &cpu_at(thread->cpu)->scheduler;

	spin_lock(&scheduler->lock);
	thread->state = THREAD_READY;
	list_add_tail(&thread->link, &scheduler->ready);
	spin_unlock(&scheduler->lock);
	smp_poke(thread->cpu);
}

static struct thread *take_ready(struct scheduler *scheduler)
{
	struct thread *thread = NULL;

	spin_lock(&scheduler->lock);
	if (!list_is_empty(&scheduler->ready)) {
		thread = list_first_entry(&scheduler->ready, struct thread, link);
		list_del(&thread->link);
		thread->state = THREAD_RUNNING;
	}
	spin_unlock(&scheduler->lock);
	return thread;
}

static bool has_ready(struct scheduler *scheduler)
{
	return __atomic_load_n(&scheduler->ready.next, __ATOMIC_ACQUIRE) != &scheduler->ready;
}

/*
 * Does what others left for this CPU, then halts until an interrupt. Whoever queues
 * something pokes afterwards, and a poke since the exchange keeps this CPU from
 * halting: nothing that came after it was looked for is slept through.
 */
static void look_and_halt(struct scheduler *scheduler)
{
	bool *is_poked = &this_cpu()->is_poked;

	(void)__atomic_exchange_n(is_poked, false, __ATOMIC_SEQ_CST);
	/* On this stack whatever its thread's state: work does not wait, so it cannot mind. */
	smp_serve();
	mm_cpu_idle();
	rcu_idle_enter();
	stretch(STRETCH_HALT);
	interrupts_off();
	if (has_ready(scheduler) || __atomic_load_n(is_poked, __ATOMIC_ACQUIRE)) {
		interrupts_on();
	} else {
		smp_idle_enter();
		enable_and_halt();	/* the handler that wakes it ends that */
	}
	rcu_idle_exit();
}

/* ---- Switching ---- */

/* On the stack of whoever runs next. */
static void finish_switch(void)
{
	struct thread *previous = my_scheduler()->previous;

	if (previous->state == THREAD_EXITING)
		__atomic_store_n(&previous->state, THREAD_DONE, __ATOMIC_RELEASE);
}

/* Runs the next ready thread; returns when the caller's is chosen again. */
static void switch_away(void)
{
	struct scheduler *scheduler = my_scheduler();
	struct thread *self = scheduler->current;
	struct thread *next;

	rcu_note_context_switch();
	while (!(next = take_ready(scheduler)))
		look_and_halt(scheduler);
	if (next == self)
		return;
	scheduler->previous = self;
	scheduler->current = next;
	switch_stacks(&self->sp, next->sp);
	finish_switch();
}

void thread_yield(void)
{
	struct scheduler *scheduler = my_scheduler();

	ASSERT(!this_cpu()->is_serving);

	smp_serve();
	rcu_note_context_switch();
	if (!has_ready(scheduler))
		return;
	make_ready(scheduler->current);
	switch_away();
}

void thread_idle(void)
{
	for (;;) {
		thread_yield();
		look_and_halt(my_scheduler());
	}
}

/* ---- Threads ---- */

static NORETURN void begin_thread(void)
{
	struct thread *self = my_scheduler()->current;

	finish_switch();
	self->run(self->arg);
	self->state = THREAD_EXITING;
	switch_away();
	panic_at(__FILE__, __LINE__, "thread %s ran after its end", self->name);
}

struct thread *thread_start(const char *name, unsigned cpu, void (*run)(void *), void *arg)
{
	uint8_t *stack = vzalloc(STACK_BYTES);
	struct first_frame *frame;
	struct thread *thread;

	ASSERT(cpu < cpu_nr_running());
	if (!stack)
		return NULL;
	thread = (struct thread *)(void *)(stack + STACK_BYTES) - 1;
	frame = (struct first_frame *)((uintptr_t)thread & ~(uintptr_t)15) - 1;
	frame->begin = begin_thread;
	*thread = (struct thread){
		.sp = (uintptr_t)frame,
		.cpu = cpu,
		.name = name,
		.run = run,
		.arg = arg,
		.stack = stack,
	};
	make_ready(thread);
	return thread;
}

enum status thread_join(struct thread *thread, unsigned timeout_ms)
{
	uint64_t end_ns = arch_now_ns() + timeout_ms * NS_PER_MS;

	while (__atomic_load_n(&thread->state, __ATOMIC_ACQUIRE) != THREAD_DONE) {
		if (arch_now_ns() > end_ns)
			return STATUS_TIMEOUT;
		thread_yield();
		mm_port_spin_hint();
	}
	vfree(thread->stack);
	return STATUS_OK;
}

/* ---- Wait queues ---- */

void wait_queue_init(struct wait_queue *queue)
{
	*queue = (struct wait_queue){ .waiters = { NULL, NULL } };
	list_init(&queue->waiters);
}

void wait_queue_sleep(struct wait_queue *queue, bool (*is_met)(void *), void *arg)
{
	for (;;) {
		struct thread *self = my_scheduler()->current;

		ASSERT(!this_cpu()->is_serving);

		spin_lock(&queue->lock);
		if (is_met(arg)) {
			spin_unlock(&queue->lock);
			return;
		}
		self->state = THREAD_WAITING;
		list_add_tail(&self->link, &queue->waiters);
		spin_unlock(&queue->lock);
		switch_away();
	}
}

void wait_queue_wake(struct wait_queue *queue)
{
	spin_lock(&queue->lock);
	while (!list_is_empty(&queue->waiters)) {
		struct thread *thread = list_first_entry(&queue->waiters, struct thread, link);

		list_del(&thread->link);
		make_ready(thread);
	}
	spin_unlock(&queue->lock);
}
