#ifndef ARCH_X86_64_THREAD_H
#define ARCH_X86_64_THREAD_H

/* The inside of cooperative threads; include/kthread.h is what they offer. */

#include "arch/x86_64/scheduler.h"
#include "lib/compiler.h"

/* Makes the running context of this CPU its first thread. Before anything else here. */
void thread_init_cpu(void);

/* The thread that runs here. */
const struct thread *thread_current(void);

/* The running thread's word for mm/port.h; the first context's before thread_init_cpu(). */
unsigned *thread_mm_word(void);

/*
 * The first context of a CPU that has nothing of its own to do: runs threads
 * and work, and halts in between.
 */
void thread_idle(void) NORETURN;

#endif
