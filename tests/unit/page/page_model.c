/*
 * The page allocator against the plainest model: an owner per page.
 *
 * Model
 *   owner[pfn] is the index of the holding that has the page, plus 1; 0: none. A
 *   holding is what one request got and has not given back yet. Pages without an
 *   owner are free; where is the allocator's affair, as long as a per-CPU stack
 *   may keep them. Once all stacks are empty they are on the lists, and then
 *   owner[] alone tells what the lists are: the largest aligned blocks that have
 *   no owner and no border of an isolated pageblock in them, each counted under
 *   the type of its pageblock.
 *
 *   The machines are pretended ones (tests/unit/pretend.h): several nodes, CPUs
 *   and kinds of zones, with holes, with and without watermarks.
 */

#include "tests/unit/page/page_model.h"

#include "lib/align.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "log.h"
#include "mm/init.h"
#include "mm/page/isolate.h"
#include "mm/page_alloc.h"
#include "mm/page/page_state.h"
#include "tests/test.h"
#include "tests/unit/heard.h"
#include "tests/unit/pretend.h"

#define NR_OPERATIONS	20000u		/* of the case that runs everywhere */
#define CHECK_STEPS	2000u		/* from one comparison of all counts to the next */

#define MAX_HELD	2000u
#define MAX_BULK	64u
#define MAX_KEPT	8u		/* of one bulk request */
#define MAX_ISOLATED	3u
#define NR_PAGEBLOCKS	(PRETEND_END_PFN / PAGEBLOCK_PAGES)
#define TEXT_BYTES	8192u

/* Of the refusals, one in so many is compared with what the model has left. */
#define REFUSAL_SHARE	64u

/* No watermarks: everything is given out to the last page. */
static const struct pretend_plan four_nodes = {
	.nr_nodes = 4,
	.pieces = {
		{ 0, ZONE_DMA, 256, 4096 },
		{ 0, ZONE_NORMAL, 4096, 8192 },
		{ 1, ZONE_NORMAL, 8192, 10011 },
		{ 1, ZONE_NORMAL, 10213, 12288 },
		{ 3, ZONE_NORMAL, 12288, 16384 },
	},
	.nr_cpus = 4,
	.cpu_nids = { 0, 1, 2, 3 },
	.distance = {
		10, 21, 31, 25,
		21, 10, 15, 31,
		31, 15, 10, 21,
		25, 31, 21, 10,
	},
};

static const struct pretend_plan movable_zone = {
	.nr_nodes = 2,
	.pieces = {
		{ 0, ZONE_DMA32, 512, 4096 },
		{ 0, ZONE_NORMAL, 4096, 7000 },
		{ 0, ZONE_MOVABLE, 7168, 11264 },
		{ 1, ZONE_NORMAL, 11264, 16383 },
	},
	.nr_cpus = 3,
	.cpu_nids = { 0, 1, 0 },
	.min_free_pages = 256,
};

/* Large enough that 1 % of it, what requests that cannot wait may reserve, is a pageblock. */
static const struct pretend_plan atomic_reserve = {
	.nr_nodes = 1,
	.pieces = { { 0, ZONE_NORMAL, 1024, 57344 } },
	.nr_cpus = 2,
	.min_free_pages = 8192,
};

static const struct {
	const struct pretend_plan *plan;
	unsigned nr_held;		/* about as many blocks as fill its memory */
} machines[] = {
	{ &four_nodes, 800 },
	{ &movable_zone, 800 },
	{ &atomic_reserve, MAX_HELD },
};

/* What one request got. */
struct holding {
	struct page *page;		/* NULL: nothing */
	unsigned order;
	uint32_t nr_references;
	bool is_compound;
	enum page_type type;		/* PAGE_USER, or what it was declared to be */
};

static struct {
	const struct pretend_plan *plan;
	uint16_t *owner;		/* by pfn */
	struct holding held[MAX_HELD];
	unsigned nr_held;		/* entries in use */
	pfn_t isolated[MAX_ISOLATED];	/* pageblocks; PFN_NONE: none */
	struct pageblock_types types[MAX_ISOLATED];
	uint64_t nr_type_pages[NR_PAGE_TYPES];
	unsigned cpu;			/* that operates */
	uint64_t nr_requests, nr_refused, nr_checks;
} model;

