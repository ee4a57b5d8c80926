#ifndef MM_PORT_INLINE_H
#define MM_PORT_INLINE_H

/*
 * The inlined part of mm's port (include/mm/port.h) on x86_64 for a kernel that
 * is preemptive or whose handlers allocate: the local lock keeps interrupts
 * away and gives back the state it found, so it nests. This kernel needs it
 * not; build/slabstick-irqsafe.img is made with it to tell what it costs.
 */

#include "arch/x86_64/port/mm_port_cpu.h"

typedef struct { uint64_t flags; } mm_port_local_state;

static inline mm_port_local_state mm_port_local_lock(void)
{
	mm_port_local_state state;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(state.flags) :: "memory");
	return state;
}

static inline void mm_port_local_unlock(mm_port_local_state state)
{
	__asm__ volatile("pushq %0; popfq" :: "r"(state.flags) : "memory", "cc");
}

#endif
