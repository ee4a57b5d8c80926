/* Chapters 10 to 12: from an address back to what it belongs to; off-slab; compound pages. */

#include "arch/x86_64/layout.h"
#include "lib/align.h"
#include "lib/string.h"
#include "mm/event.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "tests/lecture/lecture.h"
#include "tests/unit/slab/plain_cache.h"

#define SAMPLE_BYTES	100u
#define LARGE_BYTES	4096u
#define COMPOUND_ORDER	3u
#define COMPOUND_WIDTH	64u
#define TIB		(1ull << 40)
#define MAP_WIDTH	64u
#define UPPER_HALF_BYTES (128 * TIB)

/* ---- 10. kfree ---- */

static void walk_kfree(void *object)
{
	struct page *page = virt_to_page(object);
	struct kmem_cache *cache = page_cache(page);
	struct slab *slab = page_slab(page);
	uint64_t index = slab_index(cache, slab, object);

	predict("kfree(0x%llx): nothing but this number. What is read, in which order?",
		(ull)(uintptr_t)object);
	step("0x%llx - 0x%llx = physical 0x%llx", (ull)(uintptr_t)object, (ull)mm_port_direct_map,
	     (ull)virt_to_phys(object));
	step("/ %llu = frame 0x%llx; * %llu + 0x%llx = struct page at 0x%llx", (ull)PAGE_SIZE,
	     (ull)page_to_pfn(page), (ull)sizeof(*page), (ull)mm_port_vmemmap,
	     (ull)(uintptr_t)page);
	step("page->type is %u: %s", page->type,
	     page->type == PAGE_SLAB ? "a slab's page" : "NO SLAB'S");
	step("page->list.next = 0x%llx: struct kmem_cache of %s", (ull)(uintptr_t)cache,
	     kmem_cache_name(cache));
	step("page->list.prev = 0x%llx: struct slab, objects from 0x%llx on", (ull)(uintptr_t)slab,
	     (ull)(uintptr_t)slab->objects);
	step("(0x%llx - 0x%llx) / %u = object %llu, by one multiplication", (ull)(uintptr_t)object,
	     (ull)(uintptr_t)slab->objects, cache->layout.stride_bytes, (ull)index);
	step("kmem_bufctl[%llu] = %u: it is allocated, and may be freed", (ull)index,
	     slab->bufctl[index]);
	say("  object -> page -> (next) cache");
	say("                 -> (prev) slab -> objects[%llu], kmem_bufctl[%llu]", (ull)index,
	    (ull)index);
}

/*
 * Frees @object, and asks for as much again: what is freed last is given out first, from this
 * CPU's array. Returns where the object lay.
 */
static void *show_again(void *object)
{
	void *again;

	predict("it is freed, and as much is asked for again, on this CPU. Which address comes?");
	kfree(object);
	again = kmalloc(SAMPLE_BYTES, GFP_KERNEL | __GFP_NO_GUARD);
	step("kmalloc(%u) = 0x%llx", SAMPLE_BYTES, (ull)(uintptr_t)again);
	if (again == object)
		reveal("the same: it lay on top of this CPU's array, its slab has seen nothing.");
	else
		reveal("another: debug options keep freed objects away for a while.");
	kfree(again);
	return object;
}

/* What lies at the @i-th of @nr equal parts of the upper half of the addresses. */
static char letter_at(unsigned i, unsigned nr)
{
	uint64_t va = HIGH_HALF_START + (UPPER_HALF_BYTES / nr) * i;

	if (va >= DIRECT_MAP_START && va < DIRECT_MAP_END)
		return 'N';
	if (va >= VMALLOC_START && va < VMALLOC_END)
		return 'k';
	return va >= VMEMMAP_START && va < VMEMMAP_END ? 'd' : '.';
}

static void draw_to_scale(void)
{
	char map[MAP_WIDTH + 1];

	for (unsigned i = 0; i < MAP_WIDTH; i++)
		map[i] = letter_at(i, MAP_WIDTH);
	map[MAP_WIDTH] = '\0';
	say("To scale, lowest address first: u a process, N RAM mapped as it lies, k vmalloc, d "
	    "mem_map:");
	say("    32 bits |uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuNNNNNNNNNNNNNNkk|");
	say("    64 bits |%s|", map);
}

