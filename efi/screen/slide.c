/*
 * A slide: the page of a lecture, read from its log.
 *
 * Model
 *   "==== Slide N. TITLE" begins a page, "Claim: " stands below its title. All other lines
 *   follow from the top, coloured by their first words, broken between words. A line
 *   that is not ended, such as a question and the answer being typed, is laid out anew
 *   with each byte. What asks for a key goes when that has come; records (@) are for programs.
 *
 *   Drawings are text, as on the serial line: a field between two bars '|' that has
 *   letters of drawings alone, at least MIN_FIELD of them, becomes cells of colour.
 *   A run of a letter other than '#' and '.' has it in its second cell, or its only one.
 *
 *   Cells are kept twice, as in a pane: only those that changed are drawn.
 *
 * Turning
 *   When the page is full its last quarter goes to the top, from the first paragraph that
 *   begins there on: what a question is about stays in sight, and no drawing is cut if
 *   that can be helped. Nothing else moves.
 *
 * Promises
 *   - row + rows of the line being written <= nr_rows
 *   - nothing is drawn outside of header and body
 *
 * Locking
 *   The canvas's.
 */

#include "efi/screen/slide.h"

#include "efi/screen/column.h"
#include "efi/screen/layout.h"
#include "lib/align.h"
#include "lib/string.h"
#include "log.h"

#define MIN_COLUMNS	100u
#define MIN_ROWS	36u
#define HEADER_ROWS	6u
#define MIN_FIELD	4u
#define MIN_RULE	3u
#define MAX_LINE_ROWS	8u
#define KEPT_SHARE	4u /* of the rows, when the page turns */
#define HANG_COLUMNS	6u
#define NO_BYTE		((size_t)-1)

enum look {
	LOOK_TEXT, LOOK_FAINT, LOOK_QUESTION, LOOK_ANSWER, LOOK_STEP, LOOK_WRONG, LOOK_TITLE,
	LOOK_BLOCK, LOOK_MARK, LOOK_UPRIGHT, LOOK_RULE,
};

static const uint32_t look_rgb[] = {
	[LOOK_TEXT] = RGB_TEXT,	    [LOOK_FAINT] = RGB_FAINT,	[LOOK_QUESTION] = RGB_BUSY,
	[LOOK_ANSWER] = RGB_GOOD,   [LOOK_STEP] = RGB_WARN,	[LOOK_WRONG] = RGB_BAD,
	[LOOK_TITLE] = RGB_TITLE,   [LOOK_BLOCK] = RGB_GROUND,	[LOOK_MARK] = RGB_GROUND,
	[LOOK_UPRIGHT] = RGB_FAINT, [LOOK_RULE] = RGB_FAINT,
};

/* Lines by their first words; what these are coloured as, up to and with @end. */
static const struct line_kind {
	const char *start, *end;
	enum look label, rest;
	bool is_apart;		/* a blank row before it */
} kinds[] = {
	{"Predict: ", ": ", LOOK_QUESTION, LOOK_TITLE, true},
	{"So it is: ", ": ", LOOK_ANSWER, LOOK_TITLE, true},
	{"What is wrong with it? ", "? ", LOOK_WRONG, LOOK_TEXT, true},
	{"Exercise ", ": ", LOOK_QUESTION, LOOK_TITLE, true},
	{"   Answer: ", ": ", LOOK_ANSWER, LOOK_TITLE, false},
	{"   Right.", ".", LOOK_ANSWER, LOOK_TEXT, false},
	{"   Not so.", ".", LOOK_WRONG, LOOK_TEXT, false},
	{"   [", "]", LOOK_FAINT, LOOK_TEXT, false},
	{"  step ", ". ", LOOK_STEP, LOOK_TEXT, false},
	{"==== ", "", LOOK_TITLE, LOOK_TITLE, true},
	{"", "", LOOK_TEXT, LOOK_TEXT, false},
};

