#ifndef MM_PORT_INLINE_H
#define MM_PORT_INLINE_H

/* The inlined part of mm's port (include/mm/port.h) on x86_64. */

/*
 * Each CPU's GS base points to its struct cpu_area (arch/x86_64/cpu.h), whose
 * first word is the CPU's index.
 */
static inline unsigned mm_port_cpu(void)
{
	return *(const unsigned __seg_gs *)0;
}

/*
 * mm's own structure of this CPU: the word at offset 8 of struct cpu_area. Read
 * through the segment, so that it folds into the instruction that uses it.
 */
static inline void *mm_port_cpu_data(void)
{
	return (void *)*(const uintptr_t __seg_gs *)8;
}

static inline void mm_port_set_cpu_data(void *data)
{
	*(uintptr_t __seg_gs *)8 = (uintptr_t)data;
}

static inline void mm_port_spin_hint(void)
{
	__builtin_ia32_pause();
}

/*
 * Threads are cooperative and no handler allocates: nothing can come between.
 */
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