/* The model's CPUs take turns. */
static bool is_up(const struct zone *zone, pfn_t pfn)
{
	assume_unshared(&zone->grow_lock);
	return zone_has_up(zone, pfn);
}

/* ---- What a block must be ---- */

static enum page_type type_of(const struct holding *holding)
{
	if (holding->type != PAGE_USER)
		return holding->type;
	return holding->is_compound ? PAGE_HEAD : PAGE_USER;
}

static void check_holding(const struct holding *holding)
{
	const struct page *page = holding->page;

	CHECK_EQ(page->type, type_of(holding));
	CHECK_EQ(page->order, holding->order);
	CHECK_EQ(page->refcount, holding->nr_references);
	CHECK(is_aligned(page_to_pfn(page), pages_in(holding->order)));
	CHECK(!holding->is_compound ||
	      compound_head(holding->page + pages_in(holding->order) - 1) == page);
}

static void set_owner(pfn_t pfn, uint64_t nr_pages, uint16_t from, uint16_t to)
{
	for (pfn_t at = pfn; at < pfn + nr_pages; at++) {
		CHECK_EQ(model.owner[at], from);
		model.owner[at] = to;
	}
}

/* Notes that @holding has got the block at @page. */
static void claim(struct holding *holding, struct page *page, unsigned order, bool is_compound)
{
	uint16_t index = (uint16_t)(holding - model.held + 1);

	*holding = (struct holding){ page, order, 1, is_compound, PAGE_USER };
	check_holding(holding);
	CHECK(is_up(page_zone(page), page_to_pfn(page)));
	CHECK(pageblock_migratetype(page) != MIGRATE_ISOLATE);
	set_owner(page_to_pfn(page), pages_in(order), 0, index);
}

static struct holding *random_holding(void)
{
	return &model.held[test_random_below(model.nr_held)];
}

/* ---- Requests ---- */

struct order_request {
	gfp_t gfp;
	unsigned nid;
	unsigned order;
};

static struct order_request random_request(void)
{
	static const gfp_t efforts[] = { 0, __GFP_HIGH, __GFP_MEMALLOC, __GFP_MEMALLOC };
	gfp_t gfp = __GFP_NOWARN | efforts[test_random_below(ARRAY_SIZE(efforts))] |
		    (gfp_t)(test_random_below(MIGRATE_PCPTYPES) << 2);
	uint64_t luck = test_random();
	unsigned order = lowest_bit(luck | 1u << MAX_ORDER);

	gfp |= luck >> 60 ? 0 : __GFP_THISNODE;
	gfp |= (luck >> 56) % 16 ? 0 : __GFP_DMA;
	gfp |= (luck >> 52) % 16 ? 0 : __GFP_DMA32;
	gfp |= (luck >> 48) % 4 ? 0 : __GFP_COMP;
	if ((luck >> 44) % 4 == 0)
		order = (unsigned)test_random_below(NR_ORDERS);
	return (struct order_request){
		.gfp = gfp,
		.nid = (luck >> 40) % 2 ? NID_NONE :
			(unsigned)test_random_below(model.plan->nr_nodes),
		.order = order,
	};
}

/* Marks in @is_taken what no request of this CPU can get: owned, on stacks, isolated. */
static void mark_taken(uint64_t is_taken[PRETEND_END_PFN / BITS_PER_WORD])
{
	for (pfn_t pfn = 0; pfn < PRETEND_END_PFN; pfn++)
		if (model.owner[pfn] ||
		    pageblock_migratetype(pretend_page(pfn)) == MIGRATE_ISOLATE)
			bitmap_set(is_taken, pfn);
	for (unsigned cpu = 0; cpu < model.plan->nr_cpus; cpu++)
		for_each_stack(stack, pretend_cpu(cpu))
			for (uint64_t i = 1; i <= page_stack_count(stack); i++)
				for (uint64_t j = 0; j < pages_in(stack->order); j++)
					bitmap_set(is_taken, page_to_pfn(stack->slots[i]) + j);
}

static bool zone_has_block(const struct zone *zone, const uint64_t *is_taken, unsigned order)
{
	for (pfn_t pfn = align_up(zone->start_pfn, pages_in(order));
	     pfn + pages_in(order) <= zone->end_pfn; pfn += pages_in(order)) {
		uint64_t i = 0;

		while (i < pages_in(order) && is_up(zone, pfn + i) &&
		       !bitmap_test(is_taken, pfn + i))
			i++;
		if (i == pages_in(order))
			return true;
	}
	return false;
}

