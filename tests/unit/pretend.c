/*
 * A machine in an array. See tests/unit/pretend.h.
 *
 * Everything comes from two blocks of the live page allocator: mem_map, and an
 * arena that is only ever filled. Nodes count as having woken kswapd and the thread as
 * reclaiming, so that a pretended machine that runs out asks no live shrinker for help.
 */

#include "tests/unit/pretend.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/page/buddy.h"
#include "mm/page/page_slow.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "mm/page/zonelist.h"
#include "tests/test.h"

#define MEM_MAP_ORDER	9u	/* 65,536 pages of 32 bytes */
#define ARENA_ORDER	7u
#define MAX_PIECES	(PRETEND_MAX_ZONES + 1)
#define NR_FINDINGS	4u
#define ALLOC_FLAGS	(GFP_KERNEL | __GFP_ZERO | __GFP_NO_INJECTION)

static struct {
	const struct pretend_plan *plan;
	struct page *mem_map;
	uint8_t *arena, *at;
	struct mm_live machine;
	struct boot_info info;

	bool is_entered;
	struct mm_live live;		/* while it is entered: the real one */
	struct mm_cpu *cpu;
	uintptr_t vmemmap;
} box;

static void *take(uint64_t bytes)
{
	void *taken = box.at;

	box.at += align_up(bytes, PAGE_STACK_BYTES);
	if (box.at > box.arena + (PAGE_SIZE << ARENA_ORDER))
		mm_port_panic(__FILE__, __LINE__, "its arena is too small");
	return taken;
}

static void *live_pages(unsigned order)
{
	struct page *page = alloc_pages(ALLOC_FLAGS, order);

	if (!page)
		mm_port_panic(__FILE__, __LINE__, "no memory for a pretended machine");
	return page_address(page);
}

static unsigned nr_pieces(void)
{
	unsigned nr = 0;

	while (nr < PRETEND_MAX_ZONES && box.plan->pieces[nr].end_pfn != 0)
		nr++;
	return nr;
}

static void build_info(void)
{
	unsigned nr = nr_pieces();

	box.info = (struct boot_info){ .nr_cpus = box.plan->nr_cpus };
	box.info.ranges = take(nr * sizeof(struct mem_range));
	box.info.affinity = take(nr * sizeof(struct affinity_range));
	box.info.domains = take(PRETEND_MAX_NODES * sizeof(uint32_t));
	box.info.cpus = take(PRETEND_MAX_CPUS * sizeof(struct boot_cpu));
	box.info.findings = take(NR_FINDINGS * sizeof(struct finding));
	box.info.max_findings = NR_FINDINGS;
	for (unsigned i = 0; i < nr; i++) {
		uint64_t start = pfn_to_pa(box.plan->pieces[i].start_pfn);
		uint64_t end = pfn_to_pa(box.plan->pieces[i].end_pfn);

		box.info.ranges[box.info.nr_ranges++] = (struct mem_range){
			.start = start, .end = end, .type = MEM_USABLE,
		};
		box.info.affinity[box.info.nr_affinity++] = (struct affinity_range){
			.start = start, .end = end, .domain = box.plan->pieces[i].nid,
		};
		box.info.nr_firmware_pages += pa_to_pfn(end - start);
	}
	for (uint32_t nid = 0; nid < box.plan->nr_nodes; nid++)
		box.info.domains[box.info.nr_domains++] = nid;
	for (unsigned cpu = 0; cpu < box.plan->nr_cpus; cpu++)
		box.info.cpus[cpu] = (struct boot_cpu){ cpu, box.plan->cpu_nids[cpu] };
	if (box.plan->nr_performance > 0) {
		uint64_t bytes = box.plan->nr_performance * sizeof(struct performance);

		box.info.nr_performance = box.plan->nr_performance;
		box.info.performance = take(bytes);
		memcpy(box.info.performance, box.plan->performance, bytes);
	}
	if (box.plan->distance[0] != 0) {
		box.info.distance.nr_localities = box.plan->nr_nodes;
		box.info.distance.value = take(sizeof(box.plan->distance));
		memcpy(box.info.distance.value, box.plan->distance, sizeof(box.plan->distance));
	}
}

