/* Chapter 6: sizes in a table. */

#include "lib/align.h"
#include "log.h"
#include "mm/event.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "tests/lecture/lecture.h"
#include "tests/unit/slab/room.h"

#define BAR_WIDTH	20u
#define OBJECT_WIDTH	56u
#define AROUND		2u	/* caches of the table that are drawn on either side of one */
#define NR_TRIED	5u
#define SAMPLE_BYTES	100u
#define FILLED_BYTES	700u
#define NR_MADE		3u
#define MAX_FILLED	512u
#define ENTRY_BYTES	3u

/* Every cache of the table: what its slabs lose, and what the worst request loses in it. */
static void show_table(void)
{
	say("  cache   objects  pages  bytes lost a slab  worst request    lost of it        "
	    "in use now");
	for (unsigned i = 0; i < NR_KMALLOC_CLASSES; i++) {
		struct kmem_cache *cache = kmalloc_caches[KMALLOC_NORMAL][i];
		uint64_t bytes = kmalloc_class_bytes(i);
		uint64_t worst = i ? kmalloc_class_bytes(i - 1) + 1 : 1;
		char bar[BAR_WIDTH + 1];

		draw_bar(bar, BAR_WIDTH, bytes - worst, bytes);
		say("  %5llu %8u %6llu %13llu %16llu    |%s| %2llu %% %8llu", (ull)bytes,
		    cache->layout.nr_objects, (ull)pages_in(cache->layout.order),
		    (ull)slab_layout_waste(&cache->layout), (ull)worst, bar,
		    (ull)((bytes - worst) * 100 / bytes), (ull)slab_usage(cache).nr_active);
	}
}

static uint64_t power_of_two_for(uint64_t bytes)
{
	uint64_t power = 32;

	while (power < bytes)
		power *= 2;
	return power;
}

/* ---- From a size to an object ---- */

static const char *normal_name(unsigned class)
{
	return kmem_cache_name(kmalloc_caches[KMALLOC_NORMAL][class]);
}

/* An object of @usable bytes, to scale with one of @widest: what was asked for, and the rest. */
static void draw_object(const char *head, uint64_t asked, uint64_t usable, uint64_t widest)
{
	unsigned width = (unsigned)max_u64(1, usable * OBJECT_WIDTH / widest);
	char bar[OBJECT_WIDTH + 1];

	draw_bar(bar, width, min_u64(asked, usable), usable);
	say("    %-24s |%s|", head, bar);
}

/* The table around the class that serves @bytes: too small, right, larger than need be. */
static void draw_table_around(unsigned class, uint64_t bytes)
{
	const unsigned first = class < AROUND ? 0 : class - AROUND;
	const unsigned last = (unsigned)min_u64(class + AROUND, NR_KMALLOC_CLASSES - 1);

	for (unsigned i = first; i <= last; i++) {
		char head[40];

		format_text(head, sizeof(head), "%s[%2u] %s", i == class ? "->" : "  ", i,
			    normal_name(i));
		draw_object(head, bytes, kmalloc_class_bytes(i), kmalloc_class_bytes(last));
	}
}

/* Where in its slab the object of @bytes lies that is given now. */
static void show_object(uint64_t bytes)
{
	char *object = kmalloc(bytes, GFP_KERNEL | __GFP_NO_GUARD);
	struct kmem_cache *cache;
	struct slab *slab;

	if (!object)
		return;
	cache = page_cache(virt_to_page(object));
	slab = page_slab(virt_to_page(object));
	step("it gives 0x%llx: object %u of %u in the slab at 0x%llx, %llu bytes usable",
	     (ull)(uintptr_t)object, (unsigned)slab_index(cache, slab, object),
	     cache->layout.nr_objects,
	     (ull)(uintptr_t)slab_start(cache, slab), (ull)ksize(object));
	draw_object("asked for #, rest .", bytes, ksize(object), ksize(object));
	kfree(object);
}

static void show_way(uint64_t bytes)
{
	const unsigned class = kmalloc_class(bytes);
	struct kmem_cache *cache = kmalloc_caches[KMALLOC_NORMAL][class];

	say("kmalloc_caches[] at 0x%llx: %u caches here, from 64 on three sizes between two powers "
	    "of two.",
	    (ull)(uintptr_t)kmalloc_caches[KMALLOC_NORMAL], NR_KMALLOC_CLASSES);
	predict("the slide's table has 32, 64, 128, ...: how many bytes does a request for %llu "
		"get there? And here?", (ull)bytes);
	step("(%llu + 7) / 8 = %llu: entry of a table of bytes, which holds the class: %u",
	     (ull)bytes, (ull)(bytes + 7) / 8, class);
	step("kmalloc_caches[%u] = 0x%llx: struct kmem_cache of %s", class,
	     (ull)(uintptr_t)cache, kmem_cache_name(cache));
	draw_table_around(class, bytes);
	show_object(bytes);
	reveal("%llu there, %llu here.", (ull)power_of_two_for(bytes),
	       (ull)kmalloc_size_roundup(bytes));
}

static void show_requests(void)
{
	static const uint64_t sizes[NR_TRIED] = { 1, 33, 1000, 4096, 9000 };

	say("Others, asked live:");
	for (unsigned i = 0; i < NR_TRIED; i++) {
		void *object = kmalloc(sizes[i], GFP_KERNEL | __GFP_NO_GUARD);
		char head[40];

		step("kmalloc(%4llu) at 0x%llx: %5llu usable bytes; powers of two alone would "
		     "give %5llu",
		     (ull)sizes[i], (ull)(uintptr_t)object, (ull)ksize(object),
		     (ull)power_of_two_for(sizes[i]));
		format_text(head, sizeof(head), "%llu lost", (ull)(ksize(object) - sizes[i]));
		draw_object(head, sizes[i], ksize(object), ksize(object));
		kfree(object);
	}
}

