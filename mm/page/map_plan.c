/*
 * Where mem_map lies.
 *
 * Model
 *   A section, 65,536 pages, needs 512 pages of mem_map. Who pays is decided when
 *   bootmem has retired and nothing is up, so that afterwards bringing up a
 *   section cannot fail and all memory that a zone counts as its own is to be had.
 *   There are two placements:
 *
 *   Long. A span that has at least half of a section pays for it, and for all
 *   such sections together: one array at the beginning of the span, in 2 MiB
 *   blocks. What follows is contiguous to the end of the span. Sections that lie
 *   in that array need no mem_map.
 *
 *   Short. Of a section at the ends of spans, or with islands, only pageblocks
 *   with memory get mem_map, four pages each, in single pages. The largest piece
 *   of memory in it pays, from an end of its span; else the longest span of any
 *   zone. A section in which there is less than that costs is given up: its
 *   pages are what tables are made of, where their zone may have tables.
 *
 *   Tables: one per section with a short mem_map, one per 512 sections and one per
 *   512 times as many (mm/port.h). Where what was given up does not suffice, the
 *   longest span pays.
 *
 * Cost
 *   O(edges of spans * nodes * log spans); nothing is proportional to RAM but the
 *   states of the sections of long spans, a byte for 256 MiB.
 *
 * Locking
 *   One CPU plans. Taking tables is serialised by the caller.
 */

#include "mm/page/map_plan.h"

#include "lib/align.h"
#include "lib/bits.h"
#include "lib/sort.h"
#include "lib/string.h"

/* A span with this much of a section pays for all of it. */
#define LONG_PAGES		(SECTION_PAGES / 2)

/* Entries of a table of the vmemmap, see mm/port.h. */
#define TABLE_SECTIONS		512u
#define UPPER_TABLE_SECTIONS	((uint64_t)TABLE_SECTIONS * TABLE_SECTIONS)

_Static_assert(METADATA_PAGES == PAGEBLOCK_PAGES, "a section's mem_map is one 2 MiB page");

struct planner {
	struct map_plan *plan;
	struct node_spans *nodes;
	unsigned nr_nodes;
};

/* A span of some node. */
struct span_place {
	struct node_spans *node;
	uint32_t index;
};

uint32_t map_plan_max_runs(uint32_t nr_spans)
{
	/* A long one for each; at two ends of twice as many one, or a piece given up; tables. */
	return 5 * nr_spans + 1;
}

uint32_t map_plan_max_spans(uint32_t nr_spans)
{
	return 2 * nr_spans;
}

static struct pfn_span section_span(uint64_t section)
{
	return (struct pfn_span){ section * SECTION_PAGES, (section + 1) * SECTION_PAGES };
}

/* ---- Cutting ---- */

static struct zone *zone_of_node(const struct node_spans *node, pfn_t pfn)
{
	return &node->node->node_zones[node_zone_type(node->node, pfn)];
}

static void remove_span(struct node_spans *node, uint32_t index)
{
	node->nr_spans--;
	memmove(&node->spans[index], &node->spans[index + 1],
		(node->nr_spans - index) * sizeof(*node->spans));
}

static void insert_span(struct node_spans *node, uint32_t index, struct pfn_span span)
{
	ASSERT(node->nr_spans < node->max_spans);

	memmove(&node->spans[index + 1], &node->spans[index],
		(node->nr_spans - index) * sizeof(*node->spans));
	node->spans[index] = span;
	node->nr_spans++;
}

/* Takes the pages @cut, which are part of the span at @place, out of it: metadata. */
static void cut_span(struct span_place place, struct pfn_span cut)
{
	struct node_spans *node = place.node;
	struct pfn_span span = node->spans[place.index];
	struct pfn_span below = { span.start_pfn, cut.start_pfn };
	struct pfn_span above = { cut.end_pfn, span.end_pfn };

	ASSERT(cut.start_pfn >= span.start_pfn);
	ASSERT(cut.end_pfn <= span.end_pfn);

	zone_of_node(node, cut.start_pfn)->nr_metadata_pages += span_pages(cut);
	if (span_is_empty(below) && span_is_empty(above)) {
		remove_span(node, place.index);
		return;
	}
	node->spans[place.index] = span_is_empty(below) ? above : below;
	if (!span_is_empty(below) && !span_is_empty(above))
		insert_span(node, place.index + 1, above);
}

static struct map_run *add_run(struct planner *planner, struct node_spans *node,
			       struct pfn_span pages)
{
	struct map_plan *plan = planner->plan;
	struct map_run *run = &plan->runs[plan->nr_runs];

	ASSERT(plan->nr_runs < plan->max_runs);