static void build_topology(void)
{
	uint64_t bytes = topology_bytes(&box.info);

	if (topology_build(&box.machine.topology, &box.info, take(bytes), bytes) != STATUS_OK)
		mm_port_panic(__FILE__, __LINE__, "its topology cannot be built");
}

static void build_nodes(void)
{
	box.machine.nr_nodes = box.plan->nr_nodes;
	box.machine.nodes = take(PRETEND_MAX_NODES * sizeof(struct pglist_data *));
	for (unsigned nid = 0; nid < box.plan->nr_nodes; nid++) {
		struct pglist_data *node = take(sizeof(*node));

		box.machine.nodes[nid] = node;
		node->node_id = nid;
		node->movable_start_pfn = PFN_NONE;
		node->is_kswapd_woken = true;
		if (nid > 0)
			box.machine.nodes[nid - 1]->pgdat_next = node;
		for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
			struct zone *zone = &node->node_zones[type];

			zone_init(zone, node, (enum zone_type)type, box.mem_map);
			zone->spans = take(MAX_PIECES * sizeof(struct pfn_span));
		}
	}
}

static void add_piece(unsigned index)
{
	unsigned nid = box.plan->pieces[index].nid;
	struct zone *zone = pretend_zone(nid, box.plan->pieces[index].type);
	struct pfn_span span = { box.plan->pieces[index].start_pfn,
				 box.plan->pieces[index].end_pfn };
	uint64_t nr_pages = span.end_pfn - span.start_pfn;

	if (zone->nr_spans == 0)
		zone->start_pfn = span.start_pfn;
	zone->end_pfn = span.end_pfn;
	zone->spans[zone->nr_spans++] = span;
	zone->grow_pfn = zone->spans[0].start_pfn;
	zone->present_pages += nr_pages;
	zone->managed_pages += nr_pages;
	zone->nr_pending_pages += nr_pages;
	zone->node->node_present_pages += nr_pages;
	box.machine.nr_usable_pages += nr_pages;
}

static void build_zones(void)
{
	for (pfn_t pfn = 0; pfn < PRETEND_END_PFN; pfn += PAGEBLOCK_PAGES)
		box.mem_map[pfn].block_migratetype = MIGRATE_MOVABLE;
	for (unsigned i = 0; i < nr_pieces(); i++)
		add_piece(i);
	for (unsigned nid = 0; nid < box.plan->nr_nodes && box.plan->min_free_pages != 0; nid++) {
		for (unsigned type = 0; type < MAX_NR_ZONES; type++)
			zone_set_watermarks(pretend_zone(nid, (enum zone_type)type),
					    box.plan->min_free_pages, box.machine.nr_usable_pages);
		node_set_lowmem_reserve(pretend_node(nid));
	}
}

/* All memory at once to the lists, as if its sections had come up. */
static void hand_over(struct zone *zone)
{
	spin_lock(&zone->lock);
	for (uint32_t i = 0; i < zone->nr_spans; i++) {
		const struct pfn_span *span = &zone->spans[i];

		zone->nr_pending_pages -= span->end_pfn - span->start_pfn;
		buddy_free_range(zone, pretend_page(span->start_pfn),
				 span->end_pfn - span->start_pfn);
	}
	zone->grow_span = zone->nr_spans;
	spin_unlock(&zone->lock);
}

static void build_zonelists(void)
{
	uint32_t *nids = take(PRETEND_MAX_NODES * sizeof(uint32_t));

	for (unsigned nid = 0; nid < box.plan->nr_nodes; nid++) {
		struct zonelist *lists = pretend_node(nid)->node_zonelists;
		struct zone **zones = take(PRETEND_MAX_NODES * MAX_NR_ZONES * sizeof(*zones));
		uint32_t nr_own;

		lists[ZONELIST_FALLBACK].zones = zones;
		lists[ZONELIST_FALLBACK].nr_zones = zonelist_build(&box.machine.topology,
								   box.machine.nodes, nid, nids,
								   zones, &nr_own);
		lists[ZONELIST_NOFALLBACK] = (struct zonelist){ zones, nr_own };
	}
}

