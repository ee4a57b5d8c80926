/*
 * Pages in use: types, references, compound pages, reports.
 *
 * Model
 *   The first page of an allocated block speaks for it. A plain block's other
 *   pages say nothing; those of a compound page are tails whose `head` leads to
 *   the first one, so that any address in it finds the block in O(1), and the
 *   block's order is recovered on free from the head.
 *
 *   References count users of a block. A plain multi-page block whose first page
 *   is still referenced when it is freed falls apart: the rest goes back, the
 *   first page stays with its users.
 *
 * Invariants
 *   PAGE-1  an allocated block's first page has references, a type of its own and an
 *       order; its address is a multiple of its size
 *   PAGE-2  a compound page's tails are PAGE_TAIL and lead to its head, which has
 *       PAGE_COMPOUND set and is neither a plain page nor a slab's
 *   PAGE-3  the state of a plain block's other pages is 0, PAGE_HOLE: nothing stale
 *       stays in them that could be taken for a block
 *   PAGE-4  every page of a slab is PAGE_SLAB, the first alone has order and references
 *
 * Locking
 *   References and typed-page counters are atomic. Everything else of an
 *   allocated block belongs to its owner.
 */

#include "mm/live.h"
#include "mm/page/page_state.h"

#include "lib/string.h"
#include "mm/event.h"
#include "mm/page/movable_owner.h"
#include "mm/page/section.h"

#define REPORT_BYTES	256u

const char *page_type_name(enum page_type type)
{
	switch (type) {
	case PAGE_HOLE:
		return "no memory or inside a block";
	case PAGE_RESERVED:
		return "reserved";
	case PAGE_FREE:
		return "free";
	case PAGE_CACHED:
		return "cached";
	case PAGE_CACHED_LARGE:
		return "cached for kmalloc large";
	case PAGE_USER:
		return "user";
	case PAGE_MOVABLE:
		return "movable";
	case PAGE_HEAD:
		return "compound head";
	case PAGE_LARGE:
		return "kmalloc large";
	case PAGE_SLAB:
		return "slab";
	case PAGE_TABLE:
		return "page table";
	case PAGE_VMALLOC:
		return "vmalloc";
	case PAGE_PERCPU:
		return "per CPU";
	case PAGE_OFFLINE:
		return "out of service";
	case PAGE_TAIL:
		return "compound tail";
	case NR_PAGE_TYPES:
		break;
	}
	return "corrupt";
}

/*
 * Changes the type of an allocated block alone: others may take references to it
 * and look at its state meanwhile.
 */
static void put_type(struct page *page, enum page_type type)
{
	__atomic_store_n(&page->type, (uint8_t)type, __ATOMIC_RELAXED);
}

/* ---- Compound pages ---- */

void page_make_compound(struct page *page, unsigned order)
{
	struct page *end = page + pages_in(order);
	uint64_t tail_state = make_page_state(PAGE_TAIL, 0, page->zone_index, 0);

	put_type(page, PAGE_HEAD);
	page->flags |= PAGE_COMPOUND;
	for (struct page *tail = page + 1; tail < end; tail++) {
		tail->head = page;
		page_set_state(tail, tail_state);
	}
}

void page_clear_compound(struct page *page)
{
	struct page *end = page + pages_in(page->order);

	page->flags &= (uint8_t)~PAGE_COMPOUND;
	for (struct page *tail = page + 1; tail < end; tail++)
		page_set_state(tail, 0);
}

void page_zero(struct page *page, unsigned order)
{
	memset(page_address(page), 0, pages_to_bytes(pages_in(order)));
}

/* ---- Types ---- */

static void count_type(const struct page *page, enum page_type type, bool is_more)
{
	uint64_t *counter = &page_zone(page)->nr_type_pages[type];

	if (is_more)
		__atomic_fetch_add(counter, pages_in(page->order), __ATOMIC_RELAXED);
	else
		__atomic_fetch_sub(counter, pages_in(page->order), __ATOMIC_RELAXED);
}

static bool is_plain_type(enum page_type type)
{
	return type == PAGE_USER || type == PAGE_MOVABLE || type == PAGE_HEAD;
}

