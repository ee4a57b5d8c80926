/*
 * Slides 5, 6, 10 and 11: objects smaller than a page, and large ones. They are
 * shown as they are without debug options, whatever debug= says: no red zones
 * between them, and none on pages of its own.
 */

#include "lib/align.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "tests/unit/slab/room.h"
#include "tests/lecture/lecture.h"
#include "tests/lecture/slide_slab.h"
#include "tests/unit/slab/plain_cache.h"

/* ---- 5. Slab ---- */

#define SLIDE_ORDER		1u	/* two pages */
#define SLIDE_FIRST		3u	/* "first free 3, next 1, then 7" */
#define SLIDE_SECOND		1u
#define SLIDE_THIRD		7u
#define OBJECT_ALIGN		16u

/*
 * The allocator itself would cut such objects out of larger slabs, which waste
 * less: before the cache has any slab, it gets the slide's layout instead.
 */
struct kmem_cache *slide_cache_with(unsigned nr_objects)
{
	const uint32_t header_bytes = 64;	/* descriptor and entries, between guard words */
	uint32_t room_bytes = (uint32_t)(PAGE_SIZE << SLIDE_ORDER) - header_bytes;
	uint32_t stride_bytes = (uint32_t)align_down(room_bytes / nr_objects, OBJECT_ALIGN);
	struct kmem_cache *cache = create_plain("lecture", stride_bytes, OBJECT_ALIGN, 0, NULL);

	if (!cache)
		return NULL;
	cache->layout = (struct slab_layout){
		.stride_bytes = stride_bytes,
		.objects_offset = header_bytes,
		.descriptor_bytes = (uint32_t)align_up(sizeof(struct slab) + nr_objects, 8),
		.nr_objects = (uint16_t)nr_objects,
		.order = SLIDE_ORDER,
		.nr_colours = 1,
		.place = ON_SLAB,
	};
	cache->inverse = slab_layout_inverse(&cache->layout);
	cache->nr_objects = nr_objects;
	return cache;
}

static struct slab *slab_of(const void *object)
{
	return page_slab(virt_to_page(object));
}

/* Frees object @index of @slab, past all arrays, so that the slab itself sees it now. */
static void free_to_slab(struct kmem_cache *cache, struct slab *slab, unsigned index)
{
	kmem_cache_free(cache, slab_object(cache, slab, index));
	kmem_cache_shrink(cache);
}

/* The free object after @index: entries hold distances, so that 0 can mean "allocated". */
static unsigned next_free(const struct slab *slab, unsigned index)
{
	return (uint8_t)(index + slab->bufctl[index]);
}

/* The indices on the list of free objects of @slab, in order; returns how many. */
static unsigned read_list(const struct slab *slab, unsigned *indices, unsigned max)
{
	unsigned index = slab->first_free;
	unsigned nr = 0;

	for (; nr < slab->nr_free && nr < max; nr++) {
		indices[nr] = index;
		index = next_free(slab, index);
	}
	return nr;
}

/* Allocates until one slab is wholly ours, and returns that slab. */
struct slab *slide_hold_slab(struct kmem_cache *cache, void **held, unsigned *nr_held)
{
	for (*nr_held = 0; *nr_held < SLIDE_HELD_OBJECTS; ++*nr_held) {
		held[*nr_held] = kmem_cache_alloc(cache, GFP_KERNEL);
		if (!held[*nr_held])
			break;
	}
	kmem_cache_shrink(cache);
	return *nr_held ? slab_of(held[0]) : NULL;
}

/*
 * Frees @freed[] of a slab full of allocated objects and reads its list of free
 * ones back to @list; returns its length.
 */
static unsigned list_after_freeing(struct kmem_cache *cache, const unsigned *freed,
				   unsigned nr_freed, unsigned *list)
{
	void *held[SLIDE_HELD_OBJECTS];
	unsigned nr_held, nr_listed = 0;
	struct slab *slab = slide_hold_slab(cache, held, &nr_held);

	if (slab && slab->nr_free == 0) {
		for (unsigned i = 0; i < nr_freed; i++)
			free_to_slab(cache, slab, freed[i]);
		nr_listed = read_list(slab, list, nr_freed);
	}
	for (unsigned i = 0; i < nr_held; i++) {
		bool is_freed = false;

		for (unsigned j = 0; nr_listed && j < nr_freed; j++)
			is_freed = is_freed || held[i] == slab_object(cache, slab, freed[j]);
		if (!is_freed)
			kmem_cache_free(cache, held[i]);
	}
	return nr_listed;
}

