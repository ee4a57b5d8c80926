#ifndef EFI_SCREEN_PANE_H
#define EFI_SCREEN_PANE_H

/* The last lines of a text, in a rectangle of a canvas. See pane.c. */

#include "efi/screen/canvas.h"

/* Enough for 3840 x 2160 at two pixels to a dot. */
#define PANE_COLUMNS_MAX 320u
#define PANE_ROWS_MAX	 108u

struct pane {
	const struct canvas *canvas;
	struct rect rect;
	struct ink ink;
	uint32_t nr_columns, nr_rows;
	uint32_t column, row; /* where the next character goes */
	char wanted[PANE_ROWS_MAX][PANE_COLUMNS_MAX];
	char shown[PANE_ROWS_MAX][PANE_COLUMNS_MAX];
};

/* Empties @pane and makes it @rect of @canvas, painted with the ink's ground. */
void pane_init(struct pane *pane, const struct canvas *canvas, struct rect rect, struct ink ink);

/* The same text elsewhere: all of it that still fits, the last lines first. */
void pane_move(struct pane *pane, struct rect rect, struct ink ink);

/* Takes @text; shows nothing yet. */
void pane_write(struct pane *pane, const char *text, size_t bytes);

/* Brings the canvas up to date: draws the cells that have changed. */
void pane_draw(struct pane *pane);

#endif