/* The other pages of a slab carry its type too: any address in it finds the cache. */
static void mark_slab_pages(struct page *page, enum page_type type)
{
	struct page *end = page + pages_in(page->order);
	uint64_t state = type == PAGE_SLAB ? make_page_state(PAGE_SLAB, 0, page->zone_index, 0) : 0;

	for (struct page *at = page + 1; at < end; at++)
		page_set_state(at, state);
}

/* For lecture and reports; @type has been checked. */
static NOINLINE COLD void tell_type(const struct page *page, enum page_type old,
				    enum page_type type)
{
	const struct mm_event event = {
		.kind = MM_EVENT_TYPE,
		.at = pfn_to_pa(page_to_pfn(page)),
		.order = page->order,
		.to = (uint8_t)type,
		.nr = old,
		.nid = (uint16_t)page_to_nid(page),
	};

	mm_event_tell(event, page_type_name(type));
}

void page_set_type(struct page *page, enum page_type type)
{
	enum page_type old = (enum page_type)page->type;

	ASSERT(page->refcount != 0);
	ASSERT(old >= PAGE_USER);
	ASSERT(old < PAGE_OFFLINE);
	ASSERT(type >= PAGE_USER);
	ASSERT(type < PAGE_OFFLINE);
	/* Its tails say something else of themselves. */
	ASSERT(type != PAGE_SLAB || !(page->flags & PAGE_COMPOUND));

	if (mm_events_wanted())
		tell_type(page, old, type);
	if (!is_plain_type(old))
		count_type(page, old, false);
	if (old == PAGE_SLAB)
		mark_slab_pages(page, PAGE_HOLE);
	/* It is nobody's to move any more, and the place of the index may be of another use. */
	if (old == PAGE_MOVABLE)
		__atomic_store_n(&page->owner, 0, __ATOMIC_RELAXED);
	if (is_plain_type(type)) {
		put_type(page, page->flags & PAGE_COMPOUND ? PAGE_HEAD : PAGE_USER);
		return;
	}
	put_type(page, type);
	if (type == PAGE_SLAB)
		mark_slab_pages(page, PAGE_SLAB);
	count_type(page, type, true);
}

void page_make_large(struct page *page)
{
	page_make_compound(page, page->order);
	put_type(page, PAGE_LARGE);
	count_type(page, PAGE_LARGE, true);
}

bool page_unmake_large(struct page *page)
{
	ASSERT(page->type == PAGE_LARGE);
	/* Noted, it goes the slow way too. */
	if (__atomic_load_n(&page->refcount, __ATOMIC_ACQUIRE) != 1)
		return false;
	count_type(page, PAGE_LARGE, false);
	page_clear_compound(page);
	put_type(page, PAGE_USER);
	return true;
}

/* ---- Reports ---- */

struct page *page_block_of(pfn_t pfn)
{
	/*
	 * No block exceeds MAX_ORDER, so a page aligned to it starts one; if that
	 * does not reach @pfn, the page aligned to half of it does, and so on.
	 */
	for (unsigned order = MAX_ORDER;; order--) {
		struct page *page = pfn_to_page(pfn & ~(pages_in(order) - 1));
		struct page head = { .state = page_state(page) };
		bool is_block = head.type > PAGE_HOLE && head.type < PAGE_TAIL &&
				head.order <= MAX_ORDER;

		if (order == 0 || (is_block && page_to_pfn(page) + pages_in(head.order) > pfn))
			return page;
	}
}