/* ---- A cache of the table that needs a slab ---- */

static uint64_t slabs_made_since(uint64_t from)
{
	struct mm_event event;
	uint64_t nr = 0;

	for (uint64_t at = from; at < mm_events_count(); at++)
		nr += mm_event_get(at, &event) && event.kind == MM_EVENT_SLAB_MADE;
	return nr;
}

static void draw_usage(struct kmem_cache *cache)
{
	const struct slab_usage usage = slab_usage(cache);
	char bar[OBJECT_WIDTH + 1];

	draw_bar(bar, OBJECT_WIDTH, usage.nr_active, usage.nr_objects);
	say("    %2llu slab%s, %3llu of %3llu in use |%s|", (ull)usage.nr_slabs,
	    plural(usage.nr_slabs), (ull)usage.nr_active, (ull)usage.nr_objects, bar);
}

/* Asks @cache for @bytes until it has made NR_MADE slabs; returns for how many objects. */
static unsigned fill(struct kmem_cache *cache, uint64_t bytes, void **objects)
{
	uint64_t first = mm_events_count();
	unsigned nr = 0, nr_made = 0;

	while (nr < MAX_FILLED && nr_made < NR_MADE &&
	       (objects[nr] = kmalloc(bytes, GFP_KERNEL | __GFP_NO_GUARD))) {
		nr++;
		if (slabs_made_since(first) == 0)
			continue;
		step("request %u finds no free object: a slab is made of pages of the buddy's", nr);
		tell_events_of(first, 2, 1u << MM_EVENT_SLAB_MADE | 1u << MM_EVENT_TYPE);
		draw_usage(cache);
		first = mm_events_count();
		nr_made++;
	}
	return nr;
}

/* A cache of the table makes slabs as it needs them; all is given back. */
static void show_filling(uint64_t bytes)
{
	struct kmem_cache *cache = kmalloc_caches[KMALLOC_NORMAL][kmalloc_class(bytes)];
	const struct slab_usage before = slab_usage(cache);
	void **objects = kmalloc(MAX_FILLED * sizeof(*objects), GFP_KERNEL);
	unsigned nr;

	if (!objects)
		return;
	predict("%s has %llu slab%s, %u objects in each, %llu in use. How many requests until it "
		"has made %u more?", kmem_cache_name(cache), (ull)before.nr_slabs,
		plural(before.nr_slabs), cache->layout.nr_objects, (ull)before.nr_active, NR_MADE);
	nr = fill(cache, bytes, objects);
	reveal("%u.", nr);
	while (nr > 0)
		kfree(objects[--nr]);
	kfree(objects);
	kmem_cache_shrink(cache);
	step("all are freed, and the cache is shrunk:");
	draw_usage(cache);
}

static void pair(void *arg)
{
	void *object = kmalloc(64, GFP_KERNEL | __GFP_NO_GUARD);

	(void)arg;
	kfree(object);
}

/* All caches of the table together, as this machine uses them now. */
static struct slab_usage usage_of_table(void)
{
	struct slab_usage sum = { 0 };

	for (unsigned i = 0; i < NR_KMALLOC_CLASSES; i++) {
		struct slab_usage usage = slab_usage(kmalloc_caches[KMALLOC_NORMAL][i]);

		sum.nr_objects += usage.nr_objects;
		sum.nr_active += usage.nr_active;
	}
	return sum;
}

static void show_averages(void)
{
	uint64_t wasted = 0, wasted_by_powers = 0, asked = 0;

	for (uint64_t bytes = 1; bytes <= KMALLOC_MAX_CACHE_SIZE; bytes++) {
		asked += bytes;
		wasted += kmalloc_size_roundup(bytes) - bytes;
		wasted_by_powers += power_of_two_for(bytes) - bytes;
	}
	say("Over all sizes up to %u the table rounds up by %llu.%llu %% on average, powers of "
	    "two by %llu.%llu %%.",
	    KMALLOC_MAX_CACHE_SIZE, (ull)(wasted * 100 / asked),
	    (ull)(wasted * 1000 / asked % 10), (ull)(wasted_by_powers * 100 / asked),
	    (ull)(wasted_by_powers * 1000 / asked % 10));
	say("kmalloc(64) and kfree(): %llu instructions, checks included; beyond %u bytes: whole "
	    "pages.",
	    (ull)count_instructions(pair, NULL), KMALLOC_MAX_CACHE_SIZE);
}

void kmalloc_show(void)
{
	const uint64_t nr_mib = live.nr_usable_pages * PAGE_SIZE >> 20;
	struct slab_usage usage;

	claim("with a cache for each of a few sizes, any size is served.");
	show_way(SAMPLE_BYTES);
	show_requests();
	show_filling(FILLED_BYTES);
	show_table();
	show_averages();
	wrong("nothing about size any more. But which memory do the pages come from, on a machine "
	      "where");
	say("some of it is far away?");
	exercise(kmalloc_size_roundup(ENTRY_BYTES * nr_mib), "bytes",
		 "an array with %u bytes for each of this machine's %llu MiB: how many does "
		 "kmalloc() give it?", ENTRY_BYTES, (ull)nr_mib);
	usage = usage_of_table();
	exercise(usage.nr_objects - usage.nr_active, "places",
		 "on this machine the table's slabs have %llu places, %llu are in use: how many "
		 "are not?",
		 (ull)usage.nr_objects, (ull)usage.nr_active);
}
