#ifndef EFI_FONT_H
#define EFI_FONT_H

/* The console's glyphs: ' ' to '~', see font.c. */

#include "lib/compiler.h"

#define FIRST_GLYPH	' '
#define NR_GLYPHS	95u
#define FONT_WIDTH	5u
#define FONT_HEIGHT	9u

extern const uint8_t font_rows[NR_GLYPHS][FONT_HEIGHT];

#endif
