#ifndef ARCH_X86_64_SCHEDULER_H
#define ARCH_X86_64_SCHEDULER_H

/* What each CPU keeps of its threads: thread.c's, as a part of struct cpu_area. */

#include "lib/compiler.h"
#include "lib/list.h"
#include "mm/lock.h"

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
	unsigned mm_word;		/* mm's: see mm/port.h */
	void *stack;			/* vmalloc area; this structure is at its end */
};

struct scheduler {
	struct spinlock lock;		/* guards ready */
	struct list_head ready GUARDED_BY(lock);
	struct thread *current;
	struct thread *previous;	/* who ran before the last switch */
	struct thread first;		/* the context the CPU started in */
};

#endif
