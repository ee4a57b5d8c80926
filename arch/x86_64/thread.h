#ifndef ARCH_X86_64_THREAD_H
#define ARCH_X86_64_THREAD_H

/* The inside of cooperative threads; include/kthread.h is what they offer. */

#include "kthread.h"

enum thread_state {
	THREAD_RUNNING,
	THREAD_READY,			/* on its CPU's ready list */
	THREAD_WAITING,			/* on a wait queue */
	THREAD_EXITING,			/* returned, still on its stack */
	THREAD_DONE,			/* its stack is nobody's any more */
};

struct thread {
	uintptr_t sp;			/* while it does not run */
	struct list_head link;		/* ready list or wait queue */
	enum thread_state state;
	unsigned cpu;
	const char *name;
	void (*run)(void *);
	void *arg;
	void *stack;			/* vmalloc area; this structure is at its end */
};

/* A part of struct cpu_area. */
struct scheduler {
	struct spinlock lock;		/* guards ready */
	struct list_head ready;
	struct thread *current;
	struct thread *previous;	/* who ran before the last switch */
	struct thread first;		/* the context the CPU started in */
};

/* Makes the running context of this CPU its first thread. Before anything else here. */
void thread_init_cpu(void);

/* The thread that runs here. */
const struct thread *thread_current(void);

/*
 * The first context of a CPU that has nothing of its own to do: runs threads
 * and work, and halts in between.
 */
void thread_idle(void) NORETURN;

#endif
