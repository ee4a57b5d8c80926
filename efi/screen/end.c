/*
 * The end of a run on the screen.
 *
 * Model
 *   A band with one word that a room can read, in a colour; beneath it, on the left,
 *   what an owner asks next: what failed and why, what the firmware gets wrong, what
 *   to do now; on the right a QR code that carries the same to a telephone.
 *
 *   Texts are written until the column is full. What matters most comes first, so that a
 *   small screen loses the least.
 *
 * Locking
 *   The canvas's; the code is static: one end at a time.
 */

#include "efi/screen/end.h"

#include "efi/screen/column.h"
#include "efi/screen/qr.h"
#include "lib/align.h"
#include "lib/string.h"
#include "log.h"

#include <stdarg.h>

#define TEXT_COLUMNS   100u
#define TEXT_ROWS      40u
#define BAND_PERCENT   26u
#define CODE_PERCENT   38u /* of the width, and of the height beneath the band */
#define LINE_BYTES     320u
#define CAPITAL_HEIGHT 7u /* dots */
#define RGB_PAPER      0xffffffu
#define RGB_PRINT      0x000000u

static struct qr code;

/* ---- Summaries ---- */

struct text {
	char *at;
	size_t size, used;
};

static void PRINTF(2, 3) add(struct text *text, const char *format, ...)
{
	size_t left = text->size - text->used;
	va_list args;
	int length;

	va_start(args, format);
	length = format_vtext(text->at + text->used, left, format, args);
	va_end(args);
	text->used += (size_t)min_u64((uint64_t)length, left - 1);
}

static void add_head(struct text *text, const struct screen_facts *facts, const char *word)
{
	add(text, "SLABSTICK %s %s\n%s\n%s\n", facts->version, word, facts->machine, facts->memory);
}

size_t end_summary(char *to, size_t size, const struct screen_facts *facts,
		   const struct progress *progress, const struct verdict_facts *verdict)
{
	struct text text = {to, size, 0};

	add_head(&text, facts, verdict->is_passed ? "PASS" : "FAIL");
	add(&text, "%u passed, %u failed, %u skipped, %llu s\n", progress->nr_passed,
	    progress->nr_failed, progress->nr_skipped, (unsigned long long)verdict->elapsed_s);
	if (progress->nr_failed > 0)
		add(&text, "first: %s: %s\n", progress->failures[0].name,
		    progress->failures[0].reason);
	if (verdict->reason)
		add(&text, "%s\n", verdict->reason);
	if (progress->nr_ledger > 0)
		add(&text, "ledger %s", progress->is_ledger_balanced ? "balances:" : "is off:");
	for (unsigned i = 0; i < progress->nr_ledger; i++)
		if (progress->ledger[i].nr_pages > 0)
			add(&text, " %s %llu;", progress->ledger[i].name,
			    (unsigned long long)progress->ledger[i].nr_pages);
	return text.used;
}

size_t end_panic_summary(char *to, size_t size, const struct screen_facts *facts,
			 const struct progress *progress)
{
	struct text text = {to, size, 0};

	add_head(&text, facts, "PANIC");
	add(&text, "%s\n%s\n", progress->panic, progress->panic_cpu);
	for (unsigned i = 0; i < progress->nr_frames; i++)
		add(&text, "%s\n", progress->frames[i]);
	return text.used;
}

/* ---- Parts ---- */

/*
 * @text as a code in the upper right of @area: whole pixels to a module, paper around it.
 * Returns the width that is used; 0 when the text is too long or the place too small.
 */
static uint32_t draw_code(const struct canvas *canvas, struct rect area, const char *text,
			  size_t bytes)
{
	uint32_t side, module, x, y;

	if (qr_encode(&code, text, min_u64(bytes, QR_TEXT_BYTES)) != STATUS_OK)
		return 0;
	side = code.size + 2 * QR_QUIET;
	module = (uint32_t)min_u64(area.width, area.height) / side;
	if (module == 0)
		return 0;
	x = area.x + area.width - side * module;
	y = area.y;
	canvas_fill(canvas, (struct rect){x, y, side * module, side * module}, RGB_PAPER);
	for (uint32_t v = 0; v < code.size; v++)
		for (uint32_t h = 0; h < code.size; h++)
			if (code.is_dark[v][h])
				canvas_fill(canvas,
					    (struct rect){x + (h + QR_QUIET) * module,
							  y + (v + QR_QUIET) * module, module,
							  module},
					    RGB_PRINT);
	return side * module;
}

