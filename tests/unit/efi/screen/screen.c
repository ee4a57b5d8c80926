/* What the screen is made of: layout, progress, the picture of memory, QR codes. */

#include "efi/screen/end.h"
#include "efi/screen/layout.h"
#include "efi/screen/picture.h"
#include "efi/screen/progress.h"
#include "efi/screen/qr.h"
#include "lib/string.h"
#include "log.h"
#include "tests/test.h"

/* ---- Layout ---- */

static bool overlap(struct rect a, struct rect b)
{
	return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height &&
	       b.y < a.y + a.height;
}

static void check_layout(uint32_t width, uint32_t height)
{
	struct layout layout;
	struct rect rects[5];

	layout_make(&layout, width, height);
	memcpy(rects,
	       (struct rect[]){layout.header, layout.map, layout.legend, layout.tests, layout.log},
	       sizeof(rects));
	for (unsigned i = 0; i < ARRAY_SIZE(rects); i++) {
		CHECK(rects[i].width > 0 && rects[i].height > 0);
		CHECK(rects[i].x + rects[i].width <= width);
		CHECK(rects[i].y + rects[i].height <= height);
		for (unsigned j = 0; j < i; j++)
			CHECK(!overlap(rects[i], rects[j]));
	}
	CHECK(layout.log.height >= 3 * GLYPH_HEIGHT(layout.scale));
	CHECK(layout.log.width >= 30 * GLYPH_WIDTH(layout.scale));
	CHECK(layout.scale == 1 || layout.scale % 2 == 0);
}

