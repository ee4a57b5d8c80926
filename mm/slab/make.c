/*
 * Making a slab of a block of pages, and pages of a slab again.
 *
 * Model
 *   slab_make() places the descriptor, links every page to cache and slab and
 *   constructs the objects; slab_unmake() undoes all that. Where the descriptor of an
 *   off-slab slab comes from and goes to is mm/slab/node.c's business.
 *
 * Locking
 *   None: a slab that is being made or unmade is on no list. Constructors and the page
 *   allocator are called, so no lock is held.
 *
 * Cost
 *   12 instructions a page and 3 for each 8 objects.
 */

#include "mm/slab/make.h"

#include "mm/event.h"
#include "mm/slab/debug/object.h"
#include "mm/slab/slab.h"

static void run_on_objects(const struct kmem_cache *cache, struct slab *slab,
			   void (*function)(void *object))
{
	for (unsigned i = 0; i < cache->layout.nr_objects; i++)
		function(slab_object(cache, slab, i));
}

/*
 * Slabs are aligned, and so descriptors at their starts would all fall into the same
 * few sets of a CPU's cache: the room in front of the objects is used in turn.
 */
static uint32_t descriptor_offset(const struct slab_layout *layout, uint32_t number)
{
	uint32_t room = layout->objects_offset - SLAB_GUARD_BYTES - layout->descriptor_bytes -
		SLAB_GUARD_BYTES;

	return SLAB_GUARD_BYTES + number % (room / CACHE_LINE_BYTES + 1) * CACHE_LINE_BYTES;
}

static struct slab *place_on_slab(const struct slab_layout *layout, uint8_t *start,
				  uint32_t number)
{
	struct slab *slab = (struct slab *)(void *)(start + descriptor_offset(layout, number));

	slab_guards_set(layout, slab);
	return slab;
}

/* page_set_type() marks all pages of the block. */
static void link_pages(struct kmem_cache *cache, struct slab *slab, struct page *page)
{
	struct page *end = page + pages_in(cache->layout.order);

	page_set_type(page, PAGE_SLAB);
	for (; page < end; page++) {
		page_set_slab(page, cache, slab);
		page->array_index = cache->array_index;
	}
}

static void give_pages_back(struct kmem_cache *cache, struct page *page)
{
	for (uint64_t i = 0; i < pages_in(cache->layout.order); i++)
		page[i].array_index = 0;	/* else it would be an owner */
	page_set_type(page, PAGE_USER);
	__free_pages(page, cache->layout.order);
}

/* ---- Whole slabs ---- */

/* For lecture and reports. */
static NOINLINE COLD void tell(enum mm_event_kind kind, const struct kmem_cache *cache,
			       const struct slab *slab)
{
	const struct mm_event event = {
		.kind = (uint8_t)kind,
		.at = (uintptr_t)slab->objects,
		.order = cache->layout.order,
		.to = (uint8_t)slab->colour,
		.nr = cache->layout.nr_objects,
		.nid = slab->nid,
	};

	mm_event_tell(event, cache->name);
}

struct slab *slab_make(struct kmem_cache *cache, struct page *page, struct slab *descriptor,
		       uint32_t number)
{
	const struct slab_layout *layout = &cache->layout;
	const uint32_t colour = layout->nr_colours == 1 ? 0 : number % layout->nr_colours;
	uint8_t *start = page_address(page);
	struct slab *slab = descriptor ? descriptor : place_on_slab(layout, start, number);

	slab->objects = start + layout->objects_offset + colour * layout->colour_bytes;
	if (cache->debug)
		slab->objects += cache->debug->left_bytes;
	slab->nr_free = layout->nr_objects;
	slab->first_free = 0;
	slab->nid = (uint16_t)page_to_nid(page);
	slab->colour = (uint16_t)colour;
	slab_entries_init(layout, slab);
	link_pages(cache, slab, page);
	if (cache->debug)
		debug_slab_create(cache, slab);
	if (cache->ctor)
		run_on_objects(cache, slab, cache->ctor);
	if (mm_events_wanted())
		tell(MM_EVENT_SLAB_MADE, cache, slab);
	return slab;
}

void slab_unmake(struct kmem_cache *cache, struct slab *slab)
{
	struct page *page = virt_to_page(slab_start(cache, slab));

	if (mm_events_wanted())
		tell(MM_EVENT_SLAB_GONE, cache, slab);
	if (cache->debug)
		debug_slab_release(cache, slab);
	if (cache->dtor)
		run_on_objects(cache, slab, cache->dtor);
	give_pages_back(cache, page);
}