/* A request that ignores watermarks is refused only when no zone it may use has a block. */
static void check_refusal(const struct order_request *request)
{
	static uint64_t is_taken[PRETEND_END_PFN / BITS_PER_WORD];
	unsigned nid = request->nid == NID_NONE ? pretend_cpu(model.cpu)->nid : request->nid;

	memset(is_taken, 0, sizeof(is_taken));
	mark_taken(is_taken);
	for_each_populated_zone(zone)
		if (zone->type <= highest_zone(request->gfp) &&
		    (!(request->gfp & __GFP_THISNODE) || zone->node->node_id == nid))
			CHECK(!zone_has_block(zone, is_taken, request->order));
}

static void check_place(const struct page *page, const struct order_request *request)
{
	unsigned nid = request->nid == NID_NONE ? pretend_cpu(model.cpu)->nid : request->nid;

	CHECK(page_zone(page)->type <= highest_zone(request->gfp));
	CHECK(!(request->gfp & __GFP_THISNODE) || page_to_nid(page) == nid);
}

static void take(struct holding *holding)
{
	struct order_request request = random_request();
	struct page *page = alloc_pages_node(request.nid, request.gfp, request.order);

	model.nr_requests++;
	if (page) {
		check_place(page, &request);
		claim(holding, page, request.order,
		      request.gfp & __GFP_COMP && request.order > 0);
		return;
	}
	model.nr_refused++;
	if (request.gfp & __GFP_MEMALLOC && test_random_below(REFUSAL_SHARE) == 0)
		check_refusal(&request);
}

/* As requests are whose flags and order the compiler knows, or that want an address. */
static void take_known(struct holding *holding)
{
	struct page *page = NULL;
	uintptr_t va;

	model.nr_requests++;
	switch (test_random_below(4)) {
	case 0:
		page = alloc_pages(__GFP_NOWARN, 0);
		break;
	case 1:
		page = alloc_pages(__GFP_NOWARN | __GFP_RECLAIMABLE, 3);
		break;
	case 2:
		page = alloc_pages(__GFP_NOWARN | __GFP_MOVABLE, PAGEBLOCK_ORDER);
		break;
	default:
		va = __get_free_pages(__GFP_NOWARN, 1);
		page = va ? virt_to_page((void *)va) : NULL;
	}
	if (page)
		claim(holding, page, page->order, false);
	else
		model.nr_refused++;
}

static void take_many(void)
{
	static struct page *pages[MAX_BULK];
	unsigned nr = alloc_pages_bulk(__GFP_NOWARN | (gfp_t)(test_random_below(3) << 2), NID_NONE,
				       1 + (unsigned)test_random_below(MAX_BULK), pages);
	unsigned nr_kept = 0;

	model.nr_requests++;
	for (unsigned i = 0; i < model.nr_held && nr_kept < min_u64(nr, MAX_KEPT); i++)
		if (!model.held[i].page)
			claim(&model.held[i], pages[nr_kept++], 0, false);
	free_pages_bulk(nr - nr_kept, pages + nr_kept);
}

/* ---- Giving back ---- */

static void set_type(struct holding *holding, enum page_type type)
{
	uint64_t nr_pages = pages_in(holding->order);

	model.nr_type_pages[holding->type] -= nr_pages;
	model.nr_type_pages[type] += nr_pages;
	page_set_type(holding->page, type);
	holding->type = type;
	check_holding(holding);
}

/* The compiler knows some orders, addresses lead to pages: all ways end in the same. */
static void free_somehow(struct page *page, unsigned order)
{
	if (test_random_below(4) == 0)
		free_pages((uintptr_t)page_address(page), order);
	else if (order == 0)
		__free_pages(page, 0);
	else if (order == 2)
		__free_pages(page, 2);
	else
		free_pages_any(page, order);
}

/* A plain block falls apart: its first page stays with the others who refer to it. */
static void free_referenced(struct holding *holding)
{
	uint64_t nr_pages = pages_in(holding->order);

	free_somehow(holding->page, holding->order);
	holding->nr_references--;
	if (!holding->is_compound) {
		set_owner(page_to_pfn(holding->page) + 1, nr_pages - 1, model.owner[
			  page_to_pfn(holding->page)], 0);
		holding->order = 0;
	}
	check_holding(holding);
}

