#ifndef EFI_SCREEN_SLIDE_H
#define EFI_SCREEN_SLIDE_H

/* The page of a lecture: a slide at a time, its drawings in colour. See slide.c. */

#include "efi/screen/pane.h"

#define SLIDE_LINE_BYTES  240u
#define SLIDE_TITLE_BYTES 80u

/* A character, and how it looks (slide.c's enum look). */
struct slide_cell {
	char c;
	uint8_t look;
};

struct slide {
	const struct canvas *canvas;
	struct rect header, body;
	uint32_t scale;
	unsigned number, nr_slides;
	char title[SLIDE_TITLE_BYTES];
	char claim[SLIDE_LINE_BYTES];
	bool is_header_due;

	char line[SLIDE_LINE_BYTES]; /* the one that is being written */
	size_t nr_bytes, at;	     /* its length, and where the next byte goes */
	uint32_t row;		     /* where it begins */
	uint32_t nr_columns, nr_rows;
	struct slide_cell wanted[PANE_ROWS_MAX][PANE_COLUMNS_MAX];
	struct slide_cell shown[PANE_ROWS_MAX][PANE_COLUMNS_MAX];
};

/* An empty page on all of @canvas, for a lecture of @nr_slides. */
void slide_init(struct slide *slide, const struct canvas *canvas, unsigned nr_slides);

/* Takes the next piece of the lecture's log; shows nothing yet. */
void slide_write(struct slide *slide, const char *text, size_t bytes);

/* Brings the canvas up to date: draws what has changed. */
void slide_draw(struct slide *slide);

/* The colour of a letter of a drawing; RGB_GROUND for what is none. */
uint32_t slide_block_rgb(char c);

#endif
