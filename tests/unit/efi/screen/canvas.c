/* The canvas, pixel by pixel, on arrays; and the text on it. */

#include "efi/screen/canvas.h"

#include "efi/screen/column.h"
#include "efi/screen/pane.h"
#include "lib/string.h"
#include "tests/test.h"

/* Smaller than any screen that is taken. */
#define WIDTH	   160u
#define HEIGHT	   140u
#define STRIDE	   176u
#define MIN_WIDTH  640u
#define MIN_HEIGHT 400u
#define GUARD_ROWS 2u
#define UNTOUCHED  0xa5a5a5a5u
#define WHITE	   0xffffffu

/* Rows of guard above and below, and the rest of each stride, stay as they are. */
static uint32_t memory[(HEIGHT + 2 * GUARD_ROWS) * STRIDE];
static struct canvas canvas;

static struct framebuffer_info info_of(uint32_t red, uint32_t green, uint32_t blue)
{
	return (struct framebuffer_info){
		.base_pa = 1,
		.size_bytes = (uint64_t)MIN_WIDTH * MIN_HEIGHT * BYTES_PER_PIXEL,
		.width = MIN_WIDTH,
		.height = MIN_HEIGHT,
		.pixels_per_row = MIN_WIDTH,
		.red_mask = red,
		.green_mask = green,
		.blue_mask = blue,
	};
}

static void setup(uint32_t red, uint32_t green, uint32_t blue)
{
	struct framebuffer_info info = info_of(red, green, blue);

	for (size_t i = 0; i < ARRAY_SIZE(memory); i++)
		memory[i] = UNTOUCHED;
	CHECK_EQ(canvas_init(&canvas, &info, memory + GUARD_ROWS * STRIDE), STATUS_OK);
	canvas.width = WIDTH;
	canvas.height = HEIGHT;
	canvas.pixels_per_row = STRIDE;
}

static void setup_rgb(void)
{
	setup(0xff0000, 0xff00, 0xff);
}

static uint32_t pixel_at(uint32_t x, uint32_t y)
{
	return memory[(GUARD_ROWS + y) * STRIDE + x];
}

/* Pixels that differ from what setup() left, on the canvas; those beyond it fail the case. */
static unsigned count_touched(void)
{
	unsigned nr_touched = 0;

	for (uint32_t row = 0; row < HEIGHT + 2 * GUARD_ROWS; row++)
		for (uint32_t x = 0; x < STRIDE; x++) {
			bool is_outside =
				row < GUARD_ROWS || row >= GUARD_ROWS + HEIGHT || x >= WIDTH;

			if (memory[row * STRIDE + x] == UNTOUCHED)
				continue;
			nr_touched++;
			if (is_outside)
				test_fail(__FILE__, __LINE__, "pixel %u of row %u was written", x,
					  row);
		}
	return nr_touched;
}

static void each_format_has_its_colours_in_its_places(void)
{
	setup(0xff0000, 0xff00, 0xff);
	CHECK_EQ(canvas_pixel(&canvas, 0x123456), 0x123456);
	setup(0xff, 0xff00, 0xff0000);
	CHECK_EQ(canvas_pixel(&canvas, 0x123456), 0x563412);
	setup(0xf800, 0x7e0, 0x1f); /* the upper bits count */
	CHECK_EQ(canvas_pixel(&canvas, 0xff0000), 0xf800);
	CHECK_EQ(canvas_pixel(&canvas, 0x0004ff), 0x3f);
	setup(0x3ff00000, 0xffc00, 0x3ff); /* more bits: full stays full */
	CHECK_EQ(canvas_pixel(&canvas, 0xffffff), 0x3fffffff);
	CHECK_EQ(canvas_pixel(&canvas, 0x800000), 0x20200000);
	setup(0, 0xff, 0); /* a screen of one colour */
	CHECK_EQ(canvas_pixel(&canvas, 0xff12ff), 0x12);
}

static void contradictions_are_refused(void)
{
	struct framebuffer_info good = info_of(0xff0000, 0xff00, 0xff), info = good;

	info.base_pa = 0;
	CHECK_EQ(canvas_init(&canvas, &info, memory), STATUS_ABSENT);
	info = good;
	info.pixels_per_row = MIN_WIDTH - 1;
	CHECK_EQ(canvas_init(&canvas, &info, memory), STATUS_BAD_VALUE);
	info = good;
	info.size_bytes--;
	CHECK_EQ(canvas_init(&canvas, &info, memory), STATUS_BAD_VALUE);
	info = good;
	info.height = 399;
	CHECK_EQ(canvas_init(&canvas, &info, memory), STATUS_BAD_VALUE);
	info = info_of(0xf0f000, 0xff00, 0xff);
	CHECK_EQ(canvas_init(&canvas, &info, memory), STATUS_BAD_VALUE);
	info = info_of(0, 0, 0);
	CHECK_EQ(canvas_init(&canvas, &info, memory), STATUS_BAD_VALUE);
}