static void give(struct holding *holding)
{
	struct page *page = holding->page;

	if (holding->type != PAGE_USER)
		set_type(holding, PAGE_USER);
	check_holding(holding);
	if (holding->nr_references > 1 && test_random_below(2)) {
		put_page(page);
		holding->nr_references--;
		return;
	}
	if (holding->nr_references > 1) {
		free_referenced(holding);
		return;
	}
	set_owner(page_to_pfn(page), pages_in(holding->order), (uint16_t)(holding - model.held + 1),
		  0);
	if (test_random_below(4) == 0)
		put_page(page);
	else
		free_somehow(page, holding->order);
	holding->page = NULL;
	CHECK(page->type != PAGE_USER);
	CHECK(page->type != PAGE_HEAD);
}

/* ---- Other operations ---- */

static void refer(struct holding *holding)
{
	uint64_t offset = holding->is_compound ? test_random_below(pages_in(holding->order)) : 0;

	get_page(holding->page + offset);
	holding->nr_references++;
	check_holding(holding);
}

static void declare(struct holding *holding)
{
	static const enum page_type types[] = { PAGE_TABLE, PAGE_VMALLOC, PAGE_SLAB };

	set_type(holding, types[test_random_below(holding->is_compound ? 2 : 3)]);
}

static void drain_everything(void)
{
	for (unsigned cpu = 0; cpu < model.plan->nr_cpus; cpu++) {
		pretend_on_cpu(cpu);
		drain_all_pages();
		mm_cpu_idle();
	}
	pretend_on_cpu(model.cpu);
}

static void isolate(unsigned index)
{
	pfn_t pfn = test_random_below(NR_PAGEBLOCKS) * PAGEBLOCK_PAGES;

	for_each_populated_zone(zone)
		if (is_up(zone, pfn) &&
		    isolate_pageblocks(zone, pfn, pfn + PAGEBLOCK_PAGES, &model.types[index]))
			model.isolated[index] = pfn;
	/* What other CPUs' stacks have of it is in circulation until they are emptied. */
	drain_everything();
}

static void unisolate(unsigned index)
{
	pfn_t pfn = model.isolated[index];

	for_each_populated_zone(zone)
		if (is_up(zone, pfn))
			unisolate_pageblocks(zone, pfn, pfn + PAGEBLOCK_PAGES, &model.types[index]);
	model.isolated[index] = PFN_NONE;
}

static void isolate_or_not(unsigned index)
{
	if (model.isolated[index] == PFN_NONE)
		isolate(index);
	else
		unisolate(index);
}

/* Of some requests the one that is chosen fails, and no other for want of memory. */
static void fail_one(void)
{
	uint64_t nth = 1 + test_random_below(MAX_BULK / 16);

	mm_fail_nth(nth);
	for (uint64_t i = 1; i <= MAX_BULK / 16; i++) {
		struct holding *holding = random_holding();
		struct page *page = alloc_pages(__GFP_MEMALLOC | __GFP_NOWARN, 0);

		if (i == nth)
			CHECK(!page);
		if (page && !holding->page)
			claim(holding, page, 0, false);
		else if (page)
			__free_pages(page, 0);
	}
	CHECK(mm_fail_nth_struck());
	mm_fail_nth(0);
}

static void operate(void)
{
	struct holding *holding = random_holding();

	model.cpu = (unsigned)test_random_below(model.plan->nr_cpus);
	pretend_on_cpu(model.cpu);
	switch (test_random_below(64)) {
	case 0:
		take_many();
		return;
	case 1:
		fail_one();
		return;
	case 2:
		isolate_or_not((unsigned)test_random_below(MAX_ISOLATED));
		return;
	case 3:
		drain_everything();
		return;
	case 4 ... 7:
		if (!holding->page)
			take_known(holding);
		else if (holding->type == PAGE_USER)
			refer(holding);
		return;
	case 8 ... 9:
		if (holding->page && holding->type == PAGE_USER && holding->nr_references == 1)
			declare(holding);
		return;
	default:
		if (holding->page)
			give(holding);
		else
			take(holding);
	}
}

/* ---- Comparing ---- */

/* Free blocks of a zone, as buddyinfo and pagetypeinfo count them. */
struct counts {
	uint64_t nr_blocks[MIGRATE_TYPES][NR_ORDERS];
};

/*
 * Blocks lie in memory of one kind: what the model has isolated, what the allocator
 * keeps for requests that cannot wait, and the rest.
 */
