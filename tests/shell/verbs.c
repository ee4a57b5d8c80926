/*
 * The shell's verbs: memory by hand.
 *
 * Model
 *   What a verb takes is kept under a number until `free` gives it back, or the shell ends.
 *   While the shell runs events are kept, and those of a verb are shown behind it.
 *   What a user types wrong is told and changes nothing.
 */

#include "tests/shell/verbs.h"

#include "lib/string.h"
#include "log.h"
#include "mm/event.h"
#include "mm/init.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/vmalloc.h"
#include "tests/lecture/lecture.h"
#include "tests/live/stress.h"
#include "tests/shell/draw.h"
#include "tests/shell/words.h"
#include "tests/unit/slab/room.h"
#include "efi/shell.h"

#define NR_THINGS	64u
#define MAX_EVENTS	8u
#define MAX_FILL_BLOCKS	65536u
#define TEXT_BYTES	200u

enum thing_kind { THING_NONE, THING_PAGES, THING_OBJECT, THING_AREA, THING_CACHE };

static struct thing {
	enum thing_kind kind;
	unsigned order;
	void *at;		/* struct page, object, address, cache */
	struct kmem_cache *cache;	/* the object's, when it is not kmalloc's */
	char name[WORD_BYTES];
} things[NR_THINGS];

/* Blocks taken by `fill`, linked by their first words. */
static struct page *filled;

/* ---- Things ---- */

static struct thing *keep(enum thing_kind kind, void *at)
{
	if (!at) {
		log_raw("refused: no memory\n");
		return NULL;
	}
	for (unsigned i = 0; i < NR_THINGS; i++)
		if (things[i].kind == THING_NONE) {
			things[i] = (struct thing){ .kind = kind, .at = at };
			log_raw("%u: ", i + 1);
			return &things[i];
		}
	return NULL;
}

static bool has_room(void)
{
	for (unsigned i = 0; i < NR_THINGS; i++)
		if (things[i].kind == THING_NONE)
			return true;
	log_raw("refused: %u things are kept already; free some\n", NR_THINGS);
	return false;
}

static void release(struct thing *thing)
{
	switch (thing->kind) {
	case THING_PAGES:
		put_page(thing->at);
		break;
	case THING_OBJECT:
		if (thing->cache)
			kmem_cache_free(thing->cache, thing->at);
		else
			kfree(thing->at);
		break;
	case THING_AREA:
		vfree(thing->at);
		vmalloc_purge();
		break;
	case THING_CACHE:
		kmem_cache_destroy(thing->at);
		break;
	case THING_NONE:
		break;
	}
	thing->kind = THING_NONE;
}

/* Objects before the caches they are of. */
void shell_give_all(void)
{
	for (unsigned i = 0; i < NR_THINGS; i++)
		if (things[i].kind != THING_CACHE)
			release(&things[i]);
	for (unsigned i = 0; i < NR_THINGS; i++)
		release(&things[i]);
	while (filled) {
		struct page *next = filled->private[0];

		put_page(filled);
		filled = next;
	}
}

static struct kmem_cache *find_cache(const char *name)
{
	for (unsigned i = 0; i < NR_THINGS; i++)
		if (things[i].kind == THING_CACHE && strcmp(things[i].name, name) == 0)
			return things[i].at;
	return NULL;
}

static bool is_in_use(const struct kmem_cache *cache)
{
	for (unsigned i = 0; i < NR_THINGS; i++)
		if (things[i].kind == THING_OBJECT && things[i].cache == cache)
			return true;
	return false;
}

/* ---- Verbs ---- */

static void usage(const char *text)
{
	log_raw("usage: %s\n", text);
}

