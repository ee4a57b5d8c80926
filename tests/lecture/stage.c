/* Text, questions, pauses and exercises of the lecture. */

#include "tests/lecture/stage.h"

#include "arch.h"
#include "efi/screen/screen.h"
#include "efi/shell.h"
#include "lib/string.h"
#include "log.h"
#include "mm/event.h"
#include "mm/page.h"

#define LINE_BYTES	200u
#define POLL_US		1000u
#define NS_PER_S	1000000000ull
#define IDLE_SECONDS	600u	/* nobody watches: it goes on by itself */
#define ANSWER_BYTES	24u

static struct {
	uint32_t pace;
	unsigned number, nr_exercises, nr_steps;
	const char *name;
	enum lecture_move wanted;
	bool is_pause_due;	/* of a step: what it draws comes before it */
} stage;

void stage_set_pace(uint32_t pace)
{
	stage.pace = pace;
}

void stage_begin(unsigned number, const char *name)
{
	stage.number = number;
	stage.name = name;
	stage.nr_exercises = 0;
	stage.nr_steps = 0;
	stage.wanted = MOVE_ON;
	stage.is_pause_due = false;
}

static bool is_silent(void)
{
	return stage.wanted != MOVE_ON;
}

static void say_with(const char *head, const char *format, va_list args)
{
	char line[LINE_BYTES];

	if (is_silent())
		return;
	format_vtext(line, sizeof(line), format, args);
	log_raw("%s%s\n", head, line);
}

#define SAY_WITH(head, format) do {		\
	va_list args;				\
						\
	va_start(args, format);			\
	say_with(head, format, args);		\
	va_end(args);				\
} while (0)

/* ---- Keys ---- */

/* By the clock: what a poll costs depends on the screen, and on who else uses the host. */
static int wait_for_key(uint32_t seconds)
{
	uint64_t end_ns = arch_now_ns() + seconds * NS_PER_S;

	do {
		int byte = shell_poll_byte();

		if (byte >= 0)
			return byte;
		screen_refresh();
		arch_delay_us(POLL_US);
	} while (arch_now_ns() < end_ns);
	return -1;
}

/* The cursor keys are three bytes: ESC [ C is on, ESC [ D back. */
static int final_of_escape(void)
{
	return wait_for_key(1) == '[' ? wait_for_key(1) : -1;
}

static enum lecture_move move_of(int byte)
{
	if (byte == '\x1b')
		byte = final_of_escape();
	switch (byte) {
	case 'n':
		return MOVE_NEXT;
	case 'p': case 'b': case 'D':
		return MOVE_BACK;
	case 'q': case '\x03':
		return MOVE_QUIT;
	default:
		return MOVE_ON;
	}
}

static uint32_t pause_seconds(void)
{
	return stage.pace == PACE_KEY ? IDLE_SECONDS : stage.pace;
}

static void pause_here(void)
{
	if (is_silent() || stage.pace == PACE_NONE)
		return;
	if (stage.pace == PACE_KEY)
		log_raw("   [Enter: on, n: next chapter, p: back, q: end] ");
	stage.wanted = move_of(wait_for_key(pause_seconds()));
	if (stage.pace == PACE_KEY)
		log_raw("\n");
}

static void end_step(void)
{
	if (stage.is_pause_due)
		pause_here();
	stage.is_pause_due = false;
}

enum lecture_move stage_wanted(void)
{
	end_step();
	return stage.wanted;
}

/* ---- Text ---- */

const char *plural(uint64_t nr)
{
	return nr == 1 ? "" : "s";
}

void say(const char *format, ...)
{
	SAY_WITH("", format);
}

void claim(const char *format, ...)
{
	SAY_WITH("Claim: ", format);
}

void predict(const char *format, ...)
{
	end_step();
	SAY_WITH("Predict: ", format);
	pause_here();
}

void reveal(const char *format, ...)
{
	end_step();
	SAY_WITH("So it is: ", format);
}

void step(const char *format, ...)
{
	char head[16];

	end_step();
	format_text(head, sizeof(head), "  step %u. ", ++stage.nr_steps);
	SAY_WITH(head, format);
	stage.is_pause_due = true;
}

void wrong(const char *format, ...)
{
	end_step();
	SAY_WITH("What is wrong with it? ", format);
}

/* ---- Exercises ---- */

static bool parse(const char *text, uint64_t *value)
{
	unsigned base = text[0] == '0' && text[1] == 'x' ? 16 : 10;

	*value = 0;
	for (text += base == 16 ? 2 : 0; *text; text++) {
		unsigned digit = (unsigned)*text - '0';

		if (digit > 9)
			digit = ((unsigned)*text | 0x20) - 'a' + 10;
		if (digit >= base)
			return false;
		*value = *value * base + digit;
	}
	return true;
}