static void a_rectangle_is_filled_and_nothing_else(void)
{
	setup_rgb();
	canvas_fill(&canvas, (struct rect){10, 20, 30, 40}, WHITE);
	CHECK_EQ(count_touched(), 30 * 40);
	CHECK_EQ(pixel_at(10, 20), WHITE);
	CHECK_EQ(pixel_at(39, 59), WHITE);
	CHECK_EQ(pixel_at(40, 59), UNTOUCHED);
	CHECK_EQ(pixel_at(9, 20), UNTOUCHED);
}

static void what_reaches_over_an_edge_is_cut(void)
{
	setup_rgb();
	canvas_fill(&canvas, (struct rect){WIDTH - 5, HEIGHT - 3, 100, 100}, WHITE);
	CHECK_EQ(count_touched(), 5 * 3);
	canvas_fill(&canvas, (struct rect){WIDTH, 0, 10, 10}, WHITE);
	canvas_fill(&canvas, (struct rect){0, HEIGHT, 10, UINT32_MAX}, WHITE);
	canvas_fill(&canvas, (struct rect){0, UINT32_MAX, 10, 10}, WHITE);
	CHECK_EQ(count_touched(), 5 * 3);
	canvas_fill(&canvas, (struct rect){0, 0, UINT32_MAX, UINT32_MAX}, WHITE);
	CHECK_EQ(count_touched(), WIDTH * HEIGHT);
}

static void a_frame_is_hollow(void)
{
	setup_rgb();
	canvas_frame(&canvas, (struct rect){100, 100, 20, 10}, 2, WHITE);
	CHECK_EQ(count_touched(), 20 * 10 - 16 * 6);
	CHECK_EQ(pixel_at(102, 102), UNTOUCHED);
}

/* Every pixel of a glyph of @scale at (3, 5) is that of its dot. */
static void check_dots(char c, uint32_t scale)
{
	const struct ink ink = {scale, WHITE, 0x112233};

	setup_rgb();
	canvas_glyph(&canvas, 3, 5, c, &ink);
	CHECK_EQ(count_touched(), GLYPH_WIDTH(scale) * GLYPH_HEIGHT(scale));
	for (uint32_t y = 0; y < GLYPH_HEIGHT(scale); y++)
		for (uint32_t x = 0; x < GLYPH_WIDTH(scale); x++) {
			uint32_t line = y / scale, column = x / scale;
			bool is_set =
				line < FONT_HEIGHT && column < FONT_WIDTH &&
				font_rows[c - FIRST_GLYPH][line] >> (FONT_WIDTH - 1 - column) & 1;

			CHECK_EQ(pixel_at(3 + x, 5 + y), is_set ? WHITE : 0x112233);
		}
}

static void a_glyph_is_its_dots(void)
{
	check_dots('g', 1);
	check_dots('&', 3);
	check_dots('|', 2); /* straight lines stay as they are where corners are smoothed */
	check_dots('_', 4);
}

static void diagonals_become_smooth(void)
{
	unsigned slash = font_glyph('/');

	/* Dots of lines 2 and 3 touch at a corner; the quarters beside it are set. */
	CHECK(font_rows[slash][2] == 0x02 && font_rows[slash][3] == 0x04);
	CHECK_EQ(font_smooth_row(slash, 4), 0x00e);
	CHECK_EQ(font_smooth_row(slash, 5), 0x01c);
	CHECK_EQ(font_smooth_row(slash, 6), 0x038);
}

static void what_has_no_glyph_is_a_question_mark(void)
{
	CHECK_EQ(font_glyph('\x07'), font_glyph('?'));
	CHECK_EQ(font_glyph('\x7f'), font_glyph('?'));
	CHECK_EQ(font_glyph((char)0xe4), font_glyph('?'));
	CHECK_EQ(font_glyph('~'), NR_GLYPHS - 1);
}

static void text_ends_with_a_whole_character(void)
{
	const struct ink ink = {1, WHITE, 0};

	setup_rgb();
	CHECK_EQ(canvas_text(&canvas, 10, 10, 3 * GLYPH_WIDTH(1) + 5, "abcdef", &ink),
		 10 + 3 * GLYPH_WIDTH(1));
	CHECK_EQ(count_touched(), 3 * GLYPH_WIDTH(1) * GLYPH_HEIGHT(1));
}

/* ---- Columns ---- */