/* Letters of drawings: parts of a whole, objects and bits by number, what lies in a map. */
static const struct {
	char c;
	uint32_t rgb;
} blocks[] = {
	{'#', 0x388bfd}, {'.', 0x2b3440}, {'0', 0x2ea043}, {'1', 0xe3b341}, {'2', 0x1f6feb},
	{'3', 0xf0883e}, {'4', 0xbc8cff}, {'5', 0x39c5cf}, {'6', 0xff9bce}, {'7', 0xda3633},
	{'u', 0x2ea043}, {'k', 0xe3b341}, {'d', 0xbc8cff}, {'h', 0xd8dee6}, {'D', 0xff9bce},
	{'N', 0x39c5cf}, {'H', 0xf0883e}, {'t', 0x1f6feb}, {'T', 0x388bfd},
};

uint32_t slide_block_rgb(char c)
{
	for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++)
		if (blocks[i].c == c)
			return blocks[i].rgb;
	return RGB_GROUND;
}

/* ---- Looks of a line ---- */

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static const struct line_kind *kind_of(const char *line)
{
	const struct line_kind *kind = kinds;

	while (!starts_with(line, kind->start))
		kind++;		/* the last one starts with nothing */
	return kind;
}

static void look_at_words(const char *line, const struct line_kind *kind, uint8_t *looks)
{
	const char *end = kind->end[0] ? strstr(line, kind->end) : NULL;
	size_t nr_label = end ? (size_t)(end - line) + strlen(kind->end) : 0;

	for (size_t i = 0; line[i]; i++)
		looks[i] = (uint8_t)(i < nr_label ? kind->label : kind->rest);
}

/* The end of the field that the bar at @start opens, or NO_BYTE: it opens none. */
static size_t end_of_field(const char *line, size_t start)
{
	size_t at = start + 1;

	while (line[at] && slide_block_rgb(line[at]) != RGB_GROUND)
		at++;
	return line[at] == '|' && at - start > MIN_FIELD ? at : NO_BYTE;
}

static void look_at_field(const char *line, size_t start, size_t end, uint8_t *looks)
{
	for (size_t i = start + 1; i < end; i++) {
		bool is_first = line[i] != line[i - 1], is_last = line[i] != line[i + 1];
		bool is_marked = is_first ? is_last : line[i - 1] != line[i - 2];

		looks[i] = is_marked && line[i] != '#' && line[i] != '.' ? LOOK_MARK : LOOK_BLOCK;
	}
}

/* Rules: '-' in a row, and the '+' that they meet in. */
static size_t look_at_rule(const char *line, size_t at, uint8_t *looks)
{
	size_t end = at;

	while (line[end] == '-' || line[end] == '+')
		end++;
	for (size_t i = at; end - at >= MIN_RULE && i < end; i++)
		looks[i] = LOOK_RULE;
	return end;
}

static void look_at_drawings(const char *line, uint8_t *looks)
{
	for (size_t at = 0; line[at];) {
		size_t end = line[at] == '|' ? end_of_field(line, at) : NO_BYTE;

		if (end != NO_BYTE) {
			look_at_field(line, at, end, looks);
			looks[at] = looks[end] = LOOK_UPRIGHT;
			at = end + 1;
		} else if (line[at] == '-' || line[at] == '+') {
			at = look_at_rule(line, at, looks);
		} else {
			if (line[at] == '|')
				looks[at] = LOOK_UPRIGHT;
			at++;
		}
	}
}

/* ---- Rows of a line ---- */

/* How a line is cut: row i has bytes [start[i], start[i + 1]), from column @indent[i] on. */
struct cut {
	unsigned nr_rows;
	size_t start[MAX_LINE_ROWS + 1];
	uint32_t indent[MAX_LINE_ROWS];
};

/* How many of the first bytes of @text make a row of @nr_columns. */
static size_t row_bytes(const char *text, size_t nr_columns)
{
	size_t length = strlen(text), at;

	if (length <= nr_columns)
		return length;
	for (at = nr_columns; at > 0 && text[at] != ' ';)
		at--;
	return at > nr_columns / 2 ? at : nr_columns;
}

