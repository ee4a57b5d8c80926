#ifndef MM_PORT_INLINE_H
#define MM_PORT_INLINE_H

/*
 * The inlined part of mm's port (include/mm/port.h) on x86_64: threads are
 * cooperative and no handler allocates, so nothing can come between and the
 * local lock is empty. arch/x86_64/port_irqsafe/ has the other variant.
 */

#include "arch/x86_64/port/mm_port_cpu.h"

typedef struct { char nothing; } mm_port_local_state;

static inline mm_port_local_state mm_port_local_lock(void)
{
	return (mm_port_local_state){ 0 };
}

static inline void mm_port_local_unlock(mm_port_local_state state)
{
	(void)state;
}

#endif