static enum migratetype kind_of(pfn_t pfn)
{
	for (unsigned i = 0; i < MAX_ISOLATED; i++)
		if (model.isolated[i] == align_down(pfn, PAGEBLOCK_PAGES))
			return MIGRATE_ISOLATE;
	return pageblock_migratetype(pretend_page(pfn)) == MIGRATE_HIGHATOMIC ?
		MIGRATE_HIGHATOMIC : MIGRATE_MOVABLE;
}

/* True when [@pfn, @pfn + 2^@order) could be one free block of @zone, the stacks being empty. */
static bool is_free_run(const struct zone *zone, pfn_t pfn, unsigned order)
{
	pfn_t end_pfn = pfn + pages_in(order);

	if (!is_aligned(pfn, pages_in(order)) || end_pfn > zone->end_pfn)
		return false;
	for (pfn_t at = pfn; at < end_pfn; at++)
		if (model.owner[at] || !is_up(zone, at))
			return false;
	return kind_of(pfn) == kind_of(end_pfn - 1);
}

static void count_model(const struct zone *zone, struct counts *counts)
{
	*counts = (struct counts){ 0 };
	for (pfn_t pfn = zone->start_pfn; pfn < zone->end_pfn;) {
		unsigned order = 0;

		if (!is_free_run(zone, pfn, 0)) {
			pfn++;
			continue;
		}
		while (order < MAX_ORDER && is_free_run(zone, pfn, order + 1))
			order++;
		counts->nr_blocks[pageblock_migratetype(pretend_page(pfn))][order]++;
		pfn += pages_in(order);
	}
}

static void count_lists(struct zone *zone, struct counts *counts)
{
	*counts = (struct counts){ 0 };
	spin_lock(&zone->lock);
	for (unsigned type = 0; type < MIGRATE_TYPES; type++)
		for (unsigned order = 0; order < NR_ORDERS; order++)
			list_for_each(node, &zone->free_area[order].free_list[type])
				counts->nr_blocks[type][order]++;
	spin_unlock(&zone->lock);
}

static uint64_t nr_owned_pages(const struct zone *zone)
{
	uint64_t nr_pages = 0;

	for (pfn_t pfn = zone->start_pfn; pfn < zone->end_pfn; pfn++)
		nr_pages += model.owner[pfn] != 0;
	return nr_pages;
}

static void compare_zone(struct zone *zone)
{
	struct counts expected, counts;

	count_model(zone, &expected);
	count_lists(zone, &counts);
	for (unsigned order = 0; order < NR_ORDERS; order++) {
		uint64_t nr_blocks = 0;

		for (unsigned type = 0; type < MIGRATE_TYPES; type++) {
			CHECK_EQ(counts.nr_blocks[type][order], expected.nr_blocks[type][order]);
			nr_blocks += expected.nr_blocks[type][order];
		}
		CHECK_EQ(zone->free_area[order].nr_free, nr_blocks);
	}
	/* It has room for all memory in use, if that were moved to the bottom. */
	CHECK(nr_owned_pages(zone) == 0 ||
	      zone->packing_limit >= pretend_page(zone->start_pfn + nr_owned_pages(zone)));
}

/* All counts there are, with the stacks empty. */
static void compare(void)
{
	uint64_t nr_type_pages[NR_PAGE_TYPES] = { 0 };
	uint64_t nr_isolated_pages = 0;

	drain_everything();
	model.nr_checks++;
	pretend_check();
	for_each_populated_zone(zone) {
		compare_zone(zone);
		nr_isolated_pages += zone->nr_isolated_pages;
		for (unsigned type = PAGE_SLAB; type < PAGE_TAIL; type++)
			nr_type_pages[type] += zone->nr_type_pages[type];
	}
	for (unsigned type = PAGE_SLAB; type < PAGE_TAIL; type++)
		CHECK_EQ(nr_type_pages[type], model.nr_type_pages[type]);
	for (unsigned i = 0; i < MAX_ISOLATED; i++)
		nr_isolated_pages -= model.isolated[i] == PFN_NONE ? 0 : PAGEBLOCK_PAGES;
	CHECK_EQ(nr_isolated_pages, 0);
}

/* ---- What is shown ---- */

static struct {
	char text[TEXT_BYTES];
	size_t nr_bytes;
} expected;

