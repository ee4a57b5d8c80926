/*
 * The screen of a run: which parts are there, and when each is drawn.
 *
 * Model
 *   The log is the only source of what happens: the pane shows its last lines, progress
 *   reads it. Text may come faster than a screen can be drawn, so what came is
 *   remembered and drawn when it is due: every DRAW_PERIOD_NS; before memory is there,
 *   when lines are few and a machine may stop at any of them, at once. Who waits for a
 *   human calls screen_refresh().
 *
 *   While slides are shown there is nothing else: they are read from the log, too.
 *
 *   The picture of memory takes as long as there are blocks of memory. It is due when
 *   PICTURE_SHARE times as long as the last one took has passed.
 *
 * Locking
 *   screen_write() runs under the log's lock. The others run on the CPU that leads
 *   the run, which is also the one that writes most of the log; a line of another CPU in
 *   between spoils a few cells until the next time.
 */

#include "efi/screen/screen.h"

#include "efi/screen/layout.h"
#include "efi/screen/pane.h"
#include "efi/screen/slide.h"
#include "lib/align.h"
#include "lib/string.h"

#define NS_PER_S       1000000000ull
#define DRAW_PERIOD_NS 100000000ull
#define PICTURE_SHARE  20u

enum screen_mode { SCREEN_OFF, SCREEN_RUNS, SCREEN_ENDED };

static struct {
	enum screen_mode mode;
	bool has_picture, has_slides;
	struct canvas canvas;
	struct layout layout;
	struct screen_facts facts;
	struct progress progress;
	struct picture picture;
	struct pane log;
	struct slide slide;
	picture_page_use *use_of;
	uint64_t (*now_ns)(void);
	uint64_t started_ns, due_ns, picture_due_ns, spent_ns;
} screen;

static uint64_t now_ns(void)
{
	return screen.now_ns ? screen.now_ns() : 0;
}

static uint64_t elapsed_s(void)
{
	return (now_ns() - screen.started_ns) / NS_PER_S;
}

/* ---- Parts ---- */

/* Until there is a picture, the log has its place too. */
static struct rect log_rect(void)
{
	const struct layout *layout = &screen.layout;
	struct rect rect = layout->log;

	if (screen.has_picture)
		return rect;
	return (struct rect){layout->map.x, layout->map.y, layout->map.width,
			     rect.y + rect.height - layout->map.y};
}

static void draw_parts(void)
{
	if (screen.has_slides)
		return slide_draw(&screen.slide);
	running_draw_header(&screen.canvas, &screen.layout, &screen.facts, &screen.progress,
			    elapsed_s());
	if (screen.has_picture)
		running_draw_tests(&screen.canvas, &screen.layout, &screen.progress);
	pane_draw(&screen.log);
}

static void draw_picture(void)
{
	uint64_t started = now_ns();

	if (!screen.has_picture || screen.has_slides)
		return;
	picture_update(&screen.picture, screen.use_of);
	picture_draw(&screen.picture, &screen.canvas);
	screen.picture_due_ns = started + PICTURE_SHARE * (now_ns() - started) + DRAW_PERIOD_NS;
}

static bool is_due(void)
{
	return !screen.now_ns || now_ns() >= screen.due_ns;
}

static void draw_if_due(void)
{
	uint64_t started = now_ns();

	if (!is_due())
		return;
	draw_parts();
	screen.due_ns = started + DRAW_PERIOD_NS;
	screen.spent_ns += now_ns() - started;
}

/* ---- Start ---- */

enum status screen_init(const struct framebuffer_info *info, void *pixels, uint64_t (*clock)(void))
{
	const struct ink ink = {0, RGB_TEXT, RGB_GROUND};
	enum status status;

	screen.mode = SCREEN_OFF;
	status = canvas_init(&screen.canvas, info, pixels);
	if (status != STATUS_OK)
		return status;
	screen.now_ns = clock;
	screen.started_ns = now_ns();
	screen.due_ns = 0;
	screen.has_picture = screen.has_slides = false;
	layout_make(&screen.layout, screen.canvas.width, screen.canvas.height);
	canvas_fill(&screen.canvas, (struct rect){0, 0, screen.canvas.width, screen.canvas.height},
		    RGB_GROUND);
	canvas_fill(&screen.canvas, screen.layout.header, RGB_PANEL);
	progress_init(&screen.progress);
	pane_init(&screen.log, &screen.canvas, log_rect(),
		  (struct ink){screen.layout.scale, ink.rgb, ink.ground_rgb});
	screen.mode = SCREEN_RUNS;
	draw_parts();
	return STATUS_OK;
}

