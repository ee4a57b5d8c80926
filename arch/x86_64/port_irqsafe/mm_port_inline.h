#ifndef MM_PORT_INLINE_H
#define MM_PORT_INLINE_H

/*
 * The inlined part of mm's port (include/mm/port.h) on x86_64 for a kernel that
 * is preemptive or whose handlers allocate: the local lock and each spin lock keep
 * interrupts away and give back the state they found, so they nest. This kernel needs
 * them not; build/slabstick-irqsafe.img is made with them, and has a timer whose handler
 * allocates (interrupts=), to prove it and to tell what it costs.
 */

#include "arch/x86_64/port/mm_port_cpu.h"

#define FLAGS_INTERRUPTS_ON	0x200u

/* Does what other CPUs ask of this one, which may have interrupts off (smp.c). */
void port_answer(void);

static inline void mm_port_spin_hint(void)
{
	__builtin_ia32_pause();
	port_answer();
}

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

#define MM_PORT_MASKS	true

static inline bool mm_port_mask(void)
{
	return (mm_port_local_lock().flags & FLAGS_INTERRUPTS_ON) != 0;
}

static inline void mm_port_unmask(bool was_open)
{
	if (was_open)
		__asm__ volatile("sti" ::: "memory");
}

/* The word at offset 24 of struct cpu_area (arch/x86_64/cpu.h). */
static inline bool mm_port_is_in_handler(void)
{
	return *(const uintptr_t __seg_gs *)24 != 0;
}

#endif