static void paragraphs_break_between_words(void)
{
	const struct ink ink = {1, WHITE, 0x010101};
	struct column column = {&canvas, {6, 10, 10 * GLYPH_WIDTH(1), 3 * GLYPH_HEIGHT(1)}};

	setup_rgb();
	CHECK(column_write(&column, "seven and eight", &ink, 2));
	CHECK_EQ(column_rows(&column, 1), 1);
	/* "seven and" has nine cells; "eight" begins two in. */
	CHECK_EQ(pixel_at(6 + 9 * GLYPH_WIDTH(1), 10), UNTOUCHED);
	CHECK_EQ(pixel_at(6 + 1 * GLYPH_WIDTH(1), 10 + GLYPH_HEIGHT(1)), UNTOUCHED);
	CHECK(pixel_at(6 + 2 * GLYPH_WIDTH(1), 10 + GLYPH_HEIGHT(1)) != UNTOUCHED);
	CHECK(!column_write(&column, "this is more than one row has room for", &ink, 0));
	CHECK_EQ(column_rows(&column, 1), 0);
	CHECK(!column_write(&column, "x", &ink, 0));
	CHECK_EQ(pixel_at(6, 10 + 3 * GLYPH_HEIGHT(1)), UNTOUCHED);
}

static void a_word_longer_than_a_row_is_cut(void)
{
	const struct ink ink = {1, WHITE, 0};
	struct column column = {&canvas, {0, 0, 4 * GLYPH_WIDTH(1), 9 * GLYPH_HEIGHT(1)}};

	setup_rgb();
	CHECK(column_write(&column, "abcdefghij", &ink, 0));
	CHECK_EQ(column_rows(&column, 1), 6);
}

/* ---- Panes ---- */

static struct pane pane;

static void setup_pane(uint32_t nr_columns, uint32_t nr_rows)
{
	setup_rgb();
	pane_init(&pane, &canvas,
		  (struct rect){6, 10, nr_columns * GLYPH_WIDTH(1), nr_rows * GLYPH_HEIGHT(1)},
		  (struct ink){1, WHITE, 0});
}

static bool row_is(uint32_t row, const char *text)
{
	return strncmp(pane.wanted[row], text, strlen(text)) == 0;
}

static void write_pane(const char *text)
{
	pane_write(&pane, text, strlen(text));
}

static void a_pane_scrolls_by_half(void)
{
	setup_pane(10, 4);
	write_pane("one\ntwo\nthree\nfour");
	CHECK(row_is(3, "four "));
	write_pane("\nfive");
	CHECK(row_is(0, "three ") && row_is(1, "four ") && row_is(2, "five "));
	CHECK(row_is(3, "     "));
	CHECK_EQ(pane.row, 2);
}

static void long_lines_wrap_and_control_characters_do_what_they_say(void)
{
	setup_pane(4, 4);
	write_pane("abcdef\rX\b\bY\tZ\a");
	CHECK(row_is(0, "abcd") && row_is(1, "Y"));
	CHECK(pane.column <= pane.nr_columns && pane.row < pane.nr_rows);
}

static void only_cells_that_changed_are_drawn(void)
{
	setup_pane(10, 4);
	write_pane("ab");
	pane_draw(&pane);
	for (size_t i = 0; i < ARRAY_SIZE(memory); i++)
		memory[i] = UNTOUCHED;
	pane_draw(&pane);
	CHECK_EQ(count_touched(), 0);
	write_pane("\rax");
	pane_draw(&pane);
	CHECK_EQ(count_touched(), GLYPH_WIDTH(1) * GLYPH_HEIGHT(1));
}

static void a_pane_that_moves_keeps_its_last_lines(void)
{
	setup_pane(10, 6);
	write_pane("one\ntwo\nthree\nfour\nfive");
	pane_move(&pane, (struct rect){100, 100, 3 * GLYPH_WIDTH(1), 3 * GLYPH_HEIGHT(1)},
		  pane.ink);
	CHECK(row_is(0, "thr ") && row_is(1, "fou ") && row_is(2, "fiv "));
	write_pane("\nsix");
	CHECK(row_is(pane.row, "six"));
}

static const struct test_case cases[] = {
	{"each format has its colours in its places", each_format_has_its_colours_in_its_places},
	{"contradictions are refused", contradictions_are_refused},
	{"a rectangle is filled and nothing else", a_rectangle_is_filled_and_nothing_else},
	{"what reaches over an edge is cut", what_reaches_over_an_edge_is_cut},
	{"a frame is hollow", a_frame_is_hollow},
	{"a glyph is its dots", a_glyph_is_its_dots},
	{"diagonals become smooth", diagonals_become_smooth},
	{"what has no glyph is a question mark", what_has_no_glyph_is_a_question_mark},
	{"text ends with a whole character", text_ends_with_a_whole_character},
	{"paragraphs break between words", paragraphs_break_between_words},
	{"a word longer than a row is cut", a_word_longer_than_a_row_is_cut},
	{"a pane scrolls by half", a_pane_scrolls_by_half},
	{"long lines wrap and control characters do what they say",
	 long_lines_wrap_and_control_characters_do_what_they_say},
	{"only cells that changed are drawn", only_cells_that_changed_are_drawn},
	{"a pane that moves keeps its last lines", a_pane_that_moves_keeps_its_last_lines},
};

TEST_SUITE(canvas, cases);
