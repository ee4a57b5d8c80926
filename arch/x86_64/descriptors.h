#ifndef ARCH_X86_64_DESCRIPTORS_H
#define ARCH_X86_64_DESCRIPTORS_H

/* Segment, task and interrupt descriptors. */

#include "arch/x86_64/cpu.h"

/* Fills the one interrupt table all CPUs share. Once, on the boot CPU. */
void descriptors_init_idt(void);

/* Gives this CPU the GDT and TSS of @area, and the shared IDT. */
void descriptors_load(struct cpu_area *area);

#endif