static void cut_line(const struct slide *slide, struct cut *cut)
{
	uint32_t indent = 0, hang;
	size_t at = 0;

	while (slide->line[indent] == ' ')
		indent++;
	hang = (uint32_t)min_u64(indent + HANG_COLUMNS, slide->nr_columns / 2);
	cut->nr_rows = 0;
	do {
		uint32_t left = cut->nr_rows ? hang : 0;

		cut->start[cut->nr_rows] = at;
		cut->indent[cut->nr_rows++] = left;
		at += row_bytes(slide->line + at, slide->nr_columns - left);
		while (slide->line[at] == ' ')
			at++;
		cut->start[cut->nr_rows] = at;
	} while (slide->line[at] && cut->nr_rows < MAX_LINE_ROWS);
}

static void clear_rows(struct slide *slide, uint32_t start, uint32_t end)
{
	const struct slide_cell blank = {' ', LOOK_TEXT};

	for (uint32_t row = start; row < end; row++)
		for (uint32_t column = 0; column < slide->nr_columns; column++)
			slide->wanted[row][column] = blank;
}

static bool is_blank(const struct slide *slide, uint32_t row)
{
	for (uint32_t column = 0; column < slide->nr_columns; column++)
		if (slide->wanted[row][column].c != ' ')
			return false;
	return true;
}

/* The first of the rows from @row on that stands below a blank one; @row if none does. */
static uint32_t paragraph_from(const struct slide *slide, uint32_t row)
{
	for (uint32_t at = row; at < slide->row; at++)
		if (at > 0 && is_blank(slide, at - 1) && !is_blank(slide, at))
			return at;
	return row;
}

/* The last rows go to the top, as far as @nr_new more have room below them. */
static void turn_page(struct slide *slide, uint32_t nr_new)
{
	uint32_t share = (uint32_t)min_u64(slide->nr_rows / KEPT_SHARE, slide->nr_rows - nr_new);
	uint32_t first = paragraph_from(slide, slide->row - (uint32_t)min_u64(share, slide->row));
	uint32_t kept = slide->row - first;

	memmove(slide->wanted[0], slide->wanted[first], kept * sizeof(slide->wanted[0]));
	slide->row = kept;
	clear_rows(slide, kept, slide->nr_rows);
}

static bool is_blank_above(const struct slide *slide)
{
	return slide->row == 0 || is_blank(slide, slide->row - 1);
}

/* A sentence below a table or a drawing. */
static bool begins_anew(const struct slide *slide)
{
	return slide->row > 0 && slide->line[0] != ' ' &&
	       slide->wanted[slide->row - 1][0].c == ' ';
}

static void put_row(struct slide *slide, uint32_t row, const struct cut *cut, unsigned i,
		    const uint8_t *looks)
{
	uint32_t column = cut->indent[i];

	for (size_t at = cut->start[i]; at < cut->start[i + 1] && column < slide->nr_columns; at++)
		slide->wanted[row][column++] = (struct slide_cell){slide->line[at], looks[at]};
}

/* Shows the line as it is now. Returns how many rows it takes. */
static uint32_t lay_out(struct slide *slide)
{
	const struct line_kind *kind = kind_of(slide->line);
	uint8_t looks[SLIDE_LINE_BYTES];
	uint32_t gap, nr_rows;
	struct cut cut;

	look_at_words(slide->line, kind, looks);
	look_at_drawings(slide->line, looks);
	cut_line(slide, &cut);
	cut.nr_rows = (unsigned)min_u64(cut.nr_rows, slide->nr_rows);
	gap = (kind->is_apart || begins_anew(slide)) && !is_blank_above(slide) &&
	      cut.nr_rows < slide->nr_rows;
	nr_rows = cut.nr_rows + gap;
	if (slide->row + nr_rows > slide->nr_rows)
		turn_page(slide, nr_rows);
	clear_rows(slide, slide->row, slide->nr_rows);
	for (unsigned i = 0; i < cut.nr_rows; i++)
		put_row(slide, slide->row + gap + i, &cut, i, looks);
	return nr_rows;
}

