#ifndef ARCH_X86_64_TRAP_FRAME_H
#define ARCH_X86_64_TRAP_FRAME_H

/* Exceptions and interrupts: their numbers, and the frame they leave. For assembly too. */

#define NR_VECTORS		256
#define NR_EXCEPTIONS		32
#define TRAP_STUB_BYTES		16

/* SDM 3A, table 6-1. */
#define VECTOR_DEBUG		1
#define VECTOR_NMI		2
#define VECTOR_BREAKPOINT	3
#define VECTOR_DOUBLE_FAULT	8
#define VECTOR_PAGE_FAULT	14
#define VECTOR_MACHINE_CHECK	18

/* Interrupts of our own, above those an I/O APIC or a PIC may still send. */
#define VECTOR_PIC_FIRST	0x20	/* where a spurious PIC interrupt arrives, masked or not */
#define VECTOR_CALL		0xf0	/* there is work in the mailbox */
#define VECTOR_FLUSH		0xf1	/* TLB shootdown */
#define VECTOR_TIMER	0xf2	/* this CPU's timer: arch_timer_start() */
#define VECTOR_SPURIOUS		0xff

#ifndef __ASSEMBLER__

#include "lib/compiler.h"

/* What trap_entry.S pushes, lowest address first. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};

#endif
#endif
