#ifndef ARCH_SYMBOLS_H
#define ARCH_SYMBOLS_H

/* Names of the image's functions, for panics. See symbols.c. */

#include "lib/compiler.h"

/*
 * Writes "name+0x12" of the function that byte @offset of the image is in; an empty
 * text when none is known. For a return address ask for the byte before it.
 */
void symbol_describe(uint64_t offset, char *text, size_t size);

#endif
