#ifndef MM_PORT_INLINE_H
#define MM_PORT_INLINE_H

/* The inlined part of the smallest port: one CPU, nothing that interrupts it. */

#include "lib/compiler.h"

extern uintptr_t mm_port_direct_map HIDDEN;
extern uintptr_t mm_port_vmemmap HIDDEN;

extern void *stub_cpu_data;

static inline unsigned mm_port_cpu(void)
{
	return 0;
}

static inline void *mm_port_cpu_data(void)
{
	return stub_cpu_data;
}

static inline void mm_port_set_cpu_data(void *data)
{
	stub_cpu_data = data;
}

static inline void mm_port_spin_hint(void)
{
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