/* Only who reads at their own pace types. */
static void ask(uint64_t answer)
{
	char line[ANSWER_BYTES];
	uint64_t value;

	if (!shell_read_line("   your answer (Enter: show it): ", line, sizeof(line)))
		stage.wanted = MOVE_QUIT;
	else if (line[0] && parse(line, &value))
		say("   %s", value == answer ? "Right." : "Not so.");
	else if (line[0] && !line[1])
		stage.wanted = move_of(line[0]);
}

static void tell_answer(uint64_t answer, const char *unit)
{
	size_t length = strlen(unit);

	if (answer == 1 && length && unit[length - 1] == 's')
		length--;
	say("   Answer: %llu%s%.*s", (ull)answer, length ? " " : "", (int)length, unit);
	log_raw("@exercise chapter=%s number=%u answer=%llu\n", stage.name, stage.nr_exercises,
		(ull)answer);
}

void exercise(uint64_t answer, const char *unit, const char *format, ...)
{
	char head[24];

	end_step();
	if (is_silent())
		return;
	format_text(head, sizeof(head), "Exercise %u.%u: ", stage.number, ++stage.nr_exercises);
	SAY_WITH(head, format);
	if (stage.pace == PACE_KEY)
		ask(answer);
	else
		pause_here();
	if (!is_silent())
		tell_answer(answer, unit);
}

/* ---- Events in words ---- */

static void tell_event(const struct mm_event *event)
{
	const char *name = event->name[0] ? event->name : "";
	ull at = event->at, pfn = event->at >> PAGE_SHIFT, nr = event->nr;
	static const char *const lists[] = { "full", "partial", "free" };

	switch ((enum mm_event_kind)event->kind) {
	case MM_EVENT_SPLIT:
		say("    split    frame 0x%llx: order %u down to %u  (node %u %s)", pfn,
		    event->order,
		    event->to, event->nid, name);
		break;
	case MM_EVENT_MERGE:
		say("    merge    frame 0x%llx: two of order %u are one of %u  (node %u %s)", pfn,
		    event->order, event->to, event->nid, name);
		break;
	case MM_EVENT_STEAL:
		say("    steal    frame 0x%llx: %llu pages from type %u to type %u", pfn, nr,
		    event->order, event->to);
		break;
	case MM_EVENT_REFILL:
	case MM_EVENT_DRAIN:
		say("    %-8s %llu blocks of order %u %s CPU %u  (node %u %s)",
		    mm_event_kind_name(event->kind), nr, event->order,
		    event->kind == MM_EVENT_REFILL ? "to" : "from", event->cpu, event->nid, name);
		break;
	case MM_EVENT_FALLBACK:
		say("    fallback a request for node %llu is served by node %u %s", nr, event->nid,
		    name);
		break;
	case MM_EVENT_GROW:
		say("    grow     %llu pages from frame 0x%llx on are brought up  (node %u %s)", nr,
		    pfn, event->nid, name);
		break;
	case MM_EVENT_KSWAPD:
		say("    kswapd   of node %u is woken for order %u", event->nid, event->order);
		break;
	case MM_EVENT_TYPE:
		say("    type     frame 0x%llx is \"%s\" now", pfn, name);
		break;
	case MM_EVENT_SLAB_MADE:
		say("    slab     of %s: %llu objects from 0x%llx on, colour %u", name, nr, at,
		    event->to);
		break;
	case MM_EVENT_SLAB_GONE:
		say("    slab     of %s at 0x%llx is pages again", name, at);
		break;
	case MM_EVENT_SLAB_LISTED:
		say("    slab     of %s at 0x%llx: %llu free, goes to list \"%s\"", name, at, nr,
		    lists[event->to]);
		break;
	case MM_EVENT_AREA_MAPPED:
	case MM_EVENT_AREA_FREED:
		say("    area     0x%llx, %llu pages: %s", at, nr,
		    event->kind == MM_EVENT_AREA_MAPPED ? "mapped" : "unmapped and flushed");
		break;
	case NR_MM_EVENT_KINDS:
		break;
	}
}

uint64_t tell_events_of(uint64_t from, unsigned max, unsigned kinds)
{
	uint64_t end = mm_events_count(), nr = 0;
	struct mm_event event;

	for (uint64_t at = from; at < end; at++)
		if (mm_event_get(at, &event) && (kinds >> event.kind & 1) && nr++ < max)
			tell_event(&event);
	if (nr > max)
		say("    ... and %llu more", (ull)(nr - max));
	return nr;
}

uint64_t tell_events(uint64_t from, unsigned max)
{
	return tell_events_of(from, max, UINT32_MAX);
}

/* ---- Drawing and measuring ---- */

void draw_bar(char *text, unsigned width, uint64_t filled, uint64_t all)
{
	unsigned nr = all ? (unsigned)(filled * width / all) : 0;

	for (unsigned i = 0; i < width; i++)
		text[i] = i < nr || (i == 0 && filled) ? '#' : '.';
	text[width] = '\0';
}

uint64_t count_instructions(void (*work)(void *), void *arg)
{
	uint64_t first = arch_count_instructions(work, arg);
	uint64_t second = arch_count_instructions(work, arg);

	return first < second ? first : second;
}