/* One word as large as the band; behind it, in rows, what is to be said beside it. */
static void draw_band(const struct canvas *canvas, uint32_t scale, uint32_t rgb, const char *word,
		      const char *const rows[], unsigned nr_rows)
{
	struct rect band = {0, 0, canvas->width, canvas->height * BAND_PERCENT / 100};
	uint32_t margin = GLYPH_HEIGHT(scale), word_columns = (uint32_t)strlen(word);
	/* Capitals in the middle, and the whole cell within the band. */
	uint32_t room = band.height * CELL_HEIGHT / (2 * CELL_HEIGHT - CAPITAL_HEIGHT);
	uint32_t word_scale = layout_scale(band.width / 2, room, word_columns, 1);
	const struct ink big = {word_scale, RGB_TITLE, rgb};
	const struct ink first = {2 * scale, RGB_TITLE, rgb};
	const struct ink ink = {scale, RGB_TITLE, rgb};
	struct column column = {canvas, {0, 0, 0, 0}};
	uint32_t x;

	canvas_fill(canvas, band, rgb);
	x = canvas_text(canvas, margin, (band.height - CAPITAL_HEIGHT * word_scale) / 2, band.width,
			word, &big);
	column.rest = (struct rect){x + margin, margin, band.width - x - 2 * margin,
				    band.height - margin};
	for (unsigned i = 0; i < nr_rows; i++) {
		column_write(&column, rows[i], i == 0 ? &first : &ink, 0);
		column_gap(&column, scale);
	}
}

/* The area beneath the band: the code in its right part, the column in what remains. */
static struct column start_column(const struct canvas *canvas, uint32_t scale, const char *summary,
				  size_t summary_bytes)
{
	uint32_t margin = GLYPH_HEIGHT(scale), top = canvas->height * BAND_PERCENT / 100 + margin;
	struct rect area = {margin, top, canvas->width - 2 * margin, canvas->height - top - margin};
	struct rect right = area;
	struct column column = {canvas, area};
	uint32_t used;

	right.width = canvas->width * CODE_PERCENT / 100;
	right.x = area.x + area.width - right.width;
	used = draw_code(canvas, right, summary, summary_bytes);
	column.rest.width -= used ? used + margin : 0;
	return column;
}

/* ---- Verdict ---- */

static void write_failures(struct column *column, uint32_t scale, const struct progress *progress,
			   const struct verdict_facts *verdict)
{
	const struct ink bad = {scale, RGB_BAD, RGB_GROUND};
	const struct ink ink = {scale, RGB_TEXT, RGB_GROUND};
	unsigned nr_kept = progress->nr_failed < PROGRESS_FAILURES_MAX ? progress->nr_failed
								       : PROGRESS_FAILURES_MAX;
	char line[LINE_BYTES];

	if (verdict->reason)
		column_write(column, verdict->reason, &bad, 2);
	for (unsigned i = 0; i < nr_kept && column_rows(column, scale) > 12; i++) {
		format_text(line, sizeof(line), "%u. %s", i + 1, progress->failures[i].name);
		column_write(column, line, &bad, 3);
		if (progress->failures[i].reason[0]) {
			format_text(line, sizeof(line), "   %s", progress->failures[i].reason);
			column_write(column, line, &ink, 3);
		}
		nr_kept = i + 1 == nr_kept || column_rows(column, scale) > 12 ? nr_kept : i + 1;
	}
	if (progress->nr_failed > nr_kept) {
		format_text(line, sizeof(line), "   and %u more: see the log",
			    progress->nr_failed - nr_kept);
		column_write(column, line, &ink, 3);
	}
	column_gap(column, scale);
}

static void write_findings(struct column *column, uint32_t scale,
			   const struct verdict_facts *verdict)
{
	const struct ink title = {scale, RGB_TITLE, RGB_GROUND};
	const struct ink warn = {scale, RGB_WARN, RGB_GROUND};
	const struct ink faint = {scale, RGB_FAINT, RGB_GROUND};
	uint32_t nr_shown = 0;

	column_write(column, "What the firmware of this machine gets wrong:", &title, 0);
	for (int severity = SEVERITY_HIGH; severity > SEVERITY_INFO; severity--)
		for (uint32_t i = 0; i < verdict->nr_findings; i++)
			if ((int)verdict->findings[i].severity == severity &&
			    column_rows(column, scale) > 8) {
				column_write(column, verdict->findings[i].text,
					     severity > SEVERITY_LOW ? &warn : &faint, 2);
				nr_shown++;
			}
	if (nr_shown == 0)
		column_write(column, "nothing that was noticed", &faint, 0);
	column_gap(column, scale);
}