static void draw_maps(void)
{
	say("32-bit x86, 4 GiB                               x86_64 here, the upper 128 TiB");
	say("  ffffffff +-------------------------+          ffffffffffffffff "
	    "+----------------------+");
	say("           | fixmap, kmap            |          %016llx | image                |",
	    0xffffffff80000000ull);
	say("  f8000000 | vmalloc, 128 MiB        |          %016llx | mem_map, %5llu GiB   |",
	    (ull)VMEMMAP_START, (ull)((VMEMMAP_END - VMEMMAP_START) >> 30));
	say("           +-------------------------+          %016llx | vmalloc, %5llu TiB   |",
	    (ull)VMALLOC_START, (ull)((VMALLOC_END - VMALLOC_START) / TIB));
	say("           | low memory, 896 MiB     |          %016llx | all RAM, %5llu TiB   |",
	    (ull)DIRECT_MAP_START, (ull)((DIRECT_MAP_END - DIRECT_MAP_START) / TIB));
	say("  c0000000 +-------------------------+          ffff800000000000 "
	    "+----------------------+");
	say("           | the process, 3 GiB      |                           | a process's,     "
	    "    |");
	say("           |                         |                           | nothing mapped   "
	    "    |");
	say("  00000000 +-------------------------+          0000000000000000 "
	    "+----------------------+");
	draw_to_scale();
	say("Of this machine's RAM, %llu MiB, the 32-bit kernel would have had %llu without "
	    "HIGHMEM.",
	    (ull)(live.nr_usable_pages * PAGE_SIZE >> 20),
	    (ull)min_u64(live.nr_usable_pages * PAGE_SIZE >> 20, 896));
}

void kfree_show(void)
{
	void *object = kmalloc(SAMPLE_BYTES, GFP_KERNEL | __GFP_NO_GUARD);
	struct kfree_facts facts = kfree_measure();

	claim("an address is enough to free: the page knows its cache.");
	say("NULL and the zero-size pointer (%llu): nothing to do: %s.",
	    (ull)(uintptr_t)ZERO_SIZE_PTR,
	    facts.ignores_nothing ? "so it is" : "NOT SO");
	if (object && virt_to_page(object)->type == PAGE_SLAB)
		walk_kfree(object);
	object = show_again(object);
	draw_maps();
	wrong("the slab's header lies in the slab: objects of a page, say, leave no room for it.");
	exercise(virt_to_phys(object) >> PAGE_SHIFT, "",
		 "the object lay at 0x%llx, the direct map starts at 0x%llx: which frame?",
		 (ull)(uintptr_t)object, (ull)mm_port_direct_map);
	exercise(sizeof(struct page) * (virt_to_phys(object) >> PAGE_SHIFT), "bytes",
		 "and how far from mem_map's start is its struct page?");
}

/* ---- 11. External metadata ---- */