	plan->nr_runs++;
	*run = (struct map_run){ .pages = pages, .node = node->node };
	return run;
}

/* ---- Long ---- */

/*
 * How many of @nr_sections, the first of which begins at @section_pfn, lie wholly
 * in their own mem_map at @map_pfn. The array gets shorter by what it need not describe.
 */
static uint64_t nr_covered(pfn_t section_pfn, uint64_t nr_sections, pfn_t map_pfn)
{
	pfn_t map_end_pfn = map_pfn + nr_sections * METADATA_PAGES;

	if (map_end_pfn < section_pfn)
		return 0;
	return (map_end_pfn - section_pfn) / (SECTION_PAGES + METADATA_PAGES);
}

/* Pays for all sections of which the span has half. */
static void plan_long(struct planner *planner, struct span_place place)
{
	struct pfn_span span = place.node->spans[place.index];
	uint64_t first = pfn_to_section(span.start_pfn);
	uint64_t end = pfn_to_section(span.end_pfn - 1) + 1;
	pfn_t map_pfn = align_up(span.start_pfn, METADATA_PAGES);
	struct map_run *run;

	if (span_pages(span_intersect(span, section_span(first))) < LONG_PAGES)
		first++;
	if (end > first && span_pages(span_intersect(span, section_span(end - 1))) < LONG_PAGES)
		end--;
	if (first >= end)
		return;
	first += nr_covered(first * SECTION_PAGES, end - first, map_pfn);
	run = add_run(planner, place.node, (struct pfn_span){
		map_pfn, map_pfn + (end - first) * METADATA_PAGES });
	run->first_section = first;
	run->end_section = end;
	memset(run->pageblocks, 0xff, sizeof(run->pageblocks));
	memset(planner->plan->states + first, SECTION_ABSENT, end - first);
	cut_span(place, run->pages);
}

/* ---- Short ---- */

/* What free memory there is in one section. */
struct section_memory {
	uint64_t section;
	uint64_t nr_pages;
	struct pfn_span largest;	/* piece of it */
	struct span_place place;	/* of the span that has it */
	uint64_t pageblocks[SECTION_BITMAP_WORDS];
	uint64_t nr_pageblocks;
};

/* The first span of @node that ends behind @pfn. */
static uint32_t first_span_behind(const struct node_spans *node, pfn_t pfn)
{
	uint32_t start = 0, end = node->nr_spans;

	while (start < end) {
		uint32_t middle = start + (end - start) / 2;

		if (node->spans[middle].end_pfn <= pfn)
			start = middle + 1;
		else
			end = middle;
	}
	return start;
}

/* For each span of @node that has a @piece in @section. */
#define for_each_piece(piece, i, node, section)						\
	for (uint32_t i = first_span_behind(node, (section) * SECTION_PAGES);		\
	     i < (node)->nr_spans && pfn_to_section((node)->spans[i].start_pfn) <= (section); \
	     i++)									\
		for (struct pfn_span piece = span_intersect((node)->spans[i],		\
							    section_span(section));	\
		     !span_is_empty(piece); piece.end_pfn = piece.start_pfn)

static void add_piece(struct section_memory *memory, struct pfn_span piece,
		      struct span_place place)
{
	uint64_t first = piece.start_pfn % SECTION_PAGES / PAGEBLOCK_PAGES;
	uint64_t last = (piece.end_pfn - 1) % SECTION_PAGES / PAGEBLOCK_PAGES;

	memory->nr_pages += span_pages(piece);
	if (span_pages(piece) > span_pages(memory->largest)) {
		memory->largest = piece;
		memory->place = place;
	}
	for (uint64_t block = first; block <= last; block++) {
		uint64_t bit = (uint64_t)1 << (block % 64);

		memory->nr_pageblocks += !(memory->pageblocks[block / 64] & bit);
		memory->pageblocks[block / 64] |= bit;
	}
}

static struct section_memory memory_of(const struct planner *planner, uint64_t section)
{
	struct section_memory memory = { .section = section };

	for (unsigned nid = 0; nid < planner->nr_nodes; nid++) {
		struct node_spans *node = &planner->nodes[nid];

		for_each_piece(piece, i, node, section)
			add_piece(&memory, piece, (struct span_place){ node, i });
	}
	return memory;
}

/* The longest span of @node, or of all when NULL, but for ZONE_MOVABLE's; index: none. */
static struct span_place longest_span(const struct planner *planner, const struct node_spans *only)
{
	struct span_place longest = { NULL, 0 };
	uint64_t nr_pages = 0;