static void do_alloc(const struct words *words)
{
	uint64_t order, nid;
	struct thing *thing;

	if (!words_pair(words, "order", &order, 0) ||
	    !words_pair(words, "node", &nid, numa_node_id()))
		return usage("alloc order=2 node=1");
	if (order > MAX_ORDER) {
		log_raw("refused: the largest order is %u\n", MAX_ORDER);
		return;
	}
	if (nid >= nr_node_ids()) {
		log_raw("refused: nodes are 0 to %u\n", nr_node_ids() - 1);
		return;
	}
	if (!has_room())
		return;
	thing = keep(THING_PAGES, alloc_pages_node((unsigned)nid, GFP_KERNEL | __GFP_NOWARN,
						   (unsigned)order));
	if (thing)
		log_raw("frame 0x%llx, order %llu, node %u, at 0x%llx\n",
			(ull)page_to_pfn(thing->at), (ull)order, page_to_nid(thing->at),
			(ull)(uintptr_t)page_address(thing->at));
}

static void do_kmalloc(const struct words *words)
{
	struct thing *thing;
	uint64_t bytes;

	if (words->nr < 2 || !words_number(words->at[1], &bytes))
		return usage("kmalloc 100");
	if (bytes == 0 || bytes > KMALLOC_MAX_SIZE) {
		log_raw("refused: 1 to %llu bytes\n", (ull)KMALLOC_MAX_SIZE);
		return;
	}
	thing = has_room() ? keep(THING_OBJECT, kmalloc_any(bytes, GFP_KERNEL)) : NULL;
	if (thing)
		log_raw("0x%llx, %llu bytes usable\n", (ull)(uintptr_t)thing->at,
			(ull)ksize(thing->at));
}

static void do_vmalloc(const struct words *words)
{
	struct thing *thing;
	uint64_t bytes;

	if (words->nr < 2 || !words_number(words->at[1], &bytes) || bytes == 0)
		return usage("vmalloc 64K");
	thing = has_room() ? keep(THING_AREA, vmalloc(bytes)) : NULL;
	if (thing)
		log_raw("0x%llx, %llu pages\n", (ull)(uintptr_t)thing->at,
			(ull)bytes_to_pages(bytes));
}

static void cache_create(const struct words *words)
{
	struct thing *thing;
	uint64_t bytes;

	if (words->nr < 4 || !words_number(words->at[3], &bytes) || bytes == 0 ||
	    bytes > KMALLOC_MAX_SIZE)
		return usage("cache create NAME BYTES");
	if (find_cache(words->at[2])) {
		log_raw("refused: there is a cache of that name\n");
		return;
	}
	for (unsigned i = 0; i < NR_THINGS; i++) {
		thing = &things[i];
		if (thing->kind != THING_NONE)
			continue;
		memcpy(thing->name, words->at[2], sizeof(thing->name));
		thing->at = kmem_cache_create(thing->name, bytes, 0, 0, NULL);
		if (!thing->at)
			break;
		thing->kind = THING_CACHE;
		log_raw("%u: cache %s of %llu bytes\n", i + 1, thing->name, (ull)bytes);
		return;
	}
	log_raw("refused: no memory, or %u things are kept already\n", NR_THINGS);
}

static void cache_alloc(struct kmem_cache *cache)
{
	struct thing *thing = has_room() ?
		keep(THING_OBJECT, kmem_cache_alloc(cache, GFP_KERNEL)) : NULL;

	if (!thing)
		return;
	thing->cache = cache;
	log_raw("0x%llx of %s\n", (ull)(uintptr_t)thing->at, kmem_cache_name(cache));
}

static void do_cache(const struct words *words)
{
	struct kmem_cache *cache;

	if (words->nr >= 2 && strcmp(words->at[1], "create") == 0)
		return cache_create(words);
	if (words->nr != 3 || strcmp(words->at[1], "alloc") != 0)
		return usage("cache create NAME BYTES, cache alloc NAME");
	cache = find_cache(words->at[2]);
	if (!cache)
		log_raw("no cache made here is called \"%s\"\n", words->at[2]);
	else
		cache_alloc(cache);
}

