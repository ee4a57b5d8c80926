/* Chapter 5: the two-page slab with six objects, byte by byte, and a cache of slabs. */

#include "mm/event.h"
#include "mm/kmalloc.h"
#include "tests/lecture/lecture.h"
#include "tests/lecture/slide_slab.h"
#include "tests/unit/slab/plain_cache.h"

#define MAP_WIDTH	64u
#define NR_COLOURS_SHOWN 3u
#define LIVE_BYTES	1000u
#define MAX_LIVE	64u

/* The slab's bytes to scale: h header, 0 to 5 the objects, . what is left over. */
static void draw_slab(const struct kmem_cache *cache, const struct slab *slab)
{
	const uint64_t start = (uintptr_t)slab_start(cache, slab);
	const uint64_t first = (uintptr_t)slab->objects - start;
	const uint64_t bytes = slab_bytes(cache);
	char map[MAP_WIDTH + 1];

	for (unsigned i = 0; i < MAP_WIDTH; i++) {
		uint64_t at = i * bytes / MAP_WIDTH;
		uint64_t index = at < first ? 0 : (at - first) / cache->layout.stride_bytes;

		map[i] = i == 0 || at < first ? 'h' : index < cache->layout.nr_objects ?
			(char)('0' + index) : '.';
	}
	map[MAP_WIDTH] = '\0';
	say("    0x%llx |%s| %llu bytes", (ull)start, map, (ull)bytes);
	say("    header %llu bytes (struct slab %u, an entry for each object), %u objects of %u, "
	    "%llu left over",
	    (ull)first, (unsigned)sizeof(*slab), cache->layout.nr_objects,
	    cache->layout.stride_bytes,
	    (ull)(bytes - first -
		  (uint64_t)cache->layout.nr_objects * cache->layout.stride_bytes));
}

/* kmem_bufctl as it stands: a distance to the next free object, 0 where one is allocated. */
static void draw_bufctl(const struct kmem_cache *cache, const struct slab *slab)
{
	unsigned index = slab->first_free;
	char line[120];
	size_t used = 0;

	for (unsigned i = 0; i < cache->layout.nr_objects; i++)
		used += (size_t)format_text(line + used, sizeof(line) - used, "%3u|",
					    slab->bufctl[i]);
	say("    object       0   1   2   3   4   5   6   7");
	say("    kmem_bufctl|%s", line);
	used = 0;
	line[0] = '\0';
	for (unsigned i = 0; i < slab->nr_free && i < cache->layout.nr_objects; i++) {
		used += (size_t)format_text(line + used, sizeof(line) - used, " -> %u", index);
		index = slab_next_free(cache, slab, index);
	}
	say("    %u free: first_free%s", slab->nr_free, slab->nr_free ? line : ": none");
}

/* Asks for @nr objects, the free ones of @slab, and gives them back. */
static void show_giving(struct kmem_cache *cache, const struct slab *slab, unsigned nr)
{
	void *given[SLIDE_OBJECTS_OF_LIST];
	unsigned order[SLIDE_OBJECTS_OF_LIST] = { 0 };

	for (unsigned i = 0; i < nr; i++) {
		given[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		if (!given[i] || page_slab(virt_to_page(given[i])) != slab)
			continue;
		order[i] = (unsigned)slab_index(cache, slab, given[i]);
		step("a request is given object %u, at 0x%llx", order[i],
		     (ull)(uintptr_t)given[i]);
	}
	draw_bufctl(cache, slab);
	reveal("%u, then %u, then %u: the list is inside the array, not in the objects.", order[0],
	       order[1], order[2]);
	for (unsigned i = 0; i < nr; i++)
		kmem_cache_free(cache, given[i]);
}

/* Frees 7, 1 and 3 of a slab of eight: the list of the slide, 3 then 1 then 7. */
static void show_list_of(struct kmem_cache *cache)
{
	static const unsigned freed[] = { 7, 1, 3 };
	void *objects[SLIDE_HELD_OBJECTS];
	unsigned nr_held;
	struct slab *slab = slide_hold_slab(cache, objects, &nr_held);

	if (slab && slab->nr_free == 0) {
		say("The list of the slide needs an object 7: a slab like it, cut in eight, "
		    "all allocated.");
		say("An entry is 0 while its object is allocated, else how far it is to the next "
		    "free one, mod 256.");
		draw_bufctl(cache, slab);
		predict("objects 7, 1 and 3 are freed, in this order. Which one is given out "
			"first?");
		for (unsigned i = 0; i < ARRAY_SIZE(freed); i++) {
			void *object = slab_object(cache, slab, freed[i]);

			kmem_cache_free(cache, object);
			kmem_cache_shrink(cache);
			for (unsigned j = 0; j < nr_held; j++)
				if (objects[j] == object)
					objects[j] = NULL;
			step("object %u comes back", freed[i]);
			draw_bufctl(cache, slab);
		}
		show_giving(cache, slab, ARRAY_SIZE(freed));
	}
	for (unsigned i = 0; i < nr_held; i++)
		kmem_cache_free(cache, objects[i]);
}

static void show_six(struct kmem_cache *cache)
{
	void *objects[SLIDE_HELD_OBJECTS];
	unsigned nr_held;
	struct slab *slab = slide_hold_slab(cache, objects, &nr_held);

	if (slab) {
		say("A slab of %llu pages with %u objects, as it lies in memory:",
		    (ull)pages_in(cache->layout.order), cache->layout.nr_objects);
		draw_slab(cache, slab);
	}
	for (unsigned i = 0; i < nr_held; i++)
		kmem_cache_free(cache, objects[i]);
	kmem_cache_shrink(cache);
}

static void show_counts(struct kmem_cache *cache, const char *when)
{
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		struct cache_node *node = cache_node_lookup(cache, nid);
		unsigned nr_full = 0, nr_partial = 0;

		if (!node) {
			say("    %-22s node %u: no lists, nothing was asked of it", when, nid);
			continue;
		}
		spin_lock(&node->lock);
		list_for_each(at, &node->full)
			nr_full++;
		list_for_each(at, &node->partial)
			nr_partial++;
		spin_unlock(&node->lock);
		say("    %-22s node %u: full %u, partial %u, free %llu", when, nid, nr_full,
		    nr_partial, (ull)node->nr_free_slabs);
	}
}