static void build_cpus(void)
{
	box.machine.nr_cpus = box.plan->nr_cpus;
	box.machine.cpus = take(PRETEND_MAX_CPUS * sizeof(struct mm_cpu *));
	for (unsigned cpu = 0; cpu < box.plan->nr_cpus; cpu++) {
		unsigned nid = box.plan->cpu_nids[cpu];
		struct pglist_data *node =
			pretend_node(nid)->node_zonelists[ZONELIST_FALLBACK].zones[0]->node;
		struct mm_cpu *cpu_data = take(page_stacks_bytes(node, box.plan->nr_cpus));

		slab_init_cpu(cpu_data->kmalloc);
		page_stacks_init(cpu_data, node, cpu, box.plan->nr_cpus);
		cpu_data->nid = nid;
		box.machine.cpus[cpu] = cpu_data;
	}
}

void pretend_start(const struct pretend_plan *plan)
{
	box.plan = plan;
	box.machine = (struct mm_live){ .info = &box.info, .end_pfn = PRETEND_END_PFN };
	box.mem_map = live_pages(MEM_MAP_ORDER);
	box.arena = live_pages(ARENA_ORDER);
	box.at = box.arena;
	build_info();
	build_topology();
	build_nodes();
	build_zones();
	for (unsigned i = 0; i < plan->nr_nodes * MAX_NR_ZONES && !plan->is_pending; i++)
		hand_over(pretend_zone(i / MAX_NR_ZONES, (enum zone_type)(i % MAX_NR_ZONES)));
	build_zonelists();
	build_cpus();
	box.machine.is_ready = true;
}

void pretend_end(void)
{
	if (box.is_entered)
		pretend_leave();
	__free_pages(virt_to_page(box.mem_map), MEM_MAP_ORDER);
	__free_pages(virt_to_page(box.arena), ARENA_ORDER);
}

struct pglist_data *pretend_node(unsigned nid)
{
	return box.machine.nodes[nid];
}

struct zone *pretend_zone(unsigned nid, enum zone_type type)
{
	return &pretend_node(nid)->node_zones[type];
}

struct mm_cpu *pretend_cpu(unsigned cpu)
{
	return box.machine.cpus[cpu];
}

struct page *pretend_page(pfn_t pfn)
{
	return box.mem_map + pfn;
}

struct boot_info *pretend_info(void)
{
	return &box.info;
}

void pretend_enter(void)
{
	test_quiet(true);
	box.is_entered = true;
	box.live = live;
	box.cpu = this_mm_cpu();
	box.vmemmap = mm_port_vmemmap;
	live = box.machine;
	mm_port_vmemmap = (uintptr_t)box.mem_map;
	*mm_port_thread_word() |= THREAD_RECLAIMS;
	pretend_on_cpu(0);
}

void pretend_on_cpu(unsigned cpu)
{
	mm_port_set_cpu_data(pretend_cpu(cpu));
}

void pretend_leave(void)
{
	mm_port_set_cpu_data(box.cpu);
	mm_port_vmemmap = box.vmemmap;
	live = box.live;
	*mm_port_thread_word() &= ~THREAD_RECLAIMS;
	box.is_entered = false;
	test_quiet(false);
}

static bool verify(struct violation *out)
{
	bool was_entered = box.is_entered;
	bool is_sound;

	if (!was_entered)
		pretend_enter();
	is_sound = mm_verify_pages(out);
	if (!was_entered)
		pretend_leave();
	return is_sound;
}

void pretend_check(void)
{
	struct violation violation;

	if (!verify(&violation))
		test_fail(__FILE__, __LINE__, "rule %s is broken at 0x%llx: %s", violation.rule,
			  (unsigned long long)violation.at, violation.condition);
}

bool pretend_breaks(const char *rule)
{
	struct violation violation;

	if (verify(&violation))
		return false;
	if (strcmp(violation.rule, rule) != 0)
		test_comment("rule %s instead of %s: %s", violation.rule, rule,
			     violation.condition);
	return strcmp(violation.rule, rule) == 0;
}

uint64_t pretend_free_pages(void)
{
	uint64_t nr_pages = 0;

	for (unsigned i = 0; i < box.plan->nr_nodes * MAX_NR_ZONES; i++) {
		const struct zone *zone = pretend_zone(i / MAX_NR_ZONES,
						       (enum zone_type)(i % MAX_NR_ZONES));

		nr_pages += zone_free_pages(zone);
		for (unsigned cpu = 0; cpu < box.plan->nr_cpus; cpu++)
			nr_pages += page_stacks_pages(pretend_cpu(cpu), zone);
	}
	return nr_pages;
}