	for (unsigned nid = 0; nid < planner->nr_nodes; nid++) {
		struct node_spans *node = &planner->nodes[nid];

		for (uint32_t i = 0; i < node->nr_spans && (!only || only == node); i++) {
			struct pfn_span span = node->spans[i];

			if (span.start_pfn >= node->node->movable_start_pfn ||
			    span_pages(span) <= nr_pages)
				continue;
			longest = (struct span_place){ node, i };
			nr_pages = span_pages(span);
		}
	}
	return longest;
}

static struct pfn_span end_of_span(struct span_place place, uint64_t nr_pages)
{
	pfn_t end_pfn = place.node->spans[place.index].end_pfn;

	return (struct pfn_span){ end_pfn - nr_pages, end_pfn };
}

static bool has_pages(struct span_place place, uint64_t nr_pages)
{
	return place.node && span_pages(place.node->spans[place.index]) >= nr_pages;
}

/*
 * Finds @nr_pages contiguous pages for mem_map of a section, at an end of a span:
 * of the largest piece in it, else of the longest span of that node, else of any.
 */
static bool find_payer(const struct planner *planner, const struct section_memory *memory,
		       uint64_t nr_pages, struct span_place *place, struct pfn_span *pages)
{
	struct pfn_span largest = memory->largest;

	*place = memory->place;
	if (span_pages(largest) >= nr_pages) {
		/* It begins or ends with its span: else it had the whole section. */
		*pages = (struct pfn_span){ largest.start_pfn, largest.start_pfn + nr_pages };
		if (largest.end_pfn == place->node->spans[place->index].end_pfn)
			*pages = end_of_span(*place, nr_pages);
		return true;
	}
	*place = longest_span(planner, memory->place.node);
	if (!has_pages(*place, nr_pages))
		*place = longest_span(planner, NULL);
	if (!has_pages(*place, nr_pages))
		return false;
	*pages = end_of_span(*place, nr_pages);
	return true;
}

/* Pages for tables are chained through themselves: what heads each piece. */
struct spare_piece {
	pfn_t next_pfn;
	uint64_t nr_pages;
};

/* The pages of @run, which has no section, will be tables. */
static void add_spare(struct map_plan *plan, struct map_run *run)
{
	struct pfn_span pages = run->pages;
	struct spare_piece *piece = phys_to_virt(pfn_to_pa(pages.start_pfn));

	run->is_for_tables = true;
	*piece = (struct spare_piece){ plan->spare_pfn, span_pages(pages) };
	plan->spare_pfn = pages.start_pfn;
	plan->nr_spare_pages += span_pages(pages);
}

/* Nothing of @section will be had. */
static void give_up_section(struct planner *planner, uint64_t section)
{
	for (unsigned nid = 0; nid < planner->nr_nodes; nid++) {
		struct node_spans *node = &planner->nodes[nid];
		uint32_t i = first_span_behind(node, section * SECTION_PAGES);

		while (i < node->nr_spans) {
			struct pfn_span piece = span_intersect(node->spans[i],
							       section_span(section));
			uint32_t nr_before = node->nr_spans;
			struct map_run *run;

			if (span_is_empty(piece))
				break;
			cut_span((struct span_place){ node, i }, piece);
			run = add_run(planner, node, piece);
			if (piece.start_pfn < node->node->movable_start_pfn)
				add_spare(planner->plan, run);
			i += node->nr_spans == nr_before;	/* the rest lies around it */
		}
	}
}

/* Decides on a section at an end of a span, if that has not been done yet. */
static bool plan_short(struct planner *planner, uint64_t section)
{
	struct section_memory memory;
	struct span_place place;
	struct pfn_span pages;
	struct map_run *run;
	uint64_t nr_pages;

	if (planner->plan->states[section] != SECTION_NONE)
		return false;
	memory = memory_of(planner, section);
	nr_pages = memory.nr_pageblocks * PAGEBLOCK_METADATA;
	if (memory.nr_pages <= nr_pages + 1 ||
	    !find_payer(planner, &memory, nr_pages, &place, &pages)) {
		give_up_section(planner, section);
		return true;
	}
	run = add_run(planner, place.node, pages);
	run->first_section = section;
	run->end_section = section + 1;
	memcpy(run->pageblocks, memory.pageblocks, sizeof(run->pageblocks));
	planner->plan->states[section] = SECTION_ABSENT;
	cut_span(place, pages);
	return true;
}

/* Spans change while they are gone through: a place is looked at until both ends are done. */
static void plan_ends(struct planner *planner, struct node_spans *node)
{
	for (uint32_t i = 0; i < node->nr_spans;) {
		if (plan_short(planner, pfn_to_section(node->spans[i].start_pfn)))
			continue;
		if (plan_short(planner, pfn_to_section(node->spans[i].end_pfn - 1)))
			continue;
		i++;
	}
}

