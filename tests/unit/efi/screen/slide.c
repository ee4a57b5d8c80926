/* The page of a lecture: what its log becomes. */

#include "efi/screen/slide.h"

#include "efi/screen/layout.h"
#include "lib/string.h"
#include "tests/test.h"

/* Smaller than any screen that is taken: 25 columns, 7 rows. */
#define WIDTH	   160u
#define HEIGHT	   140u
#define MIN_WIDTH  640u
#define MIN_HEIGHT 400u
#define GUARD_ROWS 2u
#define UNTOUCHED  0xa5a5a5a5u
#define NR_ROWS	   7u
#define NR_SLIDES  13u

static uint32_t memory[(HEIGHT + 2 * GUARD_ROWS) * WIDTH];
static struct canvas canvas;
static struct slide slide;

static void setup(void)
{
	struct framebuffer_info info = {
		.base_pa = 1,
		.size_bytes = (uint64_t)MIN_WIDTH * MIN_HEIGHT * BYTES_PER_PIXEL,
		.width = MIN_WIDTH, .height = MIN_HEIGHT, .pixels_per_row = MIN_WIDTH,
		.red_mask = 0xff0000, .green_mask = 0xff00, .blue_mask = 0xff,
	};

	for (size_t i = 0; i < ARRAY_SIZE(memory); i++)
		memory[i] = UNTOUCHED;
	CHECK_EQ(canvas_init(&canvas, &info, memory + GUARD_ROWS * WIDTH), STATUS_OK);
	canvas.width = canvas.pixels_per_row = WIDTH;
	canvas.height = HEIGHT;
	slide_init(&slide, &canvas, NR_SLIDES);
	CHECK_EQ(slide.nr_rows, NR_ROWS);
}

static void write_text(const char *text)
{
	slide_write(&slide, text, strlen(text));
}

static bool row_is(uint32_t row, const char *text)
{
	uint32_t column = 0;

	for (; text[column]; column++)
		if (slide.wanted[row][column].c != text[column])
			return false;
	for (; column < slide.nr_columns; column++)
		if (slide.wanted[row][column].c != ' ')
			return false;
	return true;
}

/* Somewhere in the middle of a cell. */
static uint32_t pixel_of(uint32_t row, uint32_t column, uint32_t line)
{
	uint32_t x = slide.body.x + column * GLYPH_WIDTH(slide.scale) + 2;
	uint32_t y = slide.body.y + row * GLYPH_HEIGHT(slide.scale) + line;

	return memory[(GUARD_ROWS + y) * WIDTH + x];
}

static void a_slide_begins_a_page(void)
{
	setup();
	write_text("what was there\n==== Slide 12. Compound pages\nClaim: a head and tails.\n"
		   "then\n");
	CHECK_EQ(slide.number, 12);
	CHECK(strcmp(slide.title, "Compound pages") == 0);
	CHECK(strcmp(slide.claim, "A head and tails.") == 0);
	CHECK(row_is(0, "then") && row_is(1, ""));
	slide_draw(&slide);
	CHECK(!slide.is_header_due);
}

static void drawings_become_cells_of_colour(void)
{
	setup();
	write_text("a |####....|\n");
	slide_draw(&slide);
	for (uint32_t column = 3; column < 11; column++)
		CHECK_EQ(pixel_of(0, column, 4), slide_block_rgb(column < 7 ? '#' : '.'));
	CHECK_EQ(pixel_of(0, 4, 9), RGB_GROUND);	/* apart from the row below */
	CHECK(slide_block_rgb('#') != slide_block_rgb('.'));
	CHECK_EQ(slide_block_rgb('x'), RGB_GROUND);
}

static void a_run_of_letters_says_which(void)
{
	setup();
	write_text("|00001|\n");
	CHECK(slide.wanted[0][1].look == slide.wanted[0][3].look);
	CHECK(slide.wanted[0][1].look == slide.wanted[0][4].look);
	CHECK(slide.wanted[0][2].look != slide.wanted[0][3].look);
	CHECK(slide.wanted[0][5].look == slide.wanted[0][2].look);
}