#define EXPECT(...) (expected.nr_bytes += (size_t)format_text(expected.text + expected.nr_bytes, \
				TEXT_BYTES - expected.nr_bytes, __VA_ARGS__))

static bool is_shown(void (*show)(void))
{
	heard_begin();
	show();
	return strstr(heard_end(), expected.text) != NULL;
}

static void buddyinfo_shows_the_model(void)
{
	expected.nr_bytes = 0;
	for_each_populated_zone(zone) {
		struct counts counts;

		count_model(zone, &counts);
		EXPECT("Node %u, zone %8s ", zone->node->node_id, zone_type_name(zone->type));
		for (unsigned order = 0; order < NR_ORDERS; order++) {
			uint64_t nr_blocks = 0;

			for (unsigned type = 0; type < MIGRATE_TYPES; type++)
				nr_blocks += counts.nr_blocks[type][order];
			EXPECT("%6llu ", (unsigned long long)nr_blocks);
		}
		EXPECT("\n");
	}
	CHECK(is_shown(show_buddyinfo));
}

static void pagetypeinfo_shows_the_model(void)
{
	expected.nr_bytes = 0;
	for_each_populated_zone(zone) {
		struct counts counts;

		count_model(zone, &counts);
		for (unsigned type = 0; type < MIGRATE_TYPES; type++) {
			EXPECT("Node %4u, zone %8s, type %12s ", zone->node->node_id,
			       zone_type_name(zone->type),
			       migratetype_name((enum migratetype)type));
			for (unsigned order = 0; order < NR_ORDERS; order++)
				EXPECT("%6llu ", (unsigned long long)counts.nr_blocks[type][order]);
			EXPECT("\n");
		}
	}
	CHECK(is_shown(show_pagetypeinfo));
}

/* ---- Runs ---- */

static void begin(const struct pretend_plan *plan, unsigned nr_held)
{
	memset(&model.held, 0, sizeof(model.held));
	memset(&model.nr_type_pages, 0, sizeof(model.nr_type_pages));
	memset(model.owner, 0, PRETEND_END_PFN * sizeof(*model.owner));
	for (unsigned i = 0; i < MAX_ISOLATED; i++)
		model.isolated[i] = PFN_NONE;
	model.plan = plan;
	model.nr_held = nr_held;
	model.cpu = 0;
	pretend_start(plan);
	pretend_enter();
}

static void run(uint64_t nr_operations)
{
	for (uint64_t i = 1; i <= nr_operations; i++) {
		operate();
		if (i % CHECK_STEPS == 0)
			compare();
	}
	drain_everything();
	buddyinfo_shows_the_model();
	pagetypeinfo_shows_the_model();
}

/* Everything comes back: the machine is as it was. */
static void end(uint64_t nr_pages)
{
	for (unsigned i = 0; i < MAX_ISOLATED; i++)
		if (model.isolated[i] != PFN_NONE)
			unisolate(i);
	for (unsigned i = 0; i < model.nr_held; i++)
		while (model.held[i].page)
			give(&model.held[i]);
	compare();
	CHECK_EQ(pretend_free_pages(), nr_pages);
	pretend_end();
}

void page_model_run(uint64_t nr_operations)
{
	unsigned owner_order = order_for_pages(bytes_to_pages(PRETEND_END_PFN * sizeof(uint16_t)));
	uintptr_t owner = __get_free_pages(GFP_KERNEL | __GFP_NO_INJECTION, owner_order);

	model.owner = (uint16_t *)owner;
	model.nr_requests = 0;
	model.nr_refused = 0;
	model.nr_checks = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(machines); i++) {
		uint64_t nr_pages;

		begin(machines[i].plan, machines[i].nr_held);
		nr_pages = pretend_free_pages();
		run(div_round_up(nr_operations, ARRAY_SIZE(machines)));
		end(nr_pages);
	}
	free_pages(owner, owner_order);
	test_comment("%llu operations, %llu requests of which %llu were refused, all counts "
		     "compared %llu times", (unsigned long long)nr_operations,
		     (unsigned long long)model.nr_requests, (unsigned long long)model.nr_refused,
		     (unsigned long long)model.nr_checks);
}

static void random_operations_agree_with_an_owner_per_page(void)
{
	page_model_run(NR_OPERATIONS);
}

static const struct test_case cases[] = {
	{ "random operations agree with an owner per page",
	  random_operations_agree_with_an_owner_per_page },
};

TEST_SUITE(page_model, cases);
