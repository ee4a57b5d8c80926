/*
 * A column of paragraphs.
 *
 * Model
 *   What is written goes to the top of what is empty, which shrinks by as much. Rows
 *   are broken at the last blank that fits; a word that is longer than a row is cut
 *   into rows.
 *
 * Promises
 *   - nothing is drawn outside the rectangle, and no part of a row
 *
 * Locking
 *   The canvas's.
 */

#include "efi/screen/column.h"

#include "lib/align.h"
#include "lib/string.h"

#define ROW_BYTES 400u

uint32_t column_rows(const struct column *column, uint32_t scale)
{
	return column->rest.height / GLYPH_HEIGHT(scale);
}

static void take_height(struct column *column, uint32_t height)
{
	height = (uint32_t)min_u64(height, column->rest.height);
	column->rest.y += height;
	column->rest.height -= height;
}

void column_gap(struct column *column, uint32_t scale)
{
	take_height(column, GLYPH_HEIGHT(scale) / 2);
}

/* How many bytes of @text make a row of at most @nr_columns. */
static size_t row_length(const char *text, size_t nr_columns)
{
	size_t length = strlen(text), at;

	if (length <= nr_columns)
		return length;
	for (at = nr_columns; at > 0 && text[at] != ' ';)
		at--;
	return at > 0 ? at : nr_columns;
}

bool column_write(struct column *column, const char *text, const struct ink *ink, uint32_t indent)
{
	uint32_t nr_columns = column->rest.width / GLYPH_WIDTH(ink->scale);
	uint32_t skipped = 0;
	char row[ROW_BYTES];

	if (nr_columns <= indent)
		return false;
	do {
		size_t length = row_length(text, min_u64(nr_columns - skipped, ROW_BYTES - 1));

		if (column_rows(column, ink->scale) == 0)
			return false;
		memcpy(row, text, length);
		row[length] = '\0';
		canvas_text(column->canvas, column->rest.x + skipped * GLYPH_WIDTH(ink->scale),
			    column->rest.y, column->rest.width, row, ink);
		take_height(column, GLYPH_HEIGHT(ink->scale));
		text += length;
		while (*text == ' ')
			text++;
		skipped = indent;
	} while (*text);
	return true;
}
