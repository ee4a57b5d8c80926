/*
 * Sections: mem_map on demand.
 *
 * Model
 *   A section is 65,536 pages, 256 MiB of addresses; its 32-byte struct pages
 *   fill 2 MiB. The vmemmap has a fixed place for each; a section is up when its
 *   place is mapped and its pages are initialised. That happens when a zone
 *   first needs the memory, so that boot costs the same for 1 GiB and 8 TiB.
 *
 *   Where the zone has an aligned 2 MiB block free in the section, that block
 *   becomes the section's mem_map, in one large mapping: metadata lies on the
 *   node it describes, and leaves with its section. Else a free block of another
 *   section is borrowed. Else single pages serve those pageblocks that have RAM.
 *   Whatever is not mapped reads as zeroes (mm/port.h), which is PAGE_HOLE, and is
 *   never written.
 *
 *   Of a fresh page only the words `state` (0, PAGE_HOLE) and `notes` are
 *   initialised: the links are written before they are read.
 *
 * Invariants
 *   SECTION-1  a section goes from absent to busy to up, or back to absent; once up it
 *       stays so
 *   SECTION-2  every pageblock with RAM in a section that is up has writable metadata
 *   SECTION-3  a metadata page is PAGE_RESERVED where it has a struct page itself
 *   SECTION-4  ZONE_MOVABLE holds mem_map of its own sections only, and no table while
 *       another zone of the node has a page
 *
 * Locking
 *   `states` are claimed by compare and exchange; who loses waits. map_lock
 *   serialises changes of the vmemmap's tables. The caller may hold one zone's
 *   grow_lock; a zone's lock is taken for the time of borrowing.
 */

#include "mm/page/section.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/page/buddy.h"

enum section_state { SECTION_ABSENT, SECTION_BUSY, SECTION_UP };

#define METADATA_PAGES		(SECTION_PAGES * sizeof(struct page) / PAGE_SIZE)
#define METADATA_ORDER		9u
#define PAGEBLOCK_METADATA	(PAGEBLOCK_PAGES * sizeof(struct page) / PAGE_SIZE)
#define SECTION_PAGEBLOCKS	(SECTION_PAGES / PAGEBLOCK_PAGES)


_Static_assert(METADATA_PAGES == 1u << METADATA_ORDER, "a section's mem_map is one 2 MiB page");
_Static_assert(PAGE_HOLE == 0, "zeroed metadata reads as a hole");

static struct {
	struct section_setup setup;
	struct spinlock map_lock;
	uint64_t nr_up;
} sections;

void sections_init(const struct section_setup *setup)
{
	sections.setup = *setup;
	sections.nr_up = 0;
	memset(setup->states, SECTION_ABSENT, setup->nr_sections);
}

bool section_is_up(pfn_t pfn)
{
	uint64_t section = pfn_to_section(pfn);

	return section < sections.setup.nr_sections &&
	       __atomic_load_n(&sections.setup.states[section], __ATOMIC_ACQUIRE) == SECTION_UP;
}

uint64_t nr_sections_up(void)
{
	return __atomic_load_n(&sections.nr_up, __ATOMIC_RELAXED);
}

/* ---- Memory for metadata ---- */

static uint64_t nr_offered(const struct section_offer *offer)
{
	return (offer->head.end_pfn - offer->head.start_pfn) +
	       (offer->tail.end_pfn - offer->tail.start_pfn);
}

/*
 * Cuts the highest aligned 2 MiB block out of @offer; PFN_NONE when it has none
 * or too little would be left for table pages.
 */
static pfn_t offer_take_block(struct section_offer *offer)
{
	pfn_t end_pfn = align_down(offer->head.end_pfn, METADATA_PAGES);

	if (nr_offered(offer) < METADATA_PAGES + TABLE_PAGES_PER_MAPPING)
		return PFN_NONE;
	if (end_pfn < METADATA_PAGES || end_pfn - METADATA_PAGES < offer->head.start_pfn)
		return PFN_NONE;
	offer->tail = (struct pfn_span){ end_pfn, offer->head.end_pfn };
	offer->head.end_pfn = end_pfn - METADATA_PAGES;
	offer->nr_taken_pages += METADATA_PAGES;
	return offer->head.end_pfn;
}

