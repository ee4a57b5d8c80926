#ifndef ARCH_X86_64_PANIC_H
#define ARCH_X86_64_PANIC_H

/* The inside of panics; include/arch.h has panic_at() and panic_hook. */

#include "arch/x86_64/trap_frame.h"
#include "lib/compiler.h"

/* @frame: the exception's, or NULL for a panic by call, whose caller @frame_va leads to. */
void panic_with(const char *message, const struct trap_frame *frame, uintptr_t instruction_va,
		uintptr_t frame_va) NORETURN;

/* Halts for good when the NMI just received is a panic's; else false. */
bool panic_take_nmi(void);

#endif
