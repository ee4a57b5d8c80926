#ifndef MM_PORT_INLINE_H
#define MM_PORT_INLINE_H

/*
 * The inlined part of mm's port (include/mm/port.h) on x86_64: threads are
 * cooperative and no handler allocates, so nothing can come between and the
 * local lock is empty. arch/x86_64/port_irqsafe/ has the other variant.
 */

#include "arch/x86_64/port/mm_port_cpu.h"

static inline void mm_port_spin_hint(void)
{
	__builtin_ia32_pause();
}

/* Proof of holding the local lock, which is nothing here; gcc gives an empty one a stack frame. */
struct mm_local {
	char nothing;
};

static inline struct mm_local mm_port_local_lock(void)
{
	return (struct mm_local){ 0 };
}

static inline void mm_port_local_unlock(struct mm_local local)
{
	(void)local;
}

static inline bool mm_port_is_local_locked(void)
{
	return false;
}

/* Nor is there anything to keep away while a spin lock is held. */
#define MM_PORT_MASKS	false

static inline bool mm_port_mask(void)
{
	return false;
}

static inline void mm_port_unmask(bool was_open)
{
	(void)was_open;
}

static inline bool mm_port_is_in_handler(void)
{
	return false;
}

#endif