static void parts_lie_on_every_screen_and_never_overlap(void)
{
	static const uint32_t sizes[][2] = {
		{640, 400},   {640, 480},   {800, 600},	  {1024, 600},	{1024, 768},
		{1280, 720},  {1280, 800},  {1366, 768},  {1080, 1920}, {1920, 1080},
		{2560, 1440}, {3440, 1440}, {3840, 2160}, {7680, 4320},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
		check_layout(sizes[i][0], sizes[i][1]);
	for (unsigned i = 0; i < 200; i++)
		check_layout(640 + (uint32_t)test_random_below(4000),
			     400 + (uint32_t)test_random_below(3000));
}

static void text_grows_with_the_screen(void)
{
	struct layout layout;

	layout_make(&layout, 640, 480);
	CHECK_EQ(layout.scale, 1);
	layout_make(&layout, 1280, 800);
	CHECK_EQ(layout.scale, 2);
	layout_make(&layout, 3840, 2160);
	CHECK_EQ(layout.scale, 6);
}

/* ---- Progress ---- */

static struct progress progress;

static bool read_text(const char *text)
{
	return progress_read(&progress, text, strlen(text));
}

static void cases_are_counted_and_failures_keep_their_reasons(void)
{
	progress_init(&progress);
	read_text("noise: ok 7 is no point\nKTAP version 1\n1..3\n  KTAP version 1\n  # Subtest: "
		  "buddy\n"
		  "  1..3\n  ok 1 splits\n  # buddy.c:10: first\n  # buddy.c:12: second\n"
		  "  not ok 2 merges\n  ok 3 far # SKIP one node\n");
	CHECK(strcmp(progress.running.name, "buddy") == 0);
	CHECK_EQ(progress.nr_planned, 3);
	CHECK_EQ(progress.nr_planned_cases, 3);
	CHECK_EQ(progress.nr_passed, 1);
	CHECK_EQ(progress.nr_failed, 1);
	CHECK_EQ(progress.nr_skipped, 1);
	CHECK(strcmp(progress.last_case, "far") == 0);
	CHECK(strcmp(progress.failures[0].name, "buddy: merges") == 0);
	CHECK(strcmp(progress.failures[0].reason, "buddy.c:12: second") == 0);
	read_text("not ok 1 buddy\nok 2 run=show\n");
	CHECK_EQ(progress.nr_suites, 2);
	CHECK(!progress.suites[0].is_ok && progress.suites[1].is_ok);
	CHECK_EQ(progress.suites[0].nr_failed, 1);
	CHECK_EQ(progress.nr_passed, 2); /* the second had no cases: it is one */
	CHECK_EQ(progress.nr_failed, 1);
}

static void text_may_come_in_any_pieces(void)
{
	static const char text[] = "1..1\r\n  # Subtest: a\r\n  ok 1 b\r\nok 1 a\r\n";

	progress_init(&progress);
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		progress_read(&progress, text + i, 1);
	CHECK_EQ(progress.nr_passed, 1);
	CHECK(strcmp(progress.suites[0].name, "a") == 0);
}

static void a_line_written_over_is_the_later_one(void)
{
	char name[16];

	progress_init(&progress);
	read_text("1..1\n  # Subtest: a\n  # b");
	CHECK_EQ(progress_running_case(&progress, name, sizeof(name)), 1);
	CHECK(strcmp(name, "b") == 0);
	read_text("\r  ok 1 b\n");
	CHECK_EQ(progress.nr_passed, 1);
	CHECK_EQ(progress_running_case(&progress, name, sizeof(name)), 0);
	read_text("  # c\n  # c.c:1: a reason\n  not ok 2 c\n");
	CHECK(strcmp(progress.failures[0].reason, "c.c:1: a reason") == 0);
}

static void very_long_lines_and_very_many_points_do_no_harm(void)
{
	progress_init(&progress);
	for (unsigned i = 0; i < 2000; i++)
		read_text("x");
	read_text("\n1..400\n");
	for (unsigned i = 0; i < 400; i++)
		read_text("  # Subtest: a_suite_whose_name_is_far_too_long_for_its_place\n  not ok "
			  "1 c\n"
			  "not ok 1 a_suite_whose_name_is_far_too_long_for_its_place\n");
	CHECK_EQ(progress.nr_suites, 400);
	CHECK_EQ(progress.nr_failed, 400);
}

static void the_ledger_is_read(void)
{
	progress_init(&progress);
	read_text("firmware reported 9 pages; here is where each went\n  usable  9 pages  36 KiB\n"
		  "of 9 usable pages\n  free, on buddy lists      7 pages   28 KiB\n"
		  "  slab     2 pages    8 KiB\nthe ledger balances\n");
	CHECK_EQ(progress.nr_ledger, 2);
	CHECK(strcmp(progress.ledger[0].name, "free, on buddy lists") == 0);
	CHECK_EQ(progress.ledger[0].nr_pages, 7);
	CHECK_EQ(progress.ledger[1].nr_pages, 2);
	CHECK(progress.is_ledger_balanced);
}

static void a_panic_is_told_when_its_backtrace_is_complete(void)
{
	progress_init(&progress);
	CHECK(read_text("Bail out! buddy.c:1 is_free\n"));
	CHECK(progress.has_panicked && !progress.is_panic_told);
	CHECK(!read_text("CPU 1, APIC id 0x1\nbacktrace:\n  #0 image+0x10 f\n  #1 image+0x20 g\n"));
	CHECK(read_text("image base 0xffffffff80000000\n"));
	CHECK(progress.is_panic_told);
	CHECK_EQ(progress.nr_frames, 2);
	CHECK(strcmp(progress.frames[1], "#1 image+0x20 g") == 0);
	CHECK(strcmp(progress.panic, "buddy.c:1 is_free") == 0);
}

static void a_summary_is_cut_where_its_place_ends(void)
{
	const struct screen_facts facts = {"1", "a machine", "its memory"};
	const struct verdict_facts verdict = {.is_passed = true};
	char text[40];

	progress_init(&progress);
	CHECK_EQ(end_summary(text, sizeof(text), &facts, &progress, &verdict), sizeof(text) - 1);
	CHECK(strcmp(text, "SLABSTICK 1 PASS\na machine\nits memory\n0") == 0);
}

/* ---- The picture ---- */

static struct picture picture;
#define WIDTH  160u
#define HEIGHT 100u

static uint32_t pixels[WIDTH * HEIGHT];
static struct canvas canvas;

#define MIB_PAGES 256u

/* 8 MiB of node 0 with a hole and firmware's memory in it, 4 MiB of node 1. */
static void setup_picture(void)
{
	static struct mem_range ranges[] = {
		{0, 0x100000, MEM_LOW, 0, 0},		{0x100000, 0x400000, MEM_USABLE, 0, 0},
		{0x400000, 0x500000, MEM_MMIO, 0, 0},	{0x500000, 0x600000, MEM_ACPI_NVS, 0, 0},
		{0x600000, 0x900000, MEM_USABLE, 0, 0}, {0x900000, 0xd00000, MEM_USABLE, 0, 0},
	};
	static struct node_memory memory[] = {
		{0x100000, 0x400000, 0},
		{0x600000, 0x900000, 0},
		{0x900000, 0xd00000, 1},
	};
	const struct boot_info info = {.ranges = ranges, .nr_ranges = ARRAY_SIZE(ranges)};
	const struct topology topology = {.nr_nodes = 2, .memory = memory, .nr_memory = 3};
	const struct framebuffer_info screen = {
		.base_pa = 1,
		.size_bytes = 640ull * 400 * BYTES_PER_PIXEL,
		.width = 640,
		.height = 400,
		.pixels_per_row = 640,
		.red_mask = 0xff0000,
		.green_mask = 0xff00,
		.blue_mask = 0xff,
	};

	CHECK_EQ(canvas_init(&canvas, &screen, pixels), STATUS_OK);
	canvas.width = WIDTH;
	canvas.height = HEIGHT;
	canvas.pixels_per_row = WIDTH;
	picture_init(&picture, &info, &topology);
	picture_place(&picture, &canvas, (struct rect){0, 0, WIDTH, HEIGHT}, 1);
}

/* Node 1: a quarter slab, the rest free; in its last MiB an eighth. Node 0: pending. */
static uint64_t pretended_use(pfn_t pfn, enum page_use *use)
{
	if (pfn < 0x900)
		*use = USE_FREE_PENDING;
	else
		*use = pfn % 64 < (pfn >= 0xc00 ? 8 : 16) ? USE_SLAB : USE_FREE_LARGE;
	return 8 - pfn % 8;
}

static void each_node_has_its_segments_in_order(void)
{
	setup_picture();
	CHECK_EQ(picture.nr_strips, 2);
	CHECK_EQ(picture.strips[0].nr_pages, 8 * MIB_PAGES);
	CHECK_EQ(picture.strips[1].nr_pages, 4 * MIB_PAGES);
	CHECK_EQ(picture.nr_segments, 5);
	for (uint32_t i = 1; i < picture.nr_segments; i++) {
		CHECK(picture.segments[i].start_pfn >= picture.segments[i - 1].end_pfn);
		CHECK(picture.segments[i].end_pfn > picture.segments[i].start_pfn);
	}
}

static void every_page_has_a_cell(void)
{
	setup_picture();
	for (uint32_t i = 0; i < picture.nr_strips; i++) {
		const struct picture_strip *strip = &picture.strips[i];

		CHECK(strip->nr_cells * strip->pages_per_cell >= strip->nr_pages);
		CHECK((strip->nr_cells - 1) * strip->pages_per_cell < strip->nr_pages);
	}
	CHECK_EQ(picture_cell_of(&picture, &picture.strips[0], 0), 0);
	CHECK_EQ(picture_cell_of(&picture, &picture.strips[1], 0xcff),
		 picture.strips[1].nr_cells - 1);
	CHECK_EQ(picture_cell_of(&picture, &picture.strips[0], 0x900), UINT32_MAX);
	CHECK_EQ(picture_cell_of(&picture, &picture.strips[0], 0x450), UINT32_MAX); /* a device */
}

static uint32_t colour_of(const struct picture_strip *strip, pfn_t pfn)
{
	struct rect rect =
		picture_cell_rect(&picture, strip, picture_cell_of(&picture, strip, pfn));

	return pixels[rect.y * WIDTH + rect.x];
}

static void cells_have_the_colour_of_what_their_pages_are_for(void)
{
	setup_picture();
	for (uint32_t i = 0; i < picture.nr_strips; i++) /* large cells: 64 pages */
		picture.strips[i].pages_per_cell = 64;
	picture.strips[0].nr_cells = 32;
	picture.strips[1].nr_cells = 16;
	picture_update(&picture, pretended_use);
	picture_draw(&picture, &canvas);
	CHECK_EQ(colour_of(&picture.strips[0], 0x10), picture_use_rgb(USE_FIRMWARE));
	CHECK_EQ(colour_of(&picture.strips[0], 0x580), picture_use_rgb(USE_FIRMWARE));
	CHECK_EQ(colour_of(&picture.strips[0], 0x200), picture_use_rgb(USE_FREE_PENDING));
	CHECK_EQ(colour_of(&picture.strips[1], 0x910), picture_use_rgb(USE_SLAB));
	CHECK_EQ(colour_of(&picture.strips[1], 0xbff), picture_use_rgb(USE_SLAB));
	CHECK_EQ(picture.use[picture.strips[1].first_cell + 15], USE_FREE_LARGE);
}

static void no_two_uses_look_the_same(void)
{
	for (enum page_use a = 0; a < NR_PAGE_USES; a++) {
		CHECK(strlen(picture_use_name(a)) > 0);
		for (enum page_use b = 0; b < a; b++)
			CHECK(picture_use_rgb(a) != picture_use_rgb(b));
	}
}

/* ---- QR ---- */

static struct qr qr;

/* The code of "SLABSTICK" as another encoder's reader reads it (zbarimg): a bit a module. */
static void a_known_text_gives_the_known_code(void)
{
	static const uint32_t rows[21] = {
		0x1fce7f, 0x104741, 0x175a5d, 0x175a5d, 0x17595d, 0x105241, 0x1fd57f,
		0x001c00, 0x17c67c, 0x01a728, 0x1cc1c6, 0x1a0f8f, 0x195934, 0x001566,
		0x1fc6ce, 0x10582e, 0x175e05, 0x1753c4, 0x175d40, 0x104fdc, 0x1fd52e,
	};

	CHECK_EQ(qr_encode(&qr, "SLABSTICK", 9), STATUS_OK);
	CHECK_EQ(qr.size, 21);
	for (uint32_t y = 0; y < qr.size; y++) {
		uint32_t bits = 0;

		for (uint32_t x = 0; x < qr.size; x++)
			bits = bits << 1 | qr.is_dark[y][x];
		CHECK_EQ(bits, rows[y]);
	}
}

static void the_version_is_the_smallest_that_holds_the_text(void)
{
	static char text[QR_TEXT_BYTES + 1];

	memset(text, 'a', sizeof(text));
	CHECK_EQ(qr_encode(&qr, text, 0), STATUS_OK);
	CHECK_EQ(qr.size, 21);
	CHECK_EQ(qr_encode(&qr, text, 14), STATUS_OK); /* table 7: 14 bytes in version 1-M */
	CHECK_EQ(qr.size, 21);
	CHECK_EQ(qr_encode(&qr, text, 15), STATUS_OK);
	CHECK_EQ(qr.size, 25);
	CHECK_EQ(qr_encode(&qr, text, 213), STATUS_OK); /* 213 in 10-M: the length has 16 bits */
	CHECK_EQ(qr.size, 57);
	CHECK_EQ(qr_encode(&qr, text, 214), STATUS_OK);
	CHECK_EQ(qr.size, 61);
	CHECK_EQ(qr_encode(&qr, text, QR_TEXT_BYTES), STATUS_OK);
	CHECK_EQ(qr.size, QR_SIZE_MAX);
	CHECK_EQ(qr_encode(&qr, text, QR_TEXT_BYTES + 1), STATUS_BAD_LENGTH);
}

static const struct test_case cases[] = {
	{"parts lie on every screen and never overlap",
	 parts_lie_on_every_screen_and_never_overlap},
	{"text grows with the screen", text_grows_with_the_screen},
	{"cases are counted and failures keep their reasons",
	 cases_are_counted_and_failures_keep_their_reasons},
	{"text may come in any pieces", text_may_come_in_any_pieces},
	{"a line written over is the later one", a_line_written_over_is_the_later_one},
	{"very long lines and very many points do no harm",
	 very_long_lines_and_very_many_points_do_no_harm},
	{"the ledger is read", the_ledger_is_read},
	{"a panic is told when its backtrace is complete",
	 a_panic_is_told_when_its_backtrace_is_complete},
	{"a summary is cut where its place ends", a_summary_is_cut_where_its_place_ends},
	{"each node has its segments in order", each_node_has_its_segments_in_order},
	{"every page has a cell", every_page_has_a_cell},
	{"cells have the colour of what their pages are for",
	 cells_have_the_colour_of_what_their_pages_are_for},
	{"no two uses look the same", no_two_uses_look_the_same},
	{"a known text gives the known code", a_known_text_gives_the_known_code},
	{"the version is the smallest that holds the text",
	 the_version_is_the_smallest_that_holds_the_text},
};

TEST_SUITE(screen, cases);
