#ifndef ARCH_X86_64_MM_PORT_CPU_H
#define ARCH_X86_64_MM_PORT_CPU_H

/*
 * What both variants of mm_port_inline.h share: where the maps stand, which CPU this
 * is, and what mm has on it. That is read through the segment, so that it folds into
 * the instruction that uses it.
 */

#include "lib/compiler.h"

extern uintptr_t mm_port_direct_map HIDDEN;
extern uintptr_t mm_port_vmemmap HIDDEN;

/*
 * Each CPU's GS base points to its struct cpu_area (arch/x86_64/cpu.h), whose
 * first word is the CPU's index.
 */
static inline unsigned mm_port_cpu(void)
{
	return *(const unsigned __seg_gs *)0;
}

/* mm's own structure of this CPU: the word at offset 8 of struct cpu_area. */
static inline void *mm_port_cpu_data(void)
{
	return (void *)*(const uintptr_t __seg_gs *)8;
}

static inline void mm_port_set_cpu_data(void *data)
{
	*(uintptr_t __seg_gs *)8 = (uintptr_t)data;
}

#endif