int page_whatis(pfn_t pfn, char *text, size_t size)
{
	const struct page *page;
	const struct zone *zone;

	if (!section_is_up(pfn))
		return format_text(text, size, "pfn 0x%llx: not in mem_map",
				   (unsigned long long)pfn);
	page = page_block_of(pfn);
	if (page->type == PAGE_HOLE || page->zone_index / MAX_NR_ZONES >= live.nr_nodes)
		return format_text(text, size, "pfn 0x%llx: %s", (unsigned long long)pfn,
				   page_type_name((enum page_type)page->type));
	zone = page_zone(page);
	return format_text(text, size, "pfn 0x%llx: node %u, zone %s, block 0x%llx of order %u, "
			   "%s, %u reference%s%s, owner %s, last caller %08x",
			   (unsigned long long)pfn, zone->node->node_id, zone->name,
			   (unsigned long long)page_to_pfn(page), page->order,
			   page_type_name((enum page_type)page->type),
			   page_users(page->refcount), page_users(page->refcount) == 1 ? "" : "s",
			   page->refcount & PAGE_NOTED ? ", bad page inside" : "",
			   movable_owner_name(page), page->caller);
}

static const char *bad_free_reason(const struct page *page, unsigned order)
{
	switch ((enum page_type)page->type) {
	case PAGE_HOLE:
		return "free of a page that heads no block";
	case PAGE_RESERVED:
		return "free of a reserved page";
	case PAGE_FREE:
	case PAGE_CACHED:
	case PAGE_CACHED_LARGE:
		return "free of a free page";
	case PAGE_TAIL:
		return "free of a tail page";
	case PAGE_OFFLINE:
		return "free of a page that is out of service";
	case PAGE_LARGE:
	case PAGE_SLAB:
	case PAGE_TABLE:
	case PAGE_VMALLOC:
	case PAGE_PERCPU:
		return "free of a page that has another use";
	case PAGE_USER:
	case PAGE_MOVABLE:
	case PAGE_HEAD:
		if (page->order != order)
			return "free with another order";
		return "free of a page without references";
	case NR_PAGE_TYPES:
		break;
	}
	return "free of a corrupt page";
}

void page_report_bad_free(struct page *page, unsigned order)
{
	char text[REPORT_BYTES];

	page_whatis(page_to_pfn(page), text, sizeof(text));
	mm_port_panic(__FILE__, __LINE__, "%s (order %u): %s", bad_free_reason(page, order), order,
		      text);
}

void page_report_corrupt(struct page *page)
{
	char text[REPORT_BYTES];

	page_whatis(page_to_pfn(page), text, sizeof(text));
	mm_port_panic(__FILE__, __LINE__, "free page was written to: state %016llx, %s",
		      (unsigned long long)page->state, text);
}

bool page_may_be_freed(const struct page *page, unsigned order)
{
	return is_plain_type((enum page_type)page->type) && page->order == order &&
	       order <= MAX_ORDER && page_users(page->refcount) != 0 &&
	       page->zone_index < live.nr_nodes * MAX_NR_ZONES;
}

/* The state of the other pages of the block that @page heads. */
static uint64_t interior_state(const struct page *page)
{
	if (page->flags & PAGE_COMPOUND)
		return make_page_state(PAGE_TAIL, 0, page->zone_index, 0);
	return page->type == PAGE_SLAB ? make_page_state(PAGE_SLAB, 0, page->zone_index, 0) : 0;
}

bool page_verify_block(const struct page *page, uint64_t pfn, struct violation *out)
{
	const struct page *end = page + pages_in(page->order);
	bool is_compound = page->flags & PAGE_COMPOUND;
	const char *rule = is_compound ? "PAGE-2" : page->type == PAGE_SLAB ? "PAGE-4" : "PAGE-3";
	uint64_t state = interior_state(page);

	REQUIRE("PAGE-1", pfn, page->refcount != 0);
	REQUIRE("PAGE-2", pfn, !is_compound || page->type >= PAGE_HEAD);
	REQUIRE("PAGE-2", pfn, !is_compound || page->type != PAGE_SLAB);
	REQUIRE("MOVABLE-1", pfn, page->type == PAGE_SLAB ||
		(page->owner != 0) == (page->type == PAGE_MOVABLE));
	for (const struct page *at = page + 1; at < end; at++) {
		REQUIRE(rule, pfn, page_state(at) == state);
		REQUIRE("PAGE-2", pfn, !is_compound || at->head == page);
	}
	return true;
}

unsigned page_to_nid(const struct page *page)
{
	return page->zone_index / MAX_NR_ZONES;
}
