#ifndef ARCH_X86_64_STEP_H
#define ARCH_X86_64_STEP_H

/* The debug exceptions of arch_count_instructions(). */

#include "lib/compiler.h"

/* True when the exception was one of them, and is dealt with. */
bool step_take(void);

#endif