static void words_between_bars_are_words(void)
{
	setup();
	write_text("x|guard|##|0 0 0|\n");
	for (uint32_t column = 2; column < 7; column++)
		CHECK(slide.wanted[0][column].look == slide.wanted[0][0].look);
	for (uint32_t column = 8; column < 10; column++)
		CHECK(slide.wanted[0][column].look == slide.wanted[0][0].look);
	CHECK(slide.wanted[0][11].look == slide.wanted[0][0].look);
	CHECK(slide.wanted[0][1].look != slide.wanted[0][0].look);
}

static void first_words_have_colours(void)
{
	setup();
	write_text("Predict: which?\nSo it is: that.\n");
	CHECK(row_is(0, "Predict: which?") && row_is(1, "") && row_is(2, "So it is: that."));
	CHECK(slide.wanted[0][0].look != slide.wanted[0][9].look);
	CHECK(slide.wanted[0][0].look != slide.wanted[2][0].look);
}

static void a_full_page_keeps_its_last_rows(void)
{
	setup();
	write_text("1\n2\n3\n4\n5\n6\n7\n");
	CHECK(row_is(0, "1") && row_is(6, "7"));
	write_text("8\n");
	CHECK(row_is(0, "7") && row_is(1, "8") && row_is(2, ""));
}

static void a_full_page_cuts_no_paragraph(void)
{
	setup();
	write_text("1\n 2\n 3\n 4\n 5\nSo: 6\n");
	CHECK(row_is(4, " 5") && row_is(5, "") && row_is(6, "So: 6"));
	write_text(" 7\n");
	CHECK(row_is(0, "So: 6") && row_is(1, " 7") && row_is(2, ""));
}

static void long_lines_break_between_words(void)
{
	setup();
	write_text("  step 1. twenty five columns and some more\n");
	CHECK(row_is(0, "  step 1. twenty five"));
	CHECK(row_is(1, "        columns and some"));
	CHECK(row_is(2, "        more"));
}

static void a_question_for_a_key_goes_with_the_key(void)
{
	setup();
	write_text("one\n   [Enter: on] ");
	CHECK(row_is(1, "   [Enter: on]"));
	write_text("\ntwo\n");
	CHECK(row_is(0, "one") && row_is(1, "two") && row_is(2, ""));
}

static void what_is_typed_is_seen(void)
{
	setup();
	write_text("   your answer: ");
	write_text("7");
	write_text("8\b");
	write_text("9");
	CHECK(row_is(0, "   your answer: 79"));
	write_text("\n   Right.\n");
	CHECK(row_is(1, "   Right."));
}

static void records_are_for_programs(void)
{
	setup();
	write_text("one\n@exercise answer=");
	write_text("7\ntwo\n");
	CHECK(row_is(0, "one") && row_is(1, "two"));
}

static void nothing_is_drawn_outside(void)
{
	static const char letters[] = "||||####....0123ukd --++\n\n\b\r@=Claim: abcdef";

	setup();
	for (unsigned i = 0; i < 20000; i++) {
		slide_write(&slide, &letters[test_random_below(sizeof(letters) - 1)], 1);
		CHECK(slide.row <= slide.nr_rows);
		if (i % 16 == 0)
			slide_draw(&slide);
	}
	for (size_t i = 0; i < GUARD_ROWS * WIDTH; i++) {
		CHECK_EQ(memory[i], UNTOUCHED);
		CHECK_EQ(memory[(GUARD_ROWS + HEIGHT) * WIDTH + i], UNTOUCHED);
	}
}

static const struct test_case cases[] = {
	{"a slide begins a page", a_slide_begins_a_page},
	{"drawings become cells of colour", drawings_become_cells_of_colour},
	{"a run of letters says which", a_run_of_letters_says_which},
	{"words between bars are words", words_between_bars_are_words},
	{"first words have colours", first_words_have_colours},
	{"a full page keeps its last rows", a_full_page_keeps_its_last_rows},
	{"a full page cuts no paragraph", a_full_page_cuts_no_paragraph},
	{"long lines break between words", long_lines_break_between_words},
	{"a question for a key goes with the key", a_question_for_a_key_goes_with_the_key},
	{"what is typed is seen", what_is_typed_is_seen},
	{"records are for programs", records_are_for_programs},
	{"nothing is drawn outside", nothing_is_drawn_outside},
};

TEST_SUITE(slide, cases);