static uint64_t waste_saved(uint32_t stride)
{
	struct slab_layout on_slab, off_slab;

	if (!slab_layout_choose(&on_slab, stride, 8, false) ||
	    !slab_layout_choose(&off_slab, stride, 8, true))
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

static void show_links(struct kmem_cache *cache, void *object)
{
	const struct page *page = virt_to_page(object);
	const struct slab *slab = page_slab(page);
	uintptr_t start = (uintptr_t)slab_start(cache, slab);
	uintptr_t at = (uintptr_t)slab;
	struct slab_layout on_slab;

	say("    0x%llx to 0x%llx, %u objects to the last byte:", (ull)start,
	    (ull)(start + slab_bytes(cache)), cache->layout.nr_objects);
	draw_layout("as it is", &cache->layout);
	if (slab_layout_choose(&on_slab, cache->layout.stride_bytes, 8, false))
		draw_layout("on-slab ", &on_slab);
	step("page->list.prev = 0x%llx: struct slab, %s those pages", (ull)at,
	     at < start || at >= start + slab_bytes(cache) ? "outside" : "INSIDE");
	step("page->list.next = 0x%llx: struct kmem_cache of %s", (ull)(uintptr_t)page->list.next,
	     page_cache(page)->name);
	step("the descriptor's own page belongs to cache %s, whose descriptors lie on their slabs",
	     page_cache(virt_to_page(slab))->name);
}

static uint64_t off_slab_descriptors(void)
{
	uint64_t nr = 0;

	for_each_cache(cache)
		if (cache->layout.place == OFF_SLAB)
			nr += slab_usage(cache).nr_slabs;
	return nr;
}

void external_show(void)
{
	static const uint32_t sizes[] = { 1024, 2048, 4096 };
	struct kmem_cache *cache = create_plain("lecture-large", LARGE_BYTES, 0, 0, NULL);
	void *object = cache ? kmem_cache_alloc(cache, GFP_KERNEL) : NULL;

	claim("put the header elsewhere, and objects as large as pages fill their slab.");
	predict("objects of %u bytes with the header on the slab: how many fit in 4 pages? And "
		"off it?",
		LARGE_BYTES);
	reveal("3 and 4.");
	if (object)
		show_links(cache, object);
	say("What that saves, by the allocator's own arithmetic, for a slab of the size it "
	    "chooses:");
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
		say("    objects of %4u bytes: %5llu bytes a slab", sizes[i],
		    (ull)waste_saved(sizes[i]));
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
	wrong("nothing; but beyond the caches kmalloc gives whole pages: who knows how many they "
	      "are?");
	exercise(waste_saved(LARGE_BYTES), "bytes",
		 "what does the header elsewhere save a slab of objects of %u bytes?", LARGE_BYTES);
	exercise(off_slab_descriptors(), "slabs",
		 "caches of this machine with the header elsewhere: how many slabs have they now "
		 "(see slabinfo)?");
}

/* ---- 12. Compound pages ---- */

/* The head, and the tails in turns, as they lie in memory. */
static void draw_block(void)
{
	char map[COMPOUND_WIDTH + 1];

	for (unsigned i = 0; i < COMPOUND_WIDTH; i++)
		map[i] = "Ht"[i * pages_in(COMPOUND_ORDER) / COMPOUND_WIDTH != 0];
	for (unsigned i = 2; i < pages_in(COMPOUND_ORDER); i += 2)
		memset(map + i * COMPOUND_WIDTH / pages_in(COMPOUND_ORDER), 'T',
		       COMPOUND_WIDTH / pages_in(COMPOUND_ORDER));
	map[COMPOUND_WIDTH] = '\0';
	say("    |%s| H head, t and T its tails", map);
}

static void draw_compound(struct page *head)
{
	draw_block();
	for (unsigned i = 0; i < pages_in(COMPOUND_ORDER); i++) {
		struct page *page = head + i;

		say("    frame 0x%llx  struct page 0x%llx  %-4s type %2u flags 0x%02x %s 0x%llx",
		    (ull)page_to_pfn(page), (ull)(uintptr_t)page, i ? "tail" : "head", page->type,
		    page->flags, i ? "head ->" : "order ",
		    i ? (ull)(uintptr_t)page->head : (ull)page->order);
	}
}

void compound_show(void)
{
	struct page *head = alloc_pages(GFP_KERNEL | __GFP_COMP, COMPOUND_ORDER);
	uint64_t last_pfn;

	claim("a block of many pages is one allocation when its pages are linked: a head and its "
	      "tails.");
	if (!head) {
		say("no block to be had");
		return;
	}
	say("alloc_pages(__GFP_COMP, %u): PG_compound is flag 0x%02x of the head:", COMPOUND_ORDER,
	    PAGE_COMPOUND);
	draw_compound(head);
	last_pfn = page_to_pfn(head) + pages_in(COMPOUND_ORDER) - 1;
	predict("put_page() is given the last tail, frame 0x%llx, no size: how much is freed?",
		(ull)last_pfn);
	step("frame 0x%llx is a tail: its head is 0x%llx", (ull)last_pfn,
	     (ull)(uintptr_t)compound_head(pfn_to_page(last_pfn)));
	step("the head's order is %u: 2^%u pages", head->order, head->order);
	get_page(head);
	step("one more reference makes %u; the first put leaves %u", head->refcount,
	     head->refcount - 1);
	put_page(pfn_to_page(last_pfn));
	put_page(pfn_to_page(last_pfn));
	reveal("all of it, at the last reference: the head is of type %u now, its flags 0x%02x, a "
	       "tail of type %u.",
	       head->type, head->flags, head[1].type);
	wrong("a block must be contiguous, and in a machine that has run for long none may be "
	      "left.");
	exercise(pages_in(COMPOUND_ORDER) - 1, "tails", "how many tails has a block of order %u?",
		 COMPOUND_ORDER);
	exercise(last_pfn & ~(pages_in(COMPOUND_ORDER) - 1), "",
		 "the tail is frame %llu, the order %u: which frame is the head?", (ull)last_pfn,
		 COMPOUND_ORDER);
}