/* The three lists while a cache fills and empties; the events name each move. */
static void show_lists(void)
{
	struct kmem_cache *cache = create_plain("lecture-lists", LIVE_BYTES, 0, 0, NULL);
	void *objects[MAX_LIVE];
	uint64_t first = mm_events_count();
	unsigned nr = 0;
	char when[24];

	if (!cache)
		return;
	say("A cache is formed of slabs on three lists. Objects of %u bytes, %u a slab of %llu "
	    "KiB:",
	    LIVE_BYTES, cache->layout.nr_objects, (ull)(slab_bytes(cache) >> 10));
	show_counts(cache, "nothing allocated");
	while (nr < MAX_LIVE && (objects[nr] = kmem_cache_alloc(cache, GFP_KERNEL)))
		nr++;
	format_text(when, sizeof(when), "%u allocated", nr);
	show_counts(cache, when);
	step("what happened, as the allocators told it:");
	tell_events(first, 8);
	first = mm_events_count();
	while (nr > 0)
		kmem_cache_free(cache, objects[--nr]);
	kmem_cache_shrink(cache);
	show_counts(cache, "all freed, shrunk");
	step("and back:");
	tell_events(first, 8);
	kmem_cache_destroy(cache);
}

/* Slabs made one after the other begin their objects at different offsets. */
static void show_colours(void)
{
	struct kmem_cache *cache = create_plain("lecture-colours", LIVE_BYTES, 0, 0, NULL);
	void *objects[MAX_LIVE * 4];
	const struct slab *last = NULL;
	unsigned nr = 0, nr_shown = 0;

	if (!cache)
		return;
	say("Colouring: %u colours, %u bytes apart, so that first objects do not all meet in one "
	    "cache set:",
	    cache->layout.nr_colours, cache->layout.colour_bytes);
	while (nr < ARRAY_SIZE(objects) && nr_shown < NR_COLOURS_SHOWN &&
	       (objects[nr] = kmem_cache_alloc(cache, GFP_KERNEL))) {
		const struct slab *slab = page_slab(virt_to_page(objects[nr++]));

		if (slab == last)
			continue;
		last = slab;
		nr_shown++;
		say("    slab at 0x%llx: colour %u, first object %llu bytes from its start",
		    (ull)(uintptr_t)slab_start(cache, slab), slab->colour,
		    (ull)((uintptr_t)slab->objects - (uintptr_t)slab_start(cache, slab)));
	}
	while (nr > 0)
		kmem_cache_free(cache, objects[--nr]);
	kmem_cache_destroy(cache);
}

static void show_places(void)
{
	static const uint32_t sizes[] = { 100, 1000, 4096 };

	say("Where the descriptor lies is chosen by waste, for each size:");
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct slab_layout chosen, on_slab;
		uint32_t stride = (uint32_t)align_up(sizes[i], 8);

		if (!slab_layout_choose(&chosen, stride, 8, true) ||
		    !slab_layout_choose(&on_slab, stride, 8, false))
			continue;
		say("    %4u bytes: %s, %3u objects in %2llu pages, %4llu bytes not for objects "
		    "(on-slab: %llu of %llu pages)",
		    sizes[i], chosen.place == OFF_SLAB ? "off-slab" : "on-slab ",
		    chosen.nr_objects, (ull)pages_in(chosen.order),
		    (ull)slab_layout_waste(&chosen), (ull)slab_layout_waste(&on_slab),
		    (ull)pages_in(on_slab.order));
	}
}

void slab_show(void)
{
	struct kmem_cache *six = slide_cache_with(SLIDE_OBJECTS);
	struct kmem_cache *eight = slide_cache_with(SLIDE_OBJECTS_OF_LIST);

	claim("objects of one size, cut from whole pages, need no search and lose next to "
	      "nothing.");
	if (six)
		show_six(six);
	if (eight)
		show_list_of(eight);
	kmem_cache_destroy(six);
	kmem_cache_destroy(eight);
	show_lists();
	show_colours();
	show_places();
	wrong("a cache serves one size only.");
	exercise((PAGE_SIZE * 2 - 64) / LIVE_BYTES, "objects",
		 "2 pages, 64 bytes of header: how many objects of %u bytes?", LIVE_BYTES);
	exercise(slab_usage(NULL).nr_slab_pages * PAGE_SIZE / 1024, "KiB",
		 "all caches of this machine have %llu slabs of %llu pages in all: how much "
		"memory is that?",
		 (ull)slab_usage(NULL).nr_slabs, (ull)slab_usage(NULL).nr_slab_pages);
}
