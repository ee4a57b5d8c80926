#ifndef KTHREAD_H
#define KTHREAD_H

/*
 * Cooperative kernel threads and wait queues. A thread belongs to one CPU and
 * runs until it yields, waits or returns; nothing interrupts it but handlers
 * that allocate nothing. Implemented by arch/x86_64/thread.c.
 */

#include "lib/compiler.h"
#include "lib/list.h"
#include "mm/lock.h"
#include "status.h"

struct thread;

/*
 * Starts @run(@arg) as a thread of running CPU @cpu, called @name (static
 * text). Its stack is vmalloc'ed, with guard pages. NULL when memory ran out.
 */
struct thread *thread_start(const char *name, unsigned cpu, void (*run)(void *), void *arg);

/*
 * Waits until @thread has returned, letting others run, and frees it. After
 * STATUS_TIMEOUT it still exists.
 */
enum status thread_join(struct thread *thread, unsigned timeout_ms) MUST_CHECK;

/* Lets the other ready threads of this CPU run, and work sent to it (arch_run_on). */
void thread_yield(void);

/* Threads that wait for something. The waker changes what they wait for first. */
struct wait_queue {
	struct spinlock lock;			/* guards waiters */
	struct list_head waiters GUARDED_BY(lock);
};

void wait_queue_init(struct wait_queue *queue);

/*
 * Returns when @is_met(@arg), which is called with the queue's lock held: at
 * once when it is already. Not for handlers.
 */
void wait_queue_sleep(struct wait_queue *queue, bool (*is_met)(void *), void *arg);

/* Makes every waiter of @queue look again. From any CPU. */
void wait_queue_wake(struct wait_queue *queue);

#endif