static void write_advice(struct column *column, uint32_t scale, const struct verdict_facts *verdict)
{
	const struct ink title = {scale, RGB_TITLE, RGB_GROUND};
	const struct ink ink = {scale, RGB_TEXT, RGB_GROUND};

	column_write(column, "What to do now:", &title, 0);
	if (verdict->is_passed)
		column_write(column,
			     "Nothing: memory management works on this machine. Take the stick "
			     "out and switch off. The code carries this result to a telephone.",
			     &ink, 0);
	else
		column_write(column,
			     "Photograph this screen, or read the code with a telephone, and send "
			     "it with the folder \\slabstick of the stick. Run once more: what "
			     "fails again "
			     "in the same place is a fault of the program; what fails elsewhere "
			     "each time "
			     "may be the memory itself.",
			     &ink, 0);
}

void end_draw_verdict(const struct canvas *canvas, const struct screen_facts *facts,
		      const struct progress *progress, const struct verdict_facts *verdict)
{
	uint32_t scale = layout_scale(canvas->width, canvas->height, TEXT_COLUMNS, TEXT_ROWS);
	char summary[QR_TEXT_BYTES + 1], counts[LINE_BYTES], time[LINE_BYTES];
	const char *rows[] = {counts, time, facts->machine, facts->memory};
	size_t bytes = end_summary(summary, sizeof(summary), facts, progress, verdict);
	struct column column;

	canvas_fill(canvas, (struct rect){0, 0, canvas->width, canvas->height}, RGB_GROUND);
	format_text(counts, sizeof(counts), "%u passed, %u failed, %u skipped",
		    progress->nr_passed, progress->nr_failed, progress->nr_skipped);
	format_text(time, sizeof(time), "in %llu s", (unsigned long long)verdict->elapsed_s);
	draw_band(canvas, scale, verdict->is_passed ? RGB_PASS_GROUND : RGB_FAIL_GROUND,
		  verdict->is_passed ? "PASS" : "FAIL", rows, ARRAY_SIZE(rows));
	column = start_column(canvas, scale, summary, bytes);
	if (!verdict->is_passed)
		write_failures(&column, scale, progress, verdict);
	write_findings(&column, scale, verdict);
	write_advice(&column, scale, verdict);
}

/* ---- Panic ---- */

void end_draw_panic(const struct canvas *canvas, const struct screen_facts *facts,
		    const struct progress *progress)
{
	uint32_t scale = layout_scale(canvas->width, canvas->height, TEXT_COLUMNS, TEXT_ROWS);
	const struct ink title = {scale, RGB_TITLE, RGB_PANIC_GROUND};
	const struct ink ink = {scale, 0xffd0d0, RGB_PANIC_GROUND};
	char summary[QR_TEXT_BYTES + 1], when[LINE_BYTES];
	size_t bytes = end_panic_summary(summary, sizeof(summary), facts, progress);
	const char *rows[] = {"The program stopped itself", when, facts->machine};
	struct column column;

	canvas_fill(canvas, (struct rect){0, 0, canvas->width, canvas->height}, RGB_PANIC_GROUND);
	format_text(when, sizeof(when), "%s%s%s", progress->panic_cpu,
		    progress->running.name[0] ? ", while testing " : "", progress->running.name);
	draw_band(canvas, scale, RGB_PRINT, "PANIC", rows, ARRAY_SIZE(rows));
	column = start_column(canvas, scale, summary, bytes);
	column_write(&column, "What happened:", &title, 0);
	column_write(&column, progress->panic, &ink, 2);
	column_gap(&column, scale);
	column_write(&column, "Where, the innermost function first:", &title, 0);
	for (unsigned i = 0; i < progress->nr_frames && column_rows(&column, scale) > 5; i++)
		column_write(&column, progress->frames[i], &ink, 4);
	column_gap(&column, scale);
	column_write(&column, "What to do now:", &title, 0);
	column_write(&column,
		     "Photograph this screen or read the code, switch the machine off, and send "
		     "what you have.",
		     &ink, 0);
}
