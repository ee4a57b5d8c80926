#ifndef ARCH_X86_64_STRETCH_H
#define ARCH_X86_64_STRETCH_H

/*
 * Places between two steps where another CPU may come between. A test sets a
 * hook that waits there, and so makes a window of nanoseconds as wide as it
 * likes. None stands on a path that mm counts instructions on.
 */

#include "lib/compiler.h"

enum stretch {
	STRETCH_FLUSH_ASKED,		/* a flush is written down; no CPU is interrupted yet */
	STRETCH_FLUSH_DONE,		/* this CPU has flushed and not said so */
	STRETCH_HALT,			/* nothing to do was found; not halted yet */
};

/* Called at each place, interrupts as they are there. NULL: none. */
extern void (*stretch_hook)(enum stretch place);

static inline void stretch(enum stretch place)
{
	void (*hook)(enum stretch) = __atomic_load_n(&stretch_hook, __ATOMIC_ACQUIRE);

	if (unlikely(hook != NULL))
		hook(place);
}

#endif
