/*
 * The layout: rectangles out of two numbers.
 *
 * Model
 *   All measures are in lines and columns of text, so a screen of twice the pixels
 *   shows the same in twice the size, as long as 80 columns and 36 lines remain.
 *   An even scale is taken where there is one: letters are smoother (font.c).
 *
 * Promises
 *   - the rectangles lie on the screen and do not overlap
 *   - each has room for what it is for: the log for 3 lines of 30 columns
 *
 * Locking
 *   None: a function of its arguments.
 */

#include "efi/screen/layout.h"

#include "lib/align.h"

#define MIN_COLUMNS 80u
#define MIN_ROWS    36u

#define HEADER_ROWS   5u
#define LEGEND_ROWS   4u
#define MAP_PERCENT   34u
#define TESTS_PERCENT 38u

uint32_t layout_scale(uint32_t width, uint32_t height, uint32_t nr_columns, uint32_t nr_rows)
{
	uint64_t scale =
		min_u64(width / (nr_columns * CELL_WIDTH), height / (nr_rows * CELL_HEIGHT));

	return scale < 2 ? 1 : (uint32_t)scale & ~1u;
}

/* The upper @height pixels of *@rest, which begins behind them then. */
static struct rect take_top(struct rect *rest, uint32_t height)
{
	struct rect top = {rest->x, rest->y, rest->width, (uint32_t)min_u64(height, rest->height)};

	rest->y += top.height;
	rest->height -= top.height;
	return top;
}

/* @rect without @margin pixels on each side. */
static struct rect inside(struct rect rect, uint32_t margin)
{
	return (struct rect){rect.x + margin, rect.y + margin, rect.width - 2 * margin,
			     rect.height - 2 * margin};
}

void layout_make(struct layout *layout, uint32_t width, uint32_t height)
{
	struct rect rest = {0, 0, width, height};
	uint32_t scale = layout_scale(width, height, MIN_COLUMNS, MIN_ROWS);
	uint32_t row = GLYPH_HEIGHT(scale), margin = 2 * scale;
	struct rect left;

	layout->scale = scale;
	layout->header = take_top(&rest, HEADER_ROWS * row);
	layout->map = inside(take_top(&rest, height * MAP_PERCENT / 100), margin);
	layout->legend = inside(take_top(&rest, LEGEND_ROWS * row), margin);
	left = rest;
	left.width = rest.width * TESTS_PERCENT / 100;
	rest.x += left.width;
	rest.width -= left.width;
	layout->tests = inside(left, margin);
	layout->log = inside(rest, margin);
}
