/*
 * Text console on a linear framebuffer of 32-bit pixels.
 *
 * Model
 *   The screen is a grid of cells; cell[] holds the character that each shows.
 *   A pixel is written only when a cell's character changes, and never read:
 *   the framebuffer is mapped write-combining, where a read costs microseconds.
 *   A row of a glyph is one of 32 patterns of dots; their pixels are made once,
 *   in dot_row[], and copied.
 *
 * Scrolling
 *   Moving every line up for each new one would redraw the whole screen a
 *   thousand times in a run. When the last row is full the text moves up by
 *   half a screen at once, so that each line is redrawn about twice in all.
 *
 * Promises
 *   - column < nr_columns and row < nr_rows
 *   - every cell lies inside the framebuffer's size_bytes
 */
#include "efi/framebuffer.h"

#include "efi/font.h"
#include "lib/align.h"
#include "lib/string.h"

/* Enough for 3840 x 2160; a larger screen uses its upper left part. */
#define MAX_COLUMNS	480u
#define MAX_ROWS	120u

#define BYTES_PER_PIXEL	4u

/* Cells of 6 x 10 dots; dots are doubled where 100 columns still fit. */
#define CELL_WIDTH	(FONT_WIDTH + 1)
#define CELL_HEIGHT	(FONT_HEIGHT + 1)
#define MIN_COLUMNS	80u
#define MIN_ROWS	25u
#define DOUBLING_WIDTH	1200u

#define DEFAULT_COLOUR	0xd0d0d0u

#define MAX_SCALE	2u
#define NR_DOT_ROWS	(1u << FONT_WIDTH)

static struct {
	uint32_t *pixels;
	uint32_t pixels_per_row;
	uint32_t scale;
	uint32_t nr_columns, nr_rows;
	uint32_t column, row;
	bool is_bgr;
	uint32_t dot_row[NR_DOT_ROWS][FONT_WIDTH * MAX_SCALE];
	uint8_t cell[MAX_ROWS][MAX_COLUMNS];
} console;

static uint32_t pixel_of(uint32_t rgb)
{
	if (console.is_bgr)	/* blue in the lowest byte: 0xRRGGBB as it stands */
		return rgb;
	return (rgb & 0x00ff00) | (rgb & 0xff) << 16 | rgb >> 16;
}

static void draw_cell(uint32_t row, uint32_t column)
{
	const uint8_t *dots = font_rows[console.cell[row][column]];
	uint32_t *at = console.pixels +
		       (size_t)row * CELL_HEIGHT * console.scale * console.pixels_per_row +
		       (size_t)column * CELL_WIDTH * console.scale;

	for (uint32_t i = 0; i < FONT_HEIGHT; i++)
		for (uint32_t repeat = 0; repeat < console.scale; repeat++) {
			memcpy(at, console.dot_row[dots[i]],
			       FONT_WIDTH * console.scale * BYTES_PER_PIXEL);
			at += console.pixels_per_row;
		}
}

static void set_cell(uint32_t row, uint32_t column, uint8_t glyph)
{
	if (console.cell[row][column] == glyph)
		return;
	console.cell[row][column] = glyph;
	draw_cell(row, column);
}

static void scroll_half_screen(void)
{
	uint32_t nr_lines = console.nr_rows / 2;

	for (uint32_t row = 0; row < console.nr_rows; row++) {
		for (uint32_t column = 0; column < console.nr_columns; column++) {
			uint32_t from = row + nr_lines;

			set_cell(row, column,
				 from < console.nr_rows ? console.cell[from][column] : 0);
		}
	}
	console.row = console.nr_rows - nr_lines;
}

static void new_line(void)
{
	console.column = 0;
	if (++console.row == console.nr_rows)
		scroll_half_screen();
}

static void put_character(char c)
{
	if (c == '\n') {
		new_line();
		return;
	}
	if (c == '\r') {
		console.column = 0;
		return;
	}
	if (c == '\b') {
		console.column -= console.column > 0;
		return;
	}
	if (c == '\a')
		return;
	if (c < FIRST_GLYPH || c >= (char)(FIRST_GLYPH + NR_GLYPHS))
		c = '?';
	if (console.column == console.nr_columns)
		new_line();
	set_cell(console.row, console.column++, (uint8_t)(c - FIRST_GLYPH));
}

static bool is_sound(const struct framebuffer_info *info)
{
	uint64_t needed_bytes = (uint64_t)info->pixels_per_row * info->height * BYTES_PER_PIXEL;

	return info->pixels_per_row >= info->width && info->size_bytes >= needed_bytes &&
	       info->width >= MIN_COLUMNS * CELL_WIDTH && info->height >= MIN_ROWS * CELL_HEIGHT;
}

static void clear_screen(const struct framebuffer_info *info)
{
	memset(console.pixels, 0, (uint64_t)info->pixels_per_row * info->height * BYTES_PER_PIXEL);
	memset(console.cell, 0, sizeof(console.cell));
}

enum status framebuffer_init(const struct framebuffer_info *info, void *pixels)
{
	if (info->base_pa == 0)
		return STATUS_ABSENT;
	if (!is_sound(info))
		return STATUS_BAD_VALUE;

	console.pixels = pixels;
	console.pixels_per_row = info->pixels_per_row;
	console.is_bgr = info->is_bgr;
	console.scale = info->width >= DOUBLING_WIDTH ? MAX_SCALE : 1;
	framebuffer_set_colour(DEFAULT_COLOUR);
	console.nr_columns = (uint32_t)min_u64(MAX_COLUMNS, info->width / (CELL_WIDTH * console.scale));
	console.nr_rows = (uint32_t)min_u64(MAX_ROWS, info->height / (CELL_HEIGHT * console.scale));
	console.column = 0;
	console.row = 0;
	clear_screen(info);
	return STATUS_OK;
}

void framebuffer_write(const char *text, size_t bytes)
{
	if (!console.pixels)
		return;
	for (size_t i = 0; i < bytes; i++)
		put_character(text[i]);
}

void framebuffer_set_colour(uint32_t rgb)
{
	uint32_t pixel = pixel_of(rgb);

	for (uint32_t dots = 0; dots < NR_DOT_ROWS; dots++)
		for (uint32_t i = 0; i < FONT_WIDTH * console.scale; i++) {
			uint32_t bit = FONT_WIDTH - 1 - i / console.scale;

			console.dot_row[dots][i] = dots >> bit & 1 ? pixel : 0;
		}
}
