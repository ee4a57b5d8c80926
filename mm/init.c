/*
 * Bring-up of the one live memory manager, in the order of the data flow.
 *
 * Model
 *   boot_info, verified -> topology -> one bootmem per node with memory -> the
 *   structures that last (nodes, zonelists, CPU 0's stacks) -> bootmem retires:
 *   what is free becomes the zones' spans and mem_map, what boot took is
 *   remembered -> zones, brought up on demand -> slab, kmalloc, vmalloc.
 *
 * Cost
 *   Nothing is proportional to RAM but the bitmap of a boot window, and a byte for
 *   each 256 MiB of addresses.
 *
 * Locking
 *   One CPU runs during mm_init(). mm_init_cpu() runs on each CPU for itself.
 */

#include "mm/init.h"

#include "lib/string.h"
#include "mm/grace.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page/grow.h"
#include "mm/page/node.h"
#include "mm/page/reclaim.h"
#include "mm/percpu.h"
#include "mm/range.h"
#include "mm/rcu.h"
#include "mm/report/boot_log.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"

/* ---- CPUs ---- */

/* A node with less serves nobody first: 4 MiB. */
#define MIN_NODE_PAGES	1024u

/* The node whose zones serve CPUs of @nid first: the nearest with memory worth the name. */
static struct pglist_data *memory_node_of(unsigned nid)
{
	const struct zonelist *list = &node_data(nid)->node_zonelists[ZONELIST_FALLBACK];
	struct pglist_data *largest = list->zones[0]->node;

	for (uint32_t i = 0; i < list->nr_zones; i++) {
		struct pglist_data *node = list->zones[i]->node;

		if (node->node_present_pages >= MIN_NODE_PAGES)
			return node;
		if (node->node_present_pages > largest->node_present_pages)
			largest = node;
	}
	return largest;
}

/* CPUs whose stacks are filled from @node: at least its own. */
static unsigned nr_users_of(const struct pglist_data *node)
{
	unsigned nr = 0;

	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		if (memory_node_of(nid) == node)
			nr += live.topology.nodes[nid].nr_cpus;
	return nr ? nr : 1;
}

/* Bytes of a CPU's stacks that are filled from @node. */
static uint64_t stacks_bytes(const struct pglist_data *node)
{
	return page_stacks_bytes(node, nr_users_of(node));
}

static void enter_cpu(struct mm_cpu *cpu_data, unsigned nid)
{
	struct pglist_data *node = memory_node_of(nid);

	slab_init_cpu(cpu_data->kmalloc);
	page_stacks_init(cpu_data, node, mm_port_cpu(), nr_users_of(node));
	cpu_data->nid = nid;
	mm_port_set_cpu_data(cpu_data);
	grace_cpu_start();
	__atomic_store_n(&live.cpus[mm_port_cpu()], cpu_data, __ATOMIC_RELEASE);
	__atomic_fetch_add(&live.nr_ready_cpus, 1, __ATOMIC_RELAXED);
}

static void create_cpus(struct boot_state *state)
{
	unsigned nid = live.topology.cpus[0].nid;
	struct pglist_data *node = memory_node_of(nid);

	live.nr_cpus = live.topology.nr_cpus;
	live.cpus = boot_alloc(state, nid, live.nr_cpus * sizeof(*live.cpus), CACHE_LINE_BYTES);
	enter_cpu(boot_take(state, node->node_id, stacks_bytes(node), PAGE_SIZE), nid);
}

void mm_init_cpu(uint32_t apic_id)
{
	uint32_t nid = topology_nid_of_cpu(&live.topology, apic_id);
	struct pglist_data *node;
	struct page *page;

	ASSERT(live.is_ready);
	ASSERT(nid != NID_NONE);
	ASSERT(mm_port_cpu() < live.nr_cpus);

	/* mm_init() has made CPU 0 ready: it could not have allocated otherwise. */
	if (live.cpus[mm_port_cpu()])
		return;
	node = memory_node_of(nid);
	page = alloc_pages_before_cpu(node->node_id,
				      order_for_pages(bytes_to_pages(stacks_bytes(node))));
	if (!page)
		mm_port_panic(__FILE__, __LINE__, "no memory for the page stacks of CPU %u",
			      mm_port_cpu());
	enter_cpu(page_address(page), nid);
}

/* ---- The sequence ---- */

static unsigned nearest_node(unsigned nid, unsigned index)
{
	const struct zonelist *list = &node_data(nid)->node_zonelists[ZONELIST_FALLBACK];
	const struct pglist_data *previous = NULL;

	for (uint32_t i = 0; i < list->nr_zones; i++) {
		if (list->zones[i]->node == previous)
			continue;
		previous = list->zones[i]->node;
		if (index-- == 0)
			return previous->node_id;
	}
	return NID_NONE;
}

static void start_allocators(void)
{
	struct slab_setup setup = {
		.nr_nodes = live.nr_nodes,
		.nr_cpus = live.nr_cpus,
		.end_pfn = live.end_pfn,
		.nr_pages = live.nr_usable_pages,
		.first_nid = this_mm_cpu()->node->node_id,
		.nearest_node = nearest_node,
		.cpu_node = cpu_to_node,
	};

	slab_audit_init(live.nr_usable_pages);
	slab_guard_forget();
	slab_init(&setup);
	kmalloc_init();
	slab_reclaim_init();
	/* A port without paging has no vmalloc. */
	if (mm_port_vmalloc_start != mm_port_vmalloc_end) {
		vmalloc_init(live.nr_cpus);
		vmalloc_start_guards();
	}
}

/* boot_info comes from outside: what breaks its rules would be memory with two owners. */
static void require_sound_ranges(const struct boot_info *info)
{
	struct violation violation;

	if (!range_verify(info->ranges, info->nr_ranges, &violation))
		mm_port_panic(__FILE__, __LINE__, "boot_info: rule %s is broken by range %llu: %s",
			      violation.rule, (unsigned long long)violation.at,
			      violation.condition);
}

void mm_init(const struct boot_info *info)
{
	struct boot_state state;

	require_sound_ranges(info);
	memset(&state, 0, sizeof(state));
	memset(&live, 0, sizeof(live));
	reclaim_init();
	grace_init();
	rcu_init();
	kfree_rcu_init();
	percpu_init();
	live.info = info;
	boot_build_topology(info, &state);
	live.nr_nodes = live.topology.nr_nodes;
	boot_start_bootmems(&state);
	nodes_create(&state);
	zonelists_create(&state);
	create_cpus(&state);
	log_boot_zones();
	hand_over_to_zones(&state);
	nodes_set_watermarks();
	log_boot_memory(total_managed_pages());
	if (total_managed_pages() < MIN_ALLOCATOR_PAGES)
		boot_refuse(&state, 0);
	live.is_ready = true;
	start_allocators();
}
