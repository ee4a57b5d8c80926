#ifndef EFI_SCREEN_COLUMN_H
#define EFI_SCREEN_COLUMN_H

/* Paragraphs of text from the top of a rectangle downwards. */

#include "efi/screen/canvas.h"

struct column {
	const struct canvas *canvas;
	struct rect rest; /* what is still empty */
};

/* Rows of text of @scale that still fit. */
uint32_t column_rows(const struct column *column, uint32_t scale);

/*
 * @text, broken between words, each of its rows after the first @indent characters in.
 * False when it did not fit: then as much as did is there.
 */
bool column_write(struct column *column, const char *text, const struct ink *ink, uint32_t indent);

/* Leaves half a row of @scale empty. */
void column_gap(struct column *column, uint32_t scale);

#endif