static void do_free(const struct words *words)
{
	struct thing *thing;
	uint64_t number;

	if (words->nr == 2 && strcmp(words->at[1], "all") == 0) {
		shell_give_all();
		log_raw("all is given back\n");
		return;
	}
	if (words->nr < 2 || !words_number(words->at[1], &number))
		return usage("free NUMBER, free all");
	thing = number >= 1 && number <= NR_THINGS ? &things[number - 1] : NULL;
	if (!thing || thing->kind == THING_NONE)
		log_raw("nothing is kept under %s\n", words->at[1]);
	else if (thing->kind == THING_CACHE && is_in_use(thing->at))
		log_raw("refused: the cache has objects in use; free them first\n");
	else
		release(thing);
}

static bool take_address(const struct words *words, const char *text, uint64_t *va)
{
	if (words->nr >= 2 && words_number(words->at[1], va))
		return true;
	usage(text);
	return false;
}

static void do_walk(const struct words *words)
{
	uint64_t va;

	if (!take_address(words, "walk ADDRESS", &va))
		return;
	if ((int64_t)(va << 16) >> 16 != (int64_t)va)
		log_raw("refused: not canonical: bits 63 to 47 of an address are alike\n");
	else
		walk_show(va);
}

static void do_whatis(const struct words *words)
{
	char text[TEXT_BYTES];
	uint64_t va, pa;

	if (!take_address(words, "whatis ADDRESS", &va))
		return;
	if (va >= mm_port_vmalloc_start && va < mm_port_vmalloc_end) {
		vmalloc_describe(va, text, sizeof(text));
	} else if (va < mm_port_direct_map ||
		   (pa = virt_to_phys((void *)va)) >= pfn_to_pa(live.end_pfn)) {
		log_raw("0x%llx: no memory of the direct map or the vmalloc space\n", (ull)va);
		return;
	} else {
		page_whatis(pa_to_pfn(pa), text, sizeof(text));
		log_raw("%s\n", text);
		slab_describe((void *)va, text, sizeof(text));
	}
	log_raw("0x%llx: %s\n", (ull)va, text);
}

static void do_draw(const struct words *words)
{
	const bool has_name = words->nr > 2;

	if (words->nr < 2 || (has_name && strcmp(words->at[1], "slab") != 0) ||
	    !draw_what(words->at[1], has_name ? words->at[2] : "kmalloc-64"))
		usage("draw buddy, draw slab CACHE, draw node, draw vmalloc");
}

/* The largest blocks of a node, until it has none or the user has enough of it. */
static void do_fill(const struct words *words)
{
	uint64_t nid, nr_blocks = 0;

	if (!words_pair(words, "node", &nid, numa_node_id()) || nid >= nr_node_ids())
		return usage("fill node=0");
	while (nr_blocks < MAX_FILL_BLOCKS && !shell_is_interrupted()) {
		struct page *page = alloc_pages_node((unsigned)nid, GFP_NOWAIT | __GFP_NOWARN |
						     __GFP_THISNODE, MAX_ORDER);

		if (!page)
			break;
		page->private[0] = filled;
		filled = page;
		nr_blocks++;
	}
	log_raw("node %llu: %llu blocks of order %u taken; `free all` gives them back\n", (ull)nid,
		(ull)nr_blocks, MAX_ORDER);
}

/* In slices of a second, so that control-C ends it. */
static void do_stress(const struct words *words)
{
	struct stress_totals totals;
	uint64_t seconds = 1, done = 0;

	if (words->nr >= 2 && !words_number(words->at[1], &seconds))
		return usage("stress SECONDS");
	for (; done < seconds && !shell_is_interrupted(); done++)
		if (!stress_run(0, 1000, &totals))
			break;
	log_raw("stress: %llu of %llu s, %s\n", (ull)done, (ull)seconds,
		mm_verify_all() ? "every invariant holds" : "a rule is broken, see above");
}

