/* Chapter 11: the descriptor of a slab of large objects lies elsewhere. */

#include "log.h"
#include "mm/event.h"
#include "mm/live.h"
#include "tests/lecture/lecture.h"
#include "tests/unit/slab/plain_cache.h"

#define LARGE_BYTES	4096u
#define NR_LARGE	3u
#define MAP_WIDTH	64u
#define LINE_BYTES	80u
#define MAX_TOLD	6u

/* The two ways to cut slabs for objects of @stride bytes; false: too large for one. */
static bool choose_both(uint32_t stride, struct slab_layout *on_slab, struct slab_layout *chosen)
{
	return slab_layout_choose(on_slab, stride, 8, false) &&
	       slab_layout_choose(chosen, stride, 8, true);
}

static uint64_t waste_saved(uint32_t stride)
{
	struct slab_layout on_slab, off_slab;

	if (!choose_both(stride, &on_slab, &off_slab))
		return 0;
	return slab_layout_waste(&on_slab) * pages_in(off_slab.order) / pages_in(on_slab.order) -
		slab_layout_waste(&off_slab);
}

/* A slab's bytes to scale: h header, digits the objects, . what is left over. */
static void draw_layout(const char *name, const struct slab_layout *layout)
{
	const uint64_t bytes = PAGE_SIZE << layout->order;
	const uint64_t first = layout->objects_offset;
	char map[MAP_WIDTH + 1];

	for (unsigned i = 0; i < MAP_WIDTH; i++) {
		uint64_t at = i * bytes / MAP_WIDTH;
		uint64_t index = at < first ? 0 : (at - first) / layout->stride_bytes;

		map[i] = at < first || (i == 0 && first) ? 'h' :
			 index < layout->nr_objects ? (char)('0' + index % 8) : '.';
	}
	map[MAP_WIDTH] = '\0';
	say("    %s |%s| %llu bytes not for objects", name, map, (ull)slab_layout_waste(layout));
}

/* How many fit, header on the slab and off it: what the allocator's arithmetic says. */
static void show_layouts(void)
{
	struct slab_layout on_slab, off_slab;

	predict("objects of %u bytes, a page each: how many fit in a slab with the header in it? "
		"And elsewhere?", LARGE_BYTES);
	if (!choose_both(LARGE_BYTES, &on_slab, &off_slab))
		return;
	draw_layout("on-slab ", &on_slab);
	draw_layout("off-slab", &off_slab);
	reveal("%u in %llu pages, and %u in %llu.", on_slab.nr_objects,
	       (ull)pages_in(on_slab.order), off_slab.nr_objects, (ull)pages_in(off_slab.order));
}

/* The pages, an object in the colour of its number while it is allocated; the descriptor. */
static void draw_external(const struct kmem_cache *cache, const struct slab *slab)
{
	const uint64_t nr = cache->layout.nr_objects;
	char map[MAP_WIDTH + 1], entries[LINE_BYTES];
	size_t used = 0;

	for (unsigned i = 0; i < MAP_WIDTH; i++) {
		uint64_t index = i * nr / MAP_WIDTH;

		map[i] = slab->bufctl[index] ? '.' : (char)('0' + index % 8);
	}
	map[MAP_WIDTH] = '\0';
	entries[0] = '\0';
	for (unsigned i = 0; i < nr && used + 8 < sizeof(entries); i++)
		used += (size_t)format_text(entries + used, sizeof(entries) - used, "%3u|",
					    slab->bufctl[i]);
	say("    pages      0x%llx |%s| objects", (ull)(uintptr_t)slab_start(cache, slab), map);
	say("    descriptor 0x%llx kmem_bufctl|%s %u free", (ull)(uintptr_t)slab, entries,
	    slab->nr_free);
}

/* Every page of the slab leads to the cache and to the descriptor. */
static void show_links(struct kmem_cache *cache, const struct slab *slab)
{
	uint8_t *start = slab_start(cache, slab);

	say("    page of the slab  list.next: cache    list.prev: slab");
	for (unsigned i = 0; i < pages_in(cache->layout.order); i++) {
		const struct page *page = virt_to_page(start + i * PAGE_SIZE);

		say("    frame 0x%-8llx  0x%llx  0x%llx", (ull)page_to_pfn(page),
		    (ull)(uintptr_t)page->list.next, (ull)(uintptr_t)page->list.prev);
	}
	step("list.next is struct kmem_cache of %s", page_cache(virt_to_page(start))->name);
	step("list.prev is struct slab, %s those pages: an object of %s",
	     (uint8_t *)slab < start || (uint8_t *)slab >= start + slab_bytes(cache) ?
		     "outside" : "INSIDE", page_cache(virt_to_page(slab))->name);
}

