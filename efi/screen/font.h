#ifndef EFI_SCREEN_FONT_H
#define EFI_SCREEN_FONT_H

/* The screen's glyphs: ' ' to '~', see font.c. */

#include "lib/compiler.h"

#define FIRST_GLYPH ' '
#define NR_GLYPHS   95u
#define FONT_WIDTH  5u
#define FONT_HEIGHT 9u

/* With the space to the next character and line. */
#define CELL_WIDTH  (FONT_WIDTH + 1)
#define CELL_HEIGHT (FONT_HEIGHT + 1)

extern const uint8_t font_rows[NR_GLYPHS][FONT_HEIGHT];

/* The index of @c in font_rows; that of '?' for what has no glyph. */
unsigned font_glyph(char c);

/*
 * Dots [0, 2 * FONT_WIDTH) of line @line, below 2 * FONT_HEIGHT, of @glyph at
 * twice its size, the leftmost in the highest of these bits: corners of
 * diagonals are filled or cut, so that large letters have no stairs.
 */
uint16_t font_smooth_row(unsigned glyph, unsigned line);

#endif
