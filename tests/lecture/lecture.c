/* run=lecture: the chapters in order, or the one that lecture= names; back and forth by keys. */

#include "tests/lecture/lecture.h"

#include "efi/options.h"
#include "efi/screen/screen.h"
#include "efi/text.h"
#include "lib/align.h"
#include "lib/string.h"
#include "log.h"
#include "mm/event.h"
#include "mm/vmalloc.h"

#define NR_EVENT_SLOTS	4096u
#define MAX_KEPT	1024u
/* Of a chapter: what a figure shows. */
#define KEPT_OF_A_KIND	40u
#define KEPT_OF_A_ROW	200u
#define WORD_BYTES	16u
#define MAX_PLAYED	32u

static const struct chapter {
	const char *name;
	const char *title;
	void (*show)(void);
} chapters[] = {
	{ "xv6", "xv6 first: a free list in the pages", xv6_show },
	{ "mem_map", "Describing pages: mem_map[]", mem_map_show },
	{ "bitmap", "The simplest allocator: a bitmap", bitmap_show },
	{ "buddy", "Buddy", buddy_show },
	{ "slab", "Slab", slab_show },
	{ "kmalloc", "kmalloc", kmalloc_show },
	{ "numa", "NUMA", numa_show },
	{ "pglist_data", "Nodes: struct pglist_data", pglist_data_show },
	{ "zones", "Zones and free areas", zone_show },
	{ "kfree", "Recap: from address to cache; maps", kfree_show },
	{ "external", "External metadata", external_show },
	{ "compound", "Compound pages", compound_show },
	{ "vmalloc", "vmalloc", vmalloc_show },
};

#define NR_CHAPTERS	((unsigned)ARRAY_SIZE(chapters))

static struct mm_event ring[NR_EVENT_SLOTS];

/* Of all chapters, for who draws them afterwards: records between the slides would be noise. */
static struct mm_event kept[MAX_KEPT];
static unsigned nr_kept;

/* From 1; 0: no chapter has that name or number. */
static unsigned find_chapter(const char *word, const char **nearest)
{
	struct nearest_word search = { .word = word, .bytes = strlen(word) };
	const char *at = word;
	unsigned number = 0;

	for (; *at >= '0' && *at <= '9' && number <= NR_CHAPTERS; at++)
		number = number * 10 + (unsigned)(*at - '0');
	if (!*at && number >= 1 && number <= NR_CHAPTERS)
		return number;
	for (unsigned i = 0; i < NR_CHAPTERS; i++) {
		if (strcmp(word, chapters[i].name) == 0)
			return i + 1;
		text_try_word(&search, chapters[i].name);
	}
	*nearest = search.nearest;
	return 0;
}

static uint32_t wanted_pace(void)
{
	const char *pace = options_get("pace");

	if (!pace)
		return PACE_NONE;
	if (strcmp(pace, "key") == 0)
		return PACE_KEY;
	return (uint32_t)min_u64(options_number("pace", PACE_NONE), PACE_KEY - 1);
}

static unsigned nr_kept_of(enum mm_event_kind kind)
{
	return kind == MM_EVENT_SLAB_LISTED || kind == MM_EVENT_FALLBACK ? KEPT_OF_A_ROW :
		KEPT_OF_A_KIND;
}

static void keep_events(void)
{
	const uint64_t end = mm_events_count();
	unsigned nr_of_kind[NR_MM_EVENT_KINDS] = { 0 };
	struct mm_event event;

	for (uint64_t at = end > NR_EVENT_SLOTS ? end - NR_EVENT_SLOTS : 0; at < end; at++) {
		if (nr_kept == MAX_KEPT || !mm_event_get(at, &event) ||
		    nr_of_kind[event.kind]++ >= nr_kept_of(event.kind))
			continue;
		event.number = nr_kept;		/* each chapter counts from 0 */
		kept[nr_kept++] = event;
	}
}

/* What the allocators do is told while a chapter runs, unless somebody listens already. */
static enum lecture_move play(unsigned number)
{
	const struct chapter *chapter = &chapters[number - 1];
	const bool was_on = mm_events_wanted();

	log_fresh_line();
	log_raw("\n==== Slide %u. %s\n", number, chapter->title);
	stage_begin(number, chapter->name);
	if (!was_on)
		mm_events_start(ring, NR_EVENT_SLOTS);
	chapter->show();
	if (!was_on) {
		keep_events();
		mm_events_stop();
	}
	return stage_wanted();
}

/* What is played, as indices into chapters[] from 1; as often as the listener names one. */
static uint8_t playlist[MAX_PLAYED];

/* Plays @nr chapters, or those that the listener goes to. Returns how many were begun. */
static unsigned play_list(unsigned nr)
{
	unsigned at = 0, nr_begun = 0;

	while (at < nr) {
		enum lecture_move move = play(playlist[at]);

		nr_begun++;
		if (move == MOVE_QUIT)
			break;
		if (move != MOVE_BACK)
			at++;
		else if (at > 0)
			at--;
	}
	return nr_begun;
}

/* Adds the chapter called @word behind the @nr there are; false: none is called so. */
static bool add_chapter(const char *word, unsigned *nr)
{
	const char *nearest = NULL;
	unsigned number = find_chapter(word, &nearest);

	if (number == 0)
		options_add_fault("lecture", word, "no chapter is called that", nearest);
	else if (*nr < MAX_PLAYED)
		playlist[(*nr)++] = (uint8_t)number;
	return number != 0;
}

bool lecture_play(const char *word)
{
	unsigned nr = 0;
	bool is_ok = add_chapter(word, &nr);

	play_list(nr);
	return is_ok;
}

bool lecture_run(void)
{
	const char *at = options_get("lecture");
	char word[WORD_BYTES];
	unsigned nr = 0;
	bool is_ok = true;

	nr_kept = 0;
	stage_set_pace(wanted_pace());
	for (; !at && nr < NR_CHAPTERS; nr++)
		playlist[nr] = (uint8_t)(nr + 1);
	while (at && options_next_item(&at, word, sizeof(word)))
		is_ok &= add_chapter(word, &nr);
	screen_show_slides(NR_CHAPTERS);
	nr = play_list(nr);
	log_raw("\n==== End of the lecture: %u slide%s\n", nr, plural(nr));
	for (unsigned i = 0; i < nr_kept; i++)
		mm_event_print(&kept[i]);
	screen_show_slides(0);
	return is_ok;
}