/* ---- Taking text ---- */

static void begin_page(struct slide *slide, const char *text)
{
	slide->number = 0;
	for (; *text >= '0' && *text <= '9'; text++)
		slide->number = slide->number * 10 + (unsigned)(*text - '0');
	while (*text == '.' || *text == ' ')
		text++;
	format_text(slide->title, sizeof(slide->title), "%s", text);
	slide->claim[0] = '\0';
	slide->is_header_due = true;
	slide->row = 0;
	clear_rows(slide, 0, slide->nr_rows);
}

static void take_line(struct slide *slide)
{
	static const char page[] = "==== Slide ", claim[] = "Claim: ", prompt[] = "   [";

	if (starts_with(slide->line, page)) {
		begin_page(slide, slide->line + sizeof(page) - 1);
	} else if (starts_with(slide->line, claim)) {
		format_text(slide->claim, sizeof(slide->claim), "%s",
			    slide->line + sizeof(claim) - 1);
		if (slide->claim[0] >= 'a' && slide->claim[0] <= 'z')
			slide->claim[0] = (char)(slide->claim[0] - 'a' + 'A');
		slide->is_header_due = true;
		clear_rows(slide, slide->row, slide->nr_rows);
	} else if (starts_with(slide->line, prompt)) {
		clear_rows(slide, slide->row, slide->nr_rows);	/* answered */
	} else if (slide->line[0] != '@' && (slide->nr_bytes || !is_blank_above(slide))) {
		slide->row += lay_out(slide);
	}
	slide->nr_bytes = slide->at = 0;
	slide->line[0] = '\0';
}

static void take_character(struct slide *slide, char c)
{
	if (c == '\n') {
		take_line(slide);
	} else if (c == '\r') {
		slide->at = 0;
	} else if (c == '\b') {
		slide->at -= slide->at > 0;
	} else if (c != '\a' && slide->at + 1 < sizeof(slide->line)) {
		slide->line[slide->at++] = c == '\t' ? ' ' : c;
		slide->nr_bytes = max_u64(slide->nr_bytes, slide->at);
		slide->line[slide->nr_bytes] = '\0';
	}
}

void slide_write(struct slide *slide, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		take_character(slide, text[i]);
	if (slide->nr_bytes > 0 && slide->line[0] != '@' && slide->line[0] != '=')
		lay_out(slide);
}

void slide_init(struct slide *slide, const struct canvas *canvas, unsigned nr_slides)
{
	struct rect rest = {0, 0, canvas->width, canvas->height};
	uint32_t scale = layout_scale(canvas->width, canvas->height, MIN_COLUMNS, MIN_ROWS);
	uint32_t row = GLYPH_HEIGHT(scale), height = HEADER_ROWS * row;

	*slide = (struct slide){.canvas = canvas, .scale = scale, .nr_slides = nr_slides};
	slide->header = (struct rect){0, 0, rest.width, height};
	slide->body = (struct rect){row / 2, height + row / 2, rest.width - row,
				    rest.height - height - row / 2};
	slide->nr_columns =
		(uint32_t)min_u64(PANE_COLUMNS_MAX, slide->body.width / GLYPH_WIDTH(scale));
	slide->nr_rows = (uint32_t)min_u64(PANE_ROWS_MAX, slide->body.height / row);
	clear_rows(slide, 0, slide->nr_rows);
	memcpy(slide->shown, slide->wanted, sizeof(slide->shown));
	canvas_fill(canvas, rest, RGB_GROUND);
	canvas_fill(canvas, slide->header, RGB_PANEL);
}

/* ---- Drawing ---- */

