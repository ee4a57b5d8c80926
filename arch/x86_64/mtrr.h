#ifndef ARCH_X86_64_MTRR_H
#define ARCH_X86_64_MTRR_H

/* The memory types of physical ranges: the same on every CPU. */

#include "lib/compiler.h"

/* Notes the boot CPU's, as firmware set them. */
void mtrr_note(void);

/* Gives this CPU the noted ones. False when it had them. Interrupts off. */
bool mtrr_adopt(void);

#endif