static void do_slide(const struct words *words)
{
	if (words->nr < 2)
		return usage("slide NUMBER, slide NAME");
	stage_set_pace(PACE_NONE);
	lecture_play(words->at[1]);
}

static void do_events(const struct words *words)
{
	uint64_t nr = 20, end = mm_events_count();

	if (words->nr >= 2 && !words_number(words->at[1], &nr))
		return usage("events NUMBER");
	mm_events_print(end > nr ? end - nr : 0, end);
	log_raw("%llu events so far\n", (ull)end);
}

/* ---- Breaking rules ---- */

static void *listed_blocks(struct zone *zone)
{
	return &zone->free_area[MAX_ORDER].nr_free;
}

static void *pages_of_slabs(struct zone *zone)
{
	return &zone->nr_type_pages[PAGE_SLAB];
}

static void *pending_pages(struct zone *zone)
{
	return &zone->nr_pending_pages;
}

static void *isolated_pages(struct zone *zone)
{
	return &zone->nr_isolated_pages;
}

static void *boot_pages(struct zone *zone)
{
	return &zone->node->nr_taken_pages;
}

static void *kswapd_order(struct zone *zone)
{
	return &zone->node->kswapd_max_order;
}

static void *free_objects(struct zone *zone)
{
	(void)zone;
	for_each_cache(cache)
		for (unsigned nid = 0; nid < nr_node_ids(); nid++)
			if (cache_node_lookup(cache, nid))
				return &cache_node_lookup(cache, nid)->nr_free_objects;
	return NULL;
}

static void *caches(struct zone *zone)
{
	(void)zone;
	return &slab_system.nr_caches;
}

/* A count for each, which no rule before it in mm_verify_all() looks at. */
static const struct breakable {
	const char *rule, *what;
	void *(*count_of)(struct zone *zone);
} breakables[] = {
	{ "BUDDY-4", "blocks listed at the highest order", listed_blocks },
	{ "CACHE-1", "caches there are", caches },
	{ "PAGEBLOCK-1", "isolated pages", isolated_pages },
	{ "RECLAIM-2", "the order that kswapd is woken for", kswapd_order },
	{ "SLAB-4", "free objects of a cache's slabs", free_objects },
	{ "SYSTEM-2", "pages that boot took", boot_pages },
	{ "ZONE-2", "pages not brought up", pending_pages },
	{ "ZONE-7", "pages of slabs", pages_of_slabs },
};

static void list_rules(void)
{
	log_raw("usage: break RULE, one of");
	for (unsigned i = 0; i < ARRAY_SIZE(breakables); i++)
		log_raw(" %s", breakables[i].rule);
	log_raw("\n");
}

/* Makes a count wrong by one, lets the verifiers look, mends it. The machine is quiet. */
static void do_break(const struct words *words)
{
	const struct breakable *rule = NULL;
	struct zone *zone = NULL;
	uint8_t *count;

	for_each_populated_zone(at)
		zone = at;
	for (unsigned i = 0; words->nr >= 2 && i < ARRAY_SIZE(breakables); i++)
		if (strcmp(words->at[1], breakables[i].rule) == 0)
			rule = &breakables[i];
	count = rule && zone ? rule->count_of(zone) : NULL;
	if (!count)
		return list_rules();
	*count ^= 1;	/* of a little-endian integer, whatever its width */
	log_raw("%s, by node %u %s: wrong by one: %s\n", rule->what, zone->node->node_id,
		zone->name, mm_verify_all() ? "NOBODY NOTICED" : "the verifier has found it");
	*count ^= 1;
	log_raw("mended: %s\n", mm_verify_all() ? "every invariant holds" : "NOT ALL HOLDS");
}

/* ---- Words to verbs ---- */

