#ifndef MM_RCU_H
#define MM_RCU_H

/*
 * Read, copy, update: readers take no lock, and what they may still see is freed later.
 *
 * Names and meanings are Linux's. A writer unlinks an object, so that no reader finds it
 * anew, and frees it when every CPU has rested since: a CPU rests where its threads
 * switch and while it is idle, and there nobody holds what he found without a lock. Every
 * CPU takes part from mm_init_cpu() on.
 *
 * Contexts: readers, call_rcu() and kfree_rcu() anywhere in a thread, also under spin locks
 * that no callback takes, but not in interrupt or exception handlers; synchronize_rcu(),
 * rcu_barrier() and kfree_rcu_barrier() in a thread that reads nothing and holds no lock,
 * and not in a callback. A reader does not yield, wait, or run work on another CPU.
 *
 * A CPU that computes for ever and never rests keeps all callbacks waiting, and with them
 * their memory: nothing is freed too early, whoever waits gives up after
 * rcu_patience_ns and is told, and one line in the log names that CPU.
 */

#include "lib/compiler.h"
#include "mm/assert.h"
#include "mm/grace.h"

/* In what is to be freed later; from call_rcu() until the call it is rcu's. */
struct rcu_head {
	struct rcu_head *next;
	uintptr_t disguised;		/* function or object: no user's value by chance */
};

/*
 * Between these a reader may follow pointers that others change meanwhile; what it read
 * them with __atomic_load_n(.., __ATOMIC_ACQUIRE) stays what it is. They nest. A few
 * instructions on the CPU's own data.
 */
void rcu_read_lock(void);
void rcu_read_unlock(void);

/*
 * Calls @func(@head) on some CPU, in a thread that switches, idles or waits here, when all
 * that read now have ended. It may allocate, free and call_rcu(), @head too, but not wait.
 * Never fails. @head again before that: a panic, here for the same @func, else when called.
 */
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));

/*
 * Frees @ptr, an object of kmalloc or of a cache, when all that read now have ended.
 * @member is a struct rcu_head in it. NULL is ignored. Twice: a report and a panic.
 */
#define kfree_rcu(ptr, member) do {						\
	__typeof__(ptr) kfree_rcu_ptr = (ptr);					\
	if (kfree_rcu_ptr)							\
		kfree_call_rcu(&kfree_rcu_ptr->member, kfree_rcu_ptr);		\
} while (0)

/* See mm/slab/kfree_rcu.c. */
void kfree_call_rcu(struct rcu_head *head, void *object);

/*
 * Waits until all that read now have ended. False: some CPU did not rest in time, and
 * readers may still be there; told in the log.
 */
bool synchronize_rcu(void) MUST_CHECK;

/* The same until all that call_rcu() was given so far has been called. */
bool rcu_barrier(void) MUST_CHECK;

/*
 * The same until all that kfree_rcu() was given so far is free: before the cache of such
 * objects is destroyed. rcu_barrier() is not enough, for objects wait in batches.
 */
bool kfree_rcu_barrier(void) MUST_CHECK;

/* How long these wait, and when a CPU that does not rest is told of. Tests shorten it. */
extern uint64_t rcu_patience_ns;

/* Callbacks that wait. */
uint64_t rcu_nr_waiting(void);

/* ---- For the kernel around mm ---- */

/* At a switch of threads, or where one may be: this CPU rests for the moment. Cheap. */
void rcu_note_context_switch(void);

/* Before this CPU halts, or its thread of the host ends; and after. They do not nest. */
void rcu_idle_enter(void);
void rcu_idle_exit(void);

/* Forgets the callbacks of an earlier machine. Before mm_init_cpu(). */
void rcu_init(void);
void kfree_rcu_init(void);

/* Checks the rule of mm/rcu.c; other CPUs are quiet. O(callbacks). */
bool rcu_verify(struct violation *out);

#endif