struct slab_facts slab_measure(void)
{
	/* The object freed last is first on the list. */
	static const unsigned short_list[] = { SLIDE_SECOND, SLIDE_FIRST };
	static const unsigned long_list[] = { SLIDE_THIRD, SLIDE_SECOND, SLIDE_FIRST };
	struct kmem_cache *six = slide_cache_with(SLIDE_OBJECTS);
	struct kmem_cache *eight = slide_cache_with(SLIDE_OBJECTS_OF_LIST);
	struct slab_facts facts = { 0 };

	if (six) {
		facts.nr_objects = six->layout.nr_objects;
		facts.nr_pages = (unsigned)pages_in(six->layout.order);
		facts.object_bytes = six->layout.stride_bytes;
		facts.nr_short = list_after_freeing(six, short_list, ARRAY_SIZE(short_list),
						    facts.short_list);
	}
	if (eight)
		facts.nr_long = list_after_freeing(eight, long_list, ARRAY_SIZE(long_list),
						   facts.long_list);
	kmem_cache_destroy(six);
	kmem_cache_destroy(eight);
	return facts;
}

/* ---- 6. kmalloc ---- */

struct kmalloc_facts kmalloc_measure(void)
{
	static const uint64_t sizes[NR_KMALLOC_SAMPLES] = { 1, 32, 33, 64, 100, 128, 1000, 4096,
							     8192 };
	struct kmalloc_facts facts = { .nr_sizes = NR_KMALLOC_CLASSES };

	for (unsigned i = 0; i < NR_KMALLOC_SAMPLES; i++) {
		void *object = kmalloc(sizes[i], GFP_KERNEL | __GFP_NO_GUARD);

		facts.asked[i] = sizes[i];
		facts.given[i] = ksize(object);
		kfree(object);
	}
	return facts;
}

/* ---- 10. What kfree() finds ---- */

#define SAMPLE_BYTES	100u

struct kfree_facts kfree_measure(void)
{
	struct kfree_facts facts = {
		.object = kmalloc(SAMPLE_BYTES, GFP_KERNEL | __GFP_NO_GUARD),
	};
	struct page *page;

	kfree(NULL);
	kfree(ZERO_SIZE_PTR);
	facts.ignores_nothing = ksize(NULL) == 0 && ksize(ZERO_SIZE_PTR) == 0;
	if (!facts.object)
		return facts;
	page = virt_to_page(facts.object);
	facts.is_of_slab = page->type == PAGE_SLAB;
	if (facts.is_of_slab)
		facts.cache_name = kmem_cache_name(page_cache(page));
	kfree(facts.object);
	return facts;
}

/* ---- 11. External metadata ---- */

#define LARGE_BYTES	4096u

static void fill_external(struct external_facts *facts, struct kmem_cache *cache, void *object)
{
	const struct page *page = virt_to_page(object);
	struct slab *slab = page_slab(page);
	uintptr_t start = (uintptr_t)slab_start(cache, slab);

	facts->object_bytes = kmem_cache_size(cache);
	facts->nr_objects = cache->layout.nr_objects;
	facts->first_object_va = (uintptr_t)slab->objects;
	facts->slab_va = (uintptr_t)slab;
	facts->is_outside = facts->slab_va < start || facts->slab_va >= start + slab_bytes(cache);
	facts->next_is_cache = (void *)page->list.next == cache;
	facts->prev_is_slab = (void *)page->list.prev == slab;
}

struct external_facts external_measure(void)
{
	struct kmem_cache *cache = create_plain("lecture-large", LARGE_BYTES, 0, 0, NULL);
	void *object = cache ? kmem_cache_alloc(cache, GFP_KERNEL) : NULL;
	struct external_facts facts = { 0 };

	if (object) {
		fill_external(&facts, cache, object);
		kmem_cache_free(cache, object);
	}
	kmem_cache_destroy(cache);
	return facts;
}