/* ---- Tables ---- */

/* How many groups of @nr_sections the sections of @run reach into, but for @last_group. */
static uint64_t nr_new_groups(const struct map_run *run, uint64_t nr_sections,
			      uint64_t *last_group)
{
	uint64_t first = run->first_section / nr_sections;
	uint64_t last = (run->end_section - 1) / nr_sections;
	uint64_t nr = last - first + (first != *last_group);

	*last_group = last;
	return nr;
}

static bool is_short(const struct map_run *run)
{
	return run->end_section - run->first_section == 1 &&
	       (map_run_pages(run) < METADATA_PAGES ||
		!is_aligned(run->pages.start_pfn, METADATA_PAGES));
}

static uint64_t nr_tables_needed(const struct map_plan *plan)
{
	uint64_t group = UINT64_MAX, upper_group = UINT64_MAX;
	uint64_t nr = 0;

	for (uint32_t i = 0; i < plan->nr_runs; i++) {
		if (plan->runs[i].first_section == plan->runs[i].end_section)
			continue;
		nr += is_short(&plan->runs[i]);
		nr += nr_new_groups(&plan->runs[i], TABLE_SECTIONS, &group);
		nr += nr_new_groups(&plan->runs[i], UPPER_TABLE_SECTIONS, &upper_group);
	}
	return nr;
}

static bool by_section(const void *a, const void *b, const void *arg)
{
	const struct map_run *x = a, *y = b;

	(void)arg;
	return x->first_section != y->first_section ? x->first_section < y->first_section
						    : x->end_section < y->end_section;
}

static bool plan_tables(struct planner *planner)
{
	struct map_plan *plan = planner->plan;
	uint64_t nr_needed = nr_tables_needed(plan);
	struct span_place place;
	struct pfn_span pages;

	if (plan->nr_spare_pages >= nr_needed)
		return true;
	nr_needed -= plan->nr_spare_pages;
	place = longest_span(planner, NULL);
	if (!has_pages(place, nr_needed))
		return false;
	pages = end_of_span(place, nr_needed);
	cut_span(place, pages);
	add_spare(plan, add_run(planner, place.node, pages));
	return true;
}

pfn_t map_plan_take_table(struct map_plan *plan)
{
	struct spare_piece *piece;
	pfn_t pfn;

	if (plan->spare_pfn == PFN_NONE)
		return PFN_NONE;
	piece = phys_to_virt(pfn_to_pa(plan->spare_pfn));
	plan->nr_spare_pages--;
	pfn = plan->spare_pfn + --piece->nr_pages;
	if (piece->nr_pages == 0)
		plan->spare_pfn = piece->next_pfn;
	memset(phys_to_virt(pfn_to_pa(pfn)), 0, PAGE_SIZE);
	return pfn;
}

/* ---- The plan ---- */

bool map_plan_make(struct map_plan *plan, struct node_spans *nodes, unsigned nr_nodes)
{
	struct planner planner = { plan, nodes, nr_nodes };
	bool has_tables;

	plan->spare_pfn = PFN_NONE;
	/* From the last: what a cut splits off comes behind, and is not looked at again. */
	for (unsigned nid = 0; nid < nr_nodes; nid++)
		for (uint32_t i = nodes[nid].nr_spans; i-- > 0;)
			plan_long(&planner, (struct span_place){ &nodes[nid], i });
	for (unsigned nid = 0; nid < nr_nodes; nid++)
		plan_ends(&planner, &nodes[nid]);
	sort_items(plan->runs, plan->nr_runs, sizeof(*plan->runs), by_section, NULL);
	has_tables = plan_tables(&planner);
	sort_items(plan->runs, plan->nr_runs, sizeof(*plan->runs), by_section, NULL);
	return has_tables;
}

const struct map_run *map_plan_find(const struct map_plan *plan, uint64_t section)
{
	uint32_t start = 0, end = plan->nr_runs;

	while (start < end) {
		uint32_t middle = start + (end - start) / 2;

		if (plan->runs[middle].end_section <= section)
			start = middle + 1;
		else
			end = middle;
	}
	if (start == plan->nr_runs || plan->runs[start].first_section > section)
		return NULL;
	return &plan->runs[start];
}

uint64_t map_run_pages(const struct map_run *run)
{
	uint64_t nr_pageblocks = 0;

	for (unsigned i = 0; i < SECTION_BITMAP_WORDS; i++)
		nr_pageblocks += count_bits(run->pageblocks[i]);
	return nr_pageblocks * PAGEBLOCK_METADATA;
}