/* Of the words of an object, each turned by its place, so that none can make up for another. */
static uint64_t sum_of(const void *object)
{
	const uint64_t *words = object;
	uint64_t sum = 0;

	for (unsigned i = 0; i < LARGE_BYTES / sizeof(*words); i++)
		sum = (sum << 1 | sum >> 63) ^ words[i];
	return sum;
}

/* The slab sees now what the CPU's array would keep from it. */
static void *take_large(struct kmem_cache *cache)
{
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	kmem_cache_shrink(cache);
	return object;
}

static void show_filling(struct kmem_cache *cache, const struct slab *slab, void **objects)
{
	unsigned nr = 1;
	uint64_t before, after;

	for (; nr < NR_LARGE && (objects[nr] = take_large(cache)); nr++) {
		step("one more is allocated: an entry of the descriptor becomes 0");
		draw_external(cache, slab);
	}
	predict("the first of the %u is freed. What changes in the object, what in the "
		"descriptor?", nr);
	before = sum_of(objects[0]);
	kmem_cache_free(cache, objects[0]);
	after = sum_of(objects[0]);
	objects[0] = NULL;
	kmem_cache_shrink(cache);
	draw_external(cache, slab);
	reveal("the sum of its bytes was 0x%llx and is 0x%llx; its entry is %u now, how far it is "
	       "to the next free one.", (ull)before, (ull)after, slab->bufctl[0]);
}

static uint64_t descriptors_in_use(const struct kmem_cache *cache)
{
	return cache->descriptors ? slab_usage(cache->descriptors).nr_active : 0;
}

static void show_slab_of(struct kmem_cache *cache)
{
	const uint64_t before = descriptors_in_use(cache), first = mm_events_count();
	void *objects[NR_LARGE] = { take_large(cache) };
	const struct slab *slab;

	if (!objects[0])
		return;
	slab = page_slab(virt_to_page(objects[0]));
	step("the first object needs a slab, whose descriptor is an object itself, of %s:",
	     cache->descriptors ? kmem_cache_name(cache->descriptors) : "no cache");
	tell_events_of(first, MAX_TOLD, 1u << MM_EVENT_SLAB_MADE | 1u << MM_EVENT_TYPE);
	say("    descriptors in use: %llu -> %llu", (ull)before, (ull)descriptors_in_use(cache));
	draw_external(cache, slab);
	show_links(cache, slab);
	show_filling(cache, slab, objects);
	for (unsigned i = 0; i < NR_LARGE; i++)
		kmem_cache_free(cache, objects[i]);
	kmem_cache_shrink(cache);
	step("all freed, and shrunk: descriptors in use: %llu again",
	     (ull)descriptors_in_use(cache));
}

static uint64_t off_slab_descriptors(void)
{
	uint64_t nr = 0;

	for_each_cache(cache)
		if (cache->layout.place == OFF_SLAB)
			nr += slab_usage(cache).nr_slabs;
	return nr;
}

/* Objects that all of the machine's memory would have more of, with the header elsewhere. */
static uint64_t objects_won(uint64_t nr_pages)
{
	struct slab_layout on_slab, off_slab;

	if (!choose_both(LARGE_BYTES, &on_slab, &off_slab))
		return 0;
	return nr_pages / pages_in(off_slab.order) * off_slab.nr_objects -
	       nr_pages / pages_in(on_slab.order) * on_slab.nr_objects;
}

void external_show(void)
{
	static const uint32_t sizes[] = { 1024, 2048, 4096 };
	struct kmem_cache *cache = create_plain("lecture-large", LARGE_BYTES, 0, 0, NULL);

	claim("put the header elsewhere, and objects as large as pages fill their slab.");
	show_layouts();
	if (cache && cache->layout.place == OFF_SLAB)
		show_slab_of(cache);
	kmem_cache_destroy(cache);
	say("What that saves, by the allocator's own arithmetic, for a slab of the size it "
	    "chooses:");
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
		say("    objects of %4u bytes: %5llu bytes a slab", sizes[i],
		    (ull)waste_saved(sizes[i]));
	wrong("nothing; but beyond the caches kmalloc gives whole pages: who knows how many they "
	      "are?");
	exercise(objects_won(live.nr_usable_pages), "objects",
		 "all %llu pages of this machine in such slabs: how many more objects of %u bytes "
		 "than with the header on the slab?", (ull)live.nr_usable_pages, LARGE_BYTES);
	exercise(off_slab_descriptors(), "slabs",
		 "caches of this machine with the header elsewhere: how many slabs have they now "
		 "(see slabinfo)?");
}
