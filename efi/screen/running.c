/*
 * The screen while a run goes on.
 *
 * Model
 *   Each part is drawn whole whenever it is due: a row of text is padded with blanks to the
 *   width of its part, so that nothing of its former text stays and nothing flickers.
 *
 * Locking
 *   The canvas's.
 */

#include "efi/screen/running.h"

#include "lib/align.h"
#include "lib/string.h"
#include "log.h"

#define ROW_BYTES	256u
#define VERDICT_COLUMNS 22u

/* @text in row @row of @rect, blanks behind it. */
static void draw_row(const struct canvas *canvas, struct rect rect, uint32_t row, const char *text,
		     const struct ink *ink)
{
	uint32_t y = rect.y + row * GLYPH_HEIGHT(ink->scale);
	uint32_t end;

	if ((row + 1) * GLYPH_HEIGHT(ink->scale) > rect.height)
		return;
	end = canvas_text(canvas, rect.x, y, rect.width, text, ink);
	canvas_fill(canvas,
		    (struct rect){end, y, rect.x + rect.width - end, GLYPH_HEIGHT(ink->scale)},
		    ink->ground_rgb);
}

/* ---- Header ---- */

static void draw_verdict(const struct canvas *canvas, struct rect rect, uint32_t scale,
			 const struct progress *progress, uint64_t elapsed_s)
{
	bool is_bad = progress->nr_failed > 0;
	const struct ink big = {2 * scale,
				is_bad		       ? RGB_BAD
				: progress->nr_planned ? RGB_GOOD
						       : RGB_BUSY,
				RGB_PANEL};
	const struct ink small = {scale, RGB_TEXT, RGB_PANEL};
	char text[ROW_BYTES];

	if (is_bad)
		format_text(text, sizeof(text), "%u FAILED", progress->nr_failed);
	else
		format_text(text, sizeof(text), "%s",
			    progress->nr_planned ? "good so far" : "starting");
	draw_row(canvas, rect, 0, text, &big);
	format_text(text, sizeof(text), "%u passed  %u skipped  %llu:%02llu", progress->nr_passed,
		    progress->nr_skipped, (unsigned long long)elapsed_s / 60,
		    (unsigned long long)elapsed_s % 60);
	draw_row(canvas, rect, 2, text, &small);
}

void running_draw_header(const struct canvas *canvas, const struct layout *layout,
			 const struct screen_facts *facts, const struct progress *progress,
			 uint64_t elapsed_s)
{
	uint32_t scale = layout->scale, row = GLYPH_HEIGHT(scale);
	const struct ink title = {2 * scale, RGB_TITLE, RGB_PANEL};
	const struct ink small = {scale, RGB_TEXT, RGB_PANEL};
	const struct ink faint = {scale, RGB_FAINT, RGB_PANEL};
	uint32_t right_width = VERDICT_COLUMNS * 2 * GLYPH_WIDTH(scale) * 2 / 3;
	struct rect left = {layout->header.x + row, layout->header.y + row / 2,
			    layout->header.width - right_width - 2 * row,
			    layout->header.height - row};
	struct rect right = {left.x + left.width, left.y, right_width, left.height};
	char text[ROW_BYTES];

	format_text(text, sizeof(text), "Slabstick %s", facts->version);
	draw_row(canvas, left, 0, text, &title);
	draw_row(canvas, left, 2, facts->machine, &small);
	draw_row(canvas, left, 3, facts->memory, &faint);
	draw_verdict(canvas, right, scale, progress, elapsed_s);
}

/* ---- Tests ---- */

static void draw_bar(const struct canvas *canvas, struct rect rect, uint32_t scale, uint64_t done,
		     uint64_t all, bool is_bad)
{
	uint32_t height = GLYPH_HEIGHT(scale) / 2;
	uint32_t filled = all ? (uint32_t)(rect.width * min_u64(done, all) / all) : 0;
	uint32_t y = rect.y + GLYPH_HEIGHT(scale) + height / 2;

	canvas_fill(canvas, (struct rect){rect.x, y, filled, height}, is_bad ? RGB_BAD : RGB_GOOD);
	canvas_fill(canvas, (struct rect){rect.x + filled, y, rect.width - filled, height},
		    RGB_PANEL);
}

static void draw_suite(const struct canvas *canvas, struct rect rect, uint32_t row, uint32_t scale,
		       const struct progress_suite *suite)
{
	const struct ink good = {scale, RGB_GOOD, RGB_GROUND};
	const struct ink bad = {scale, RGB_BAD, RGB_GROUND};
	char text[ROW_BYTES];

	if (suite->is_ok)
		format_text(text, sizeof(text), " ok      %-18s %3u", suite->name, suite->nr_cases);
	else
		format_text(text, sizeof(text), " FAILED  %-18s %3u of %u", suite->name,
			    suite->nr_failed, suite->nr_cases);
	draw_row(canvas, rect, row, text, suite->is_ok ? &good : &bad);
}

void running_draw_tests(const struct canvas *canvas, const struct layout *layout,
			const struct progress *progress)
{
	const struct ink ink = {layout->scale, RGB_TEXT, RGB_GROUND};
	const struct ink busy = {layout->scale, RGB_BUSY, RGB_GROUND};
	uint32_t nr_rows = layout->tests.height / GLYPH_HEIGHT(layout->scale), row = 4;
	char text[ROW_BYTES], name[PROGRESS_NAME_BYTES];

	format_text(text, sizeof(text), "%u of %u suites", progress->nr_suites,
		    progress->nr_planned);
	draw_row(canvas, layout->tests, 0, text, &ink);
	draw_bar(canvas, layout->tests, layout->scale, progress->nr_suites, progress->nr_planned,
		 progress->nr_failed > 0);
	if (progress->running.name[0])
		format_text(text, sizeof(text), " now     %-18s %3u of %u", progress->running.name,
			    progress->running.nr_cases, progress->nr_planned_cases);
	else
		text[0] = '\0';
	draw_row(canvas, layout->tests, 2, text, &busy);
	if (!progress_running_case(progress, name, sizeof(name)))
		format_text(name, sizeof(name), "%s", progress->last_case);
	format_text(text, sizeof(text), "         %s", name);
	draw_row(canvas, layout->tests, 3, text, &busy);
	for (unsigned i = progress->nr_suites; i > 0 && row < nr_rows; i--)
		if (i <= PROGRESS_SUITES_MAX)
			draw_suite(canvas, layout->tests, row++, layout->scale,
				   &progress->suites[i - 1]);
}
