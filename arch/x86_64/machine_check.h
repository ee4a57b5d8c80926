#ifndef ARCH_X86_64_MACHINE_CHECK_H
#define ARCH_X86_64_MACHINE_CHECK_H

/* What the hardware says of its own errors. */

#include "lib/compiler.h"

/* Logs and clears what this CPU's machine-check banks hold. Returns how many held something. */
unsigned machine_check_report(void);

#endif
