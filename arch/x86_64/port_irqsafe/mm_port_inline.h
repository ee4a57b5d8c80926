#ifndef MM_PORT_INLINE_H
#define MM_PORT_INLINE_H

/*
 * The inlined part of mm's port (include/mm/port.h) on x86_64 for a kernel that
 * is preemptive or whose handlers allocate: the local lock keeps interrupts
 * away and gives back the state it found, so it nests. This kernel needs it
 * not; build/slabstick-irqsafe.img is made with it to tell what it costs.
 */

#include "arch/x86_64/port/mm_port_cpu.h"

/* Proof of holding the local lock, and the flags that it found. */
struct mm_local {
	uint64_t flags;
};

static inline struct mm_local mm_port_local_lock(void)
{
	struct mm_local local;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(local.flags) :: "memory");
	return local;
}

static inline void mm_port_local_unlock(struct mm_local local)
{
	__asm__ volatile("pushq %0; popfq" :: "r"(local.flags) : "memory", "cc");
}

/* Interrupts may be off for other reasons. */
static inline bool mm_port_is_local_locked(void)
{
	return false;
}

#endif
