#ifndef ARCH_X86_64_DESCRIPTORS_H
#define ARCH_X86_64_DESCRIPTORS_H

/* Segment, task and interrupt descriptors. */

#include "arch/x86_64/cpu.h"

/* Fills the one interrupt table all CPUs share. Once, on the boot CPU. */
void descriptors_init_idt(void);

/* Makes @area this CPU's: its GDT and TSS, the shared IDT, then GS base. */
void descriptors_adopt_area(struct cpu_area *area);

#endif