static pfn_t offer_take_page(struct section_offer *offer)
{
	struct pfn_span *span = &offer->head;
	pfn_t pfn;

	if (span->start_pfn == span->end_pfn)
		span = &offer->tail;
	if (span->start_pfn == span->end_pfn)
		return PFN_NONE;
	pfn = --span->end_pfn;
	offer->nr_taken_pages++;
	memset(phys_to_virt(pfn_to_pa(pfn)), 0, PAGE_SIZE);
	return pfn;
}

/* A free block of @zone, made metadata. */
static pfn_t borrow_from_zone(struct zone *zone, unsigned order)
{
	struct page *page = NULL;

	spin_lock(&zone->lock);
	for (unsigned type = 0; type < MIGRATE_PCPTYPES && !page; type++)
		page = buddy_take(zone, order, (enum migratetype)type);
	if (page) {
		page_set_state(page, make_page_state(PAGE_RESERVED, order, zone->index, 0));
		zone->managed_pages -= pages_in(order);
		zone->nr_metadata_pages += pages_in(order);
	}
	spin_unlock(&zone->lock);
	return page ? zone_page_to_pfn(zone, page) : PFN_NONE;
}

static pfn_t borrow_from_node(struct pglist_data *node, unsigned order)
{
	pfn_t pfn = PFN_NONE;

	/* Metadata of other sections would keep ZONE_MOVABLE from being emptied. */
	for (unsigned type = ZONE_MOVABLE; type-- > 0 && pfn == PFN_NONE;)
		pfn = borrow_from_zone(&node->node_zones[type], order);
	return pfn;
}

static pfn_t borrow_block(void)
{
	pfn_t pfn = PFN_NONE;

	for (struct pglist_data *node = sections.setup.first_node; node && pfn == PFN_NONE;
	     node = node->pgdat_next)
		pfn = borrow_from_node(node, METADATA_ORDER);
	return pfn;
}

/*
 * The port's source of table pages. A table serves many sections: of ZONE_MOVABLE
 * it would stay behind when its section leaves, so the node's other zones give it
 * while they have a page listed.
 */
static pfn_t take_table_page(void *arg)
{
	struct section_offer *offer = arg;
	pfn_t pfn = PFN_NONE;

	if (offer->zone->type == ZONE_MOVABLE)
		pfn = borrow_from_node(offer->zone->node, 0);
	if (pfn == PFN_NONE)
		return offer_take_page(offer);
	memset(phys_to_virt(pfn_to_pa(pfn)), 0, PAGE_SIZE);
	return pfn;
}

/* ---- Mapping ---- */

static uintptr_t vmemmap_of(pfn_t pfn)
{
	return mm_port_vmemmap + pfn * sizeof(struct page);
}

static bool map_metadata(pfn_t described_pfn, pfn_t metadata_pfn, uint64_t nr_metadata_pages,
			 struct section_offer *offer)
{
	bool is_mapped;

	spin_lock(&sections.map_lock);
	is_mapped = mm_port_map_vmemmap(vmemmap_of(described_pfn), metadata_pfn, nr_metadata_pages,
					take_table_page, offer);
	spin_unlock(&sections.map_lock);
	return is_mapped;
}

/* True when the machine has usable memory in the pageblock at @start_pfn. */
static bool has_memory(pfn_t start_pfn)
{
	const struct topology *topology = sections.setup.topology;
	uint64_t start = pfn_to_pa(start_pfn);
	uint64_t end = start + pages_to_bytes(PAGEBLOCK_PAGES);

	for (uint32_t i = 0; i < topology->nr_memory; i++)
		if (topology->memory[i].start < end && topology->memory[i].end > start)
			return true;
	return false;
}

static uint64_t nr_single_pages_needed(pfn_t section_pfn)
{
	uint64_t nr_pages = TABLE_PAGES_PER_MAPPING;

	for (uint64_t block = 0; block < SECTION_PAGEBLOCKS; block++)
		if (has_memory(section_pfn + block * PAGEBLOCK_PAGES))
			nr_pages += PAGEBLOCK_METADATA;
	return nr_pages;
}

/* Metadata of one pageblock from single pages. */
static bool map_pageblock(pfn_t start_pfn, struct section_offer *offer)
{
	uint64_t pages_per_page = PAGEBLOCK_PAGES / PAGEBLOCK_METADATA;

	for (uint64_t i = 0; i < PAGEBLOCK_METADATA; i++) {
		pfn_t pfn = offer_take_page(offer);

		if (pfn == PFN_NONE || !map_metadata(start_pfn + i * pages_per_page, pfn, 1, offer))
			return false;
	}
	return true;
}

