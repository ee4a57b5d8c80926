#ifndef ARCH_X86_64_GUARDED_H
#define ARCH_X86_64_GUARDED_H

/* Calls that may fault. */

#include "lib/compiler.h"

/* Calls @access(@arg) so that a fault returns true; see arch_faults(). */
bool guarded_call(void (*access)(void *), void *arg, uintptr_t *resume_sp);

/* Where a guarded call resumes after a fault. */
extern const uint8_t guarded_fault[];

#endif
