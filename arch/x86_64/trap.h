#ifndef ARCH_X86_64_TRAP_H
#define ARCH_X86_64_TRAP_H

/* Exceptions and interrupts: who handles what. */

#include "arch/x86_64/trap_frame.h"

/* Called by trap_entry.S, interrupts off; changes to the frame take effect. */
void trap_dispatch(struct trap_frame *frame);

#endif