static bool map_single_pages(pfn_t section_pfn, struct section_offer *offer)
{
	if (nr_offered(offer) < nr_single_pages_needed(section_pfn))
		return false;
	for (uint64_t block = 0; block < SECTION_PAGEBLOCKS; block++) {
		pfn_t start_pfn = section_pfn + block * PAGEBLOCK_PAGES;

		if (has_memory(start_pfn) && !map_pageblock(start_pfn, offer))
			return false;
	}
	return true;
}

/* ---- Initialisation ---- */

/* Four pages a turn, so that the loop itself costs next to nothing. */
static void init_pages(struct page *page, uint64_t nr_pages)
{
	for (struct page *end = page + nr_pages; page < end; page += 4) {
		page[0].state = 0;
		page[0].notes = 0;
		page[1].state = 0;
		page[1].notes = 0;
		page[2].state = 0;
		page[2].notes = 0;
		page[3].state = 0;
		page[3].notes = 0;
	}
}

static void init_section(pfn_t section_pfn, bool has_single_pages)
{
	for (uint64_t block = 0; block < SECTION_PAGEBLOCKS; block++) {
		pfn_t pfn = section_pfn + block * PAGEBLOCK_PAGES;

		if (has_single_pages && !has_memory(pfn))
			continue;
		init_pages(pfn_to_page(pfn), PAGEBLOCK_PAGES);
		pfn_to_page(pfn)->block_migratetype = MIGRATE_MOVABLE;
	}
}

static void mark_reserved(const struct zone *zone, pfn_t start_pfn, pfn_t end_pfn)
{
	for (pfn_t pfn = start_pfn; pfn < end_pfn; pfn++)
		page_set_state(pfn_to_page(pfn),
			       make_page_state(PAGE_RESERVED, 0, zone->index, 0));
}

/* What boot took of this section says so. */
static void mark_taken(pfn_t section_pfn)
{
	for (struct pglist_data *node = sections.setup.first_node; node; node = node->pgdat_next) {
		for (uint32_t i = 0; i < node->nr_taken; i++) {
			const struct pfn_span *span = &node->taken[i];
			pfn_t start_pfn = max_u64(span->start_pfn, section_pfn);
			pfn_t end_pfn = min_u64(span->end_pfn, section_pfn + SECTION_PAGES);

			if (start_pfn < end_pfn)
				mark_reserved(&node->node_zones[node_zone_type(node, start_pfn)],
					      start_pfn, end_pfn);
		}
	}
}

static bool build(uint64_t section, struct section_offer *offer)
{
	struct pfn_span offered = offer->head;
	pfn_t section_pfn = section * SECTION_PAGES;
	pfn_t block_pfn = offer_take_block(offer);
	bool is_single = false;

	if (nr_offered(offer) < TABLE_PAGES_PER_MAPPING)
		return false;
	if (block_pfn == PFN_NONE)
		block_pfn = borrow_block();
	if (block_pfn == PFN_NONE)
		is_single = true;
	if (is_single ? !map_single_pages(section_pfn, offer)
		      : !map_metadata(section_pfn, block_pfn, METADATA_PAGES, offer))
		return false;
	init_section(section_pfn, is_single);
	mark_taken(section_pfn);
	/* Of the offer, what is in neither piece now holds metadata. */
	mark_reserved(offer->zone, offer->head.end_pfn,
		      offer->tail.end_pfn > offer->tail.start_pfn ? offer->tail.start_pfn
								 : offered.end_pfn);
	if (offer->tail.end_pfn > offer->tail.start_pfn)
		mark_reserved(offer->zone, offer->tail.end_pfn, offered.end_pfn);
	return true;
}

bool section_bring_up(uint64_t section, struct section_offer *offer)
{
	uint8_t *state = &sections.setup.states[section];
	uint8_t absent = SECTION_ABSENT;

	ASSERT(section < sections.setup.nr_sections);

	while (!__atomic_compare_exchange_n(state, &absent, SECTION_BUSY, false, __ATOMIC_ACQUIRE,
					    __ATOMIC_ACQUIRE)) {
		if (absent == SECTION_UP)
			return true;
		absent = SECTION_ABSENT;
		mm_port_spin_hint();
	}
	if (!build(section, offer)) {
		__atomic_store_n(state, SECTION_ABSENT, __ATOMIC_RELEASE);
		return false;
	}
	__atomic_fetch_add(&sections.nr_up, 1, __ATOMIC_RELAXED);
	__atomic_store_n(state, SECTION_UP, __ATOMIC_RELEASE);
	return true;
}
