/* Chapter 10: from an address back to what it belongs to; where addresses lie. */

#include "arch/x86_64/layout.h"
#include "lib/align.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "tests/lecture/lecture.h"
#include "tests/unit/slab/room.h"

#define SAMPLE_BYTES	100u
#define NR_IN_A_ROW	4u
#define PAGES_OF_ENTRY	512u	/* of a page directory */
#define TIB		(1ull << 40)
#define MAP_WIDTH	64u
#define UPPER_HALF_BYTES (128 * TIB)

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
	step("(0x%llx - 0x%llx) / %u = index %llu of %u, counted from 0; one multiplication",
	     (ull)(uintptr_t)object, (ull)(uintptr_t)slab->objects, cache->layout.stride_bytes,
	     (ull)index, cache->layout.nr_objects);
	step("kmem_bufctl[%llu] = %u: it is %s", (ull)index, slab->bufctl[index],
	     slab->bufctl[index] ? "NOT allocated: that would be a double free" :
				   "allocated, and may be freed");
	say("  object -> page -> (next) cache");
	say("                 -> (prev) slab -> objects[%llu], kmem_bufctl[%llu]", (ull)index,
	    (ull)index);
}

/*
 * Frees @object, and asks for as much again: what is freed last is given out first, from
 * this CPU's array.
 */
static void show_again(void *object)
{
	const struct slab *slab = page_slab(virt_to_page(object));
	const unsigned nr_free = slab->nr_free;
	void *again;

	predict("it is freed, and as much is asked for again, on this CPU. Which address comes?");
	kfree(object);
	again = kmalloc(SAMPLE_BYTES, GFP_KERNEL | __GFP_NO_GUARD);
	step("kmalloc(%u) = 0x%llx", SAMPLE_BYTES, (ull)(uintptr_t)again);
	if (again == object)
		reveal("the same: it lay on top of this CPU's array; its slab had %u free objects "
		       "before, and has %u.", nr_free, slab->nr_free);
	else
		reveal("another, %llu bytes away: debug options keep freed objects away for a "
		       "while.", (ull)(object > again ? (char *)object - (char *)again :
					(char *)again - (char *)object));
	kfree(again);
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
	say("    64 bits |%s| the upper half", map);
}

#define BLANK_HERE	"                           "

static void draw_maps(void)
{
	say("32-bit x86, 4 GiB                               x86_64 here: two halves of %llu TiB",
	    (ull)(LOW_HALF_END / TIB));
	say("  ffffffff +-------------------------+          ffffffffffffffff "
	    "+----------------------+");
	say("           | fixmap, kmap            |          %016llx | image                |",
	    (ull)IMAGE_START);
	say("           | vmalloc: 128 MiB in all |          %016llx | mem_map, %5llu GiB   |",
	    (ull)VMEMMAP_START, (ull)((VMEMMAP_END - VMEMMAP_START) >> 30));
	say("  f8000000 +-------------------------+          %016llx | vmalloc, %5llu TiB   |",
	    (ull)VMALLOC_START, (ull)((VMALLOC_END - VMALLOC_START) / TIB));
	say("           | low memory, 896 MiB     |          %016llx | all RAM, %5llu TiB   |",
	    (ull)DIRECT_MAP_START, (ull)((DIRECT_MAP_END - DIRECT_MAP_START) / TIB));
	say("  c0000000 +-------------------------+          %016llx "
	    "+----------------------+", (ull)HIGH_HALF_START);
	say("           | the process, 3 GiB      |" BLANK_HERE "| no addresses: bits   |");
	say("           |                         |" BLANK_HERE "| 63 to 47 must agree  |");
	say("           |                         |          %016llx "
	    "+----------------------+", (ull)LOW_HALF_END);
	say("           |                         |" BLANK_HERE "| a process, %3llu TiB;  |",
	    (ull)(LOW_HALF_END / TIB));
	say("           |                         |" BLANK_HERE "| here none, unmapped  |");
	say("  00000000 +-------------------------+          0000000000000000 "
	    "+----------------------+");
	draw_to_scale();
	say("Of this machine's RAM, %llu MiB, the 32-bit kernel would have had %llu without "
	    "HIGHMEM.",
	    (ull)(live.nr_usable_pages * PAGE_SIZE >> 20),
	    (ull)min_u64(live.nr_usable_pages * PAGE_SIZE >> 20, 896));
}

/* The last of a few that were allocated in a row: it is not the first of its slab. */
static void *take_one_within(void)
{
	void *objects[NR_IN_A_ROW];

	for (unsigned i = 0; i < NR_IN_A_ROW; i++)
		objects[i] = kmalloc(SAMPLE_BYTES, GFP_KERNEL | __GFP_NO_GUARD);
	for (unsigned i = 0; i + 1 < NR_IN_A_ROW; i++)
		kfree(objects[i]);
	return objects[NR_IN_A_ROW - 1];
}

/* A slab's objects by its own numbers: how far behind its start they begin. */
struct object_places {
	uint64_t nr_objects, stride_bytes, first_offset, last_offset;
};

static struct object_places places_around(const void *object)
{
	const struct page *page = virt_to_page(object);
	const struct kmem_cache *cache = page_cache(page);
	const struct slab *slab = page_slab(page);
	const uintptr_t start = (uintptr_t)slab_start(cache, slab);
	const unsigned last = cache->layout.nr_objects - 1;

	return (struct object_places){
		.nr_objects = cache->layout.nr_objects,
		.stride_bytes = cache->layout.stride_bytes,
		.first_offset = (uintptr_t)slab_object(cache, slab, 0) - start,
		.last_offset = (uintptr_t)slab_object(cache, slab, last) - start,
	};
}

void kfree_show(void)
{
	void *object = take_one_within();
	struct kfree_facts facts = kfree_measure();
	struct object_places places;

	claim("an address is enough to free: the page knows its cache.");
	say("NULL and the zero-size pointer (%llu): nothing to do: %s.",
	    (ull)(uintptr_t)ZERO_SIZE_PTR,
	    facts.ignores_nothing ? "so it is" : "NOT SO");
	if (!object || virt_to_page(object)->type != PAGE_SLAB) {
		say("no object to be had");
		kfree(object);
		return;
	}
	places = places_around(object);
	walk_kfree(object);
	show_again(object);
	draw_maps();
	wrong("the slab's header lies in the slab: objects of a page, say, leave no room for it.");
	exercise(places.last_offset, "bytes",
		 "that slab has %llu objects of %llu bytes, the first of them %llu bytes behind "
		 "its start. And the last?", (ull)places.nr_objects, (ull)places.stride_bytes,
		 (ull)places.first_offset);
	exercise(align_up(live.end_pfn, PAGES_OF_ENTRY) / PAGES_OF_ENTRY, "entries",
		 "the direct map up to the highest frame of this machine, 0x%llx: how many entries "
		 "of %llu MiB are that?", (ull)live.end_pfn - 1,
		 (ull)(PAGES_OF_ENTRY * PAGE_SIZE >> 20));
}