const struct shell_verb shell_verbs[] = {
	{ "alloc", "order=N node=N" }, { "free", "NUMBER or all" }, { "kmalloc", "BYTES" },
	{ "cache", "create NAME BYTES, alloc NAME" }, { "vmalloc", "BYTES" },
	{ "walk", "ADDRESS" }, { "whatis", "ADDRESS" },
	{ "draw", "buddy, slab CACHE, node, vmalloc" }, { "fill", "node=N" },
	{ "stress", "SECONDS" }, { "slide", "NUMBER or NAME" }, { "events", "NUMBER" },
	{ "break", "RULE" },
};

const unsigned nr_shell_verbs = ARRAY_SIZE(shell_verbs);

/* What each does, and what it reads: so many plain words, and these keys. */
static const struct {
	void (*run)(const struct words *words);
	unsigned nr_words;
	const char *keys[2];
} actions[ARRAY_SIZE(shell_verbs)] = {
	{ do_alloc, 0, { "order", "node" } }, { do_free, 1, { NULL } }, { do_kmalloc, 1, { NULL } },
	{ do_cache, 3, { NULL } }, { do_vmalloc, 1, { NULL } }, { do_walk, 1, { NULL } },
	{ do_whatis, 1, { NULL } }, { do_draw, 2, { NULL } }, { do_fill, 0, { "node" } },
	{ do_stress, 1, { NULL } }, { do_slide, 1, { NULL } }, { do_events, 1, { NULL } },
	{ do_break, 1, { NULL } },
};

static bool is_pair_of(const char *word, const char *key)
{
	size_t bytes = key ? strlen(key) : 0;

	return key && strncmp(word, key, bytes) == 0 && word[bytes] == '=';
}

/* A word that nothing reads is a mistake of the user's: it is told, not passed over. */
static bool are_all_read(const struct words *words, unsigned verb)
{
	unsigned nr_plain = 0;

	for (unsigned i = 1; i < words->nr; i++) {
		const char *word = words->at[i];

		if (strstr(word, "=") ? is_pair_of(word, actions[verb].keys[0]) ||
					is_pair_of(word, actions[verb].keys[1])
				      : ++nr_plain <= actions[verb].nr_words)
			continue;
		log_raw("refused: %s has no use for \"%s\"; it takes %s\n", words->at[0], word,
			shell_verbs[verb].about);
		return false;
	}
	return true;
}

static void do_verb(const struct words *words, unsigned verb)
{
	uint64_t first = mm_events_count();

	if (!are_all_read(words, verb))
		return;
	actions[verb].run(words);
	if (mm_events_count() - first <= MAX_EVENTS)	/* more are a table: `events` */
		tell_events(first, MAX_EVENTS);
}

bool shell_do(const char *line)
{
	struct words words = { .nr = 0 };
	bool fits = words_split(&words, line);

	for (unsigned i = 0; i < nr_shell_verbs; i++) {
		if (strcmp(words.at[0], shell_verbs[i].name) != 0)
			continue;
		if (fits)
			do_verb(&words, i);
		else
			log_raw("refused: a line has up to %u words of up to %u letters\n",
				MAX_WORDS, WORD_BYTES - 1);
		return true;
	}
	return false;
}

/* ---- Options ---- */

const char *shell_boot_only(const char *key)
{
	static const struct {
		const char *key, *reason;
	} reasons[] = {
		{ "movablecore", "zones are made before the shell starts" },
		{ "debug", "caches are made before the shell starts" },
		{ "cpus", "CPUs are started before the shell is" },
		{ "seed", "it is given to the allocators when memory starts" },
		{ "fail_nth", "it counts from the start of the run" },
		{ "capture", "firmware is gone" },
		{ "loglevel", "it is set before the kernel starts" },
		{ "script", "the shell is running" },
		{ "run", "type `run ACTION`" },
		{ "show", "type `show TABLE`" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(reasons); i++)
		if (strcmp(reasons[i].key, key) == 0)
			return reasons[i].reason;
	return NULL;
}
