#ifndef ARCH_X86_64_TRAP_ENTRY_H
#define ARCH_X86_64_TRAP_ENTRY_H

#include "arch/x86_64/trap_frame.h"

/* One stub of TRAP_STUB_BYTES for each vector. */
extern const uint8_t trap_stubs[];

#endif
