/*
 * A pane: text that scrolls, on a part of the canvas.
 *
 * Model
 *   A grid of cells, twice: the character that each shall show, and the one that it
 *   shows. Writing changes the first grid; drawing makes the second equal to it,
 *   cell by cell. So text that comes faster than anybody reads costs no drawing.
 *
 * Scrolling
 *   When the last row is full the text moves up by half the pane, not by a line:
 *   drawn after every line, each line is drawn about twice in all, not as often as
 *   the pane has rows.
 *
 * Promises
 *   - column <= nr_columns and row < nr_rows, whatever is written
 *
 * Locking
 *   The canvas's.
 */

#include "efi/screen/pane.h"

#include "lib/align.h"
#include "lib/string.h"

#define TAB_COLUMNS 8u

static void set_size(struct pane *pane, struct rect rect, struct ink ink)
{
	pane->rect = rect;
	pane->ink = ink;
	pane->nr_columns = (uint32_t)max_u64(
		1, min_u64(PANE_COLUMNS_MAX, rect.width / GLYPH_WIDTH(ink.scale)));
	pane->nr_rows =
		(uint32_t)max_u64(2, min_u64(PANE_ROWS_MAX, rect.height / GLYPH_HEIGHT(ink.scale)));
	memset(pane->shown, ' ', sizeof(pane->shown));
	canvas_fill(pane->canvas, rect, ink.ground_rgb);
}

void pane_init(struct pane *pane, const struct canvas *canvas, struct rect rect, struct ink ink)
{
	pane->canvas = canvas;
	pane->column = 0;
	pane->row = 0;
	memset(pane->wanted, ' ', sizeof(pane->wanted));
	set_size(pane, rect, ink);
}

static void drop_first_rows(struct pane *pane, uint32_t nr_rows)
{
	memmove(pane->wanted[0], pane->wanted[nr_rows],
		(PANE_ROWS_MAX - nr_rows) * sizeof(pane->wanted[0]));
	memset(pane->wanted[PANE_ROWS_MAX - nr_rows], ' ', nr_rows * sizeof(pane->wanted[0]));
	pane->row -= nr_rows;
}

void pane_move(struct pane *pane, struct rect rect, struct ink ink)
{
	uint32_t nr_columns_before = pane->nr_columns;

	set_size(pane, rect, ink);
	if (pane->row >= pane->nr_rows)
		drop_first_rows(pane, pane->row - pane->nr_rows + 1);
	/* Of lines that are too long now the rest must not come back in a wider pane. */
	for (uint32_t row = 0; row < PANE_ROWS_MAX; row++)
		for (uint32_t column = pane->nr_columns; column < nr_columns_before; column++)
			pane->wanted[row][column] = ' ';
	pane->column = (uint32_t)min_u64(pane->column, pane->nr_columns);
}

static void new_line(struct pane *pane)
{
	pane->column = 0;
	if (++pane->row == pane->nr_rows)
		drop_first_rows(pane, (pane->nr_rows + 1) / 2);
}

static void put_character(struct pane *pane, char c)
{
	if (pane->column == pane->nr_columns)
		new_line(pane);
	pane->wanted[pane->row][pane->column++] = c;
}

static void take_character(struct pane *pane, char c)
{
	switch (c) {
	case '\n':
		new_line(pane);
		break;
	case '\r':
		pane->column = 0;
		break;
	case '\b':
		pane->column -= pane->column > 0;
		break;
	case '\t':
		do
			put_character(pane, ' ');
		while (pane->column % TAB_COLUMNS != 0 && pane->column < pane->nr_columns);
		break;
	case '\a':
		break;
	default:
		put_character(pane, c);
	}
}

void pane_write(struct pane *pane, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		take_character(pane, text[i]);
}

static void draw_row(struct pane *pane, uint32_t row)
{
	uint32_t y = pane->rect.y + row * GLYPH_HEIGHT(pane->ink.scale);

	for (uint32_t column = 0; column < pane->nr_columns; column++) {
		char c = pane->wanted[row][column];

		if (c == pane->shown[row][column])
			continue;
		pane->shown[row][column] = c;
		canvas_glyph(pane->canvas, pane->rect.x + column * GLYPH_WIDTH(pane->ink.scale), y,
			     c, &pane->ink);
	}
}

void pane_draw(struct pane *pane)
{
	for (uint32_t row = 0; row < pane->nr_rows; row++)
		if (memcmp(pane->wanted[row], pane->shown[row], pane->nr_columns) != 0)
			draw_row(pane, row);
}