void screen_set_facts(const struct screen_facts *facts)
{
	screen.facts = *facts;
}

/* The places of all parts but the header, those that have changed since drawn anew. */
static void lay_out_parts(void)
{
	const struct ink ink = {screen.layout.scale, RGB_TEXT, RGB_GROUND};

	canvas_fill(
		&screen.canvas,
		(struct rect){0, screen.layout.map.y, screen.canvas.width, screen.canvas.height},
		RGB_GROUND);
	if (!screen.has_picture)
		return pane_move(&screen.log, log_rect(), ink);
	picture_place(&screen.picture, &screen.canvas, screen.layout.map, screen.layout.scale);
	picture_draw_legend(&screen.canvas, screen.layout.legend, screen.layout.scale);
	pane_move(&screen.log, log_rect(), ink);
}

void screen_show_memory(const struct boot_info *info, const struct topology *topology,
			picture_page_use *use_of)
{
	if (screen.mode != SCREEN_RUNS)
		return;
	screen.use_of = use_of;
	screen.has_picture = true;
	picture_init(&screen.picture, info, topology);
	lay_out_parts();
	screen_refresh_now();
}

void screen_show_slides(unsigned nr_slides)
{
	if (screen.mode != SCREEN_RUNS)
		return;
	screen.has_slides = nr_slides > 0;
	if (screen.has_slides) {
		slide_init(&screen.slide, &screen.canvas, nr_slides);
		return;
	}
	canvas_fill(&screen.canvas, screen.layout.header, RGB_PANEL);
	lay_out_parts();
	screen_refresh_now();
}

/* ---- While it runs ---- */

void screen_write(const char *text, size_t bytes)
{
	bool is_changed;

	if (screen.mode != SCREEN_RUNS)
		return;
	pane_write(&screen.log, text, bytes);
	if (screen.has_slides)
		slide_write(&screen.slide, text, bytes);
	is_changed = progress_read(&screen.progress, text, bytes);
	if (is_changed && screen.progress.is_panic_told)
		screen_show_panic();
	else if (screen.progress.nr_planned == 0 && !screen.has_picture)
		pane_draw(&screen.log);
	else
		draw_if_due();
}

void screen_refresh(void)
{
	if (screen.mode != SCREEN_RUNS)
		return;
	if (!screen.now_ns || now_ns() >= screen.picture_due_ns) {
		uint64_t started = now_ns();

		draw_picture();
		screen.spent_ns += now_ns() - started;
	}
	draw_if_due();
}

void screen_refresh_now(void)
{
	screen.due_ns = 0;
	screen.picture_due_ns = 0;
	screen_refresh();
}

/* ---- The end ---- */

void screen_show_verdict(const struct verdict_facts *verdict)
{
	struct verdict_facts timed = *verdict;

	if (screen.mode != SCREEN_RUNS)
		return;
	screen.mode = SCREEN_ENDED;
	timed.elapsed_s = elapsed_s();
	end_draw_verdict(&screen.canvas, &screen.facts, &screen.progress, &timed);
}

void screen_show_panic(void)
{
	if (screen.mode != SCREEN_RUNS)
		return;
	screen.mode = SCREEN_ENDED;
	end_draw_panic(&screen.canvas, &screen.facts, &screen.progress);
}

/* ---- For tests ---- */

const struct canvas *screen_canvas(void)
{
	return screen.mode == SCREEN_OFF ? NULL : &screen.canvas;
}

const struct picture *screen_picture(void)
{
	return screen.mode == SCREEN_RUNS && screen.has_picture ? &screen.picture : NULL;
}

const struct progress *screen_progress(void)
{
	return &screen.progress;
}

uint64_t screen_spent_ns(void)
{
	return screen.spent_ns;
}