/* A mark for each slide, those up to this one bright. */
static void draw_progress(const struct slide *slide)
{
	const struct rect header = slide->header;
	uint32_t height = 2 * slide->scale, width = header.width / slide->nr_slides;

	for (unsigned i = 0; i < slide->nr_slides; i++)
		canvas_fill(slide->canvas,
			    (struct rect){header.x + i * width, header.y + header.height - height,
					  width - slide->scale, height},
			    i < slide->number ? RGB_BUSY : RGB_FAINT);
}

static void draw_header(const struct slide *slide)
{
	uint32_t scale = slide->scale, row = GLYPH_HEIGHT(scale);
	const struct ink number = {2 * scale, RGB_BUSY, RGB_PANEL};
	const struct ink title = {2 * scale, RGB_TITLE, RGB_PANEL};
	const struct ink claim = {scale, RGB_TEXT, RGB_PANEL};
	uint32_t left = slide->body.x, top = slide->header.y + row / 2;
	uint32_t width = slide->body.width;
	struct column column = {slide->canvas, {left, top + 5 * row / 2, width, 2 * row}};
	char text[SLIDE_TITLE_BYTES];
	uint32_t end;

	canvas_fill(slide->canvas, slide->header, RGB_PANEL);
	format_text(text, sizeof(text), "%u  ", slide->number);
	end = canvas_text(slide->canvas, left, top, width, text, &number);
	canvas_text(slide->canvas, end, top, left + width - end, slide->title, &title);
	column_write(&column, slide->claim, &claim, 0);
	if (slide->nr_slides)
		draw_progress(slide);
}

/* A block leaves the last line of its cell empty, so that rows of them stay apart. */
static void draw_block(const struct canvas *canvas, struct rect at, uint32_t scale,
		       struct slide_cell cell)
{
	uint32_t rgb = slide_block_rgb(cell.c);

	if (cell.look == LOOK_MARK)
		canvas_glyph(canvas, at.x, at.y, cell.c,
			     &(struct ink){scale, RGB_GROUND, rgb});
	else
		canvas_fill(canvas, at, rgb);
	canvas_fill(canvas, (struct rect){at.x, at.y + at.height - scale, at.width, scale},
		    RGB_GROUND);
}

static void draw_line(const struct canvas *canvas, struct rect at, uint32_t scale,
		      struct slide_cell cell)
{
	struct rect across = {at.x, at.y + at.height / 2, at.width, scale};
	struct rect down = {at.x + at.width / 2, at.y, scale, at.height};

	canvas_fill(canvas, at, RGB_GROUND);
	if (cell.c != '|')
		canvas_fill(canvas, across, look_rgb[cell.look]);
	if (cell.c != '-')
		canvas_fill(canvas, down, look_rgb[cell.look]);
}

static void draw_cell(const struct slide *slide, uint32_t row, uint32_t column)
{
	const struct slide_cell cell = slide->wanted[row][column];
	uint32_t scale = slide->scale;
	struct rect at = {slide->body.x + column * GLYPH_WIDTH(scale),
			  slide->body.y + row * GLYPH_HEIGHT(scale), GLYPH_WIDTH(scale),
			  GLYPH_HEIGHT(scale)};

	if (cell.look == LOOK_BLOCK || cell.look == LOOK_MARK)
		draw_block(slide->canvas, at, scale, cell);
	else if (cell.look == LOOK_UPRIGHT || cell.look == LOOK_RULE)
		draw_line(slide->canvas, at, scale, cell);
	else
		canvas_glyph(slide->canvas, at.x, at.y, cell.c,
			     &(struct ink){scale, look_rgb[cell.look], RGB_GROUND});
}

void slide_draw(struct slide *slide)
{
	if (slide->is_header_due)
		draw_header(slide);
	slide->is_header_due = false;
	for (uint32_t row = 0; row < slide->nr_rows; row++)
		for (uint32_t column = 0; column < slide->nr_columns; column++) {
			struct slide_cell *shown = &slide->shown[row][column];

			if (shown->c == slide->wanted[row][column].c &&
			    shown->look == slide->wanted[row][column].look)
				continue;
			*shown = slide->wanted[row][column];
			draw_cell(slide, row, column);
		}
}
