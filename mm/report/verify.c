/*
 * All verifiers over the live system, and what only the whole system can show.
 *
 * Invariants, for a quiet system
 *   SYSTEM-1  pages on stacks, counted over the CPUs, are those of the walk: ready-made
 *       ones PAGE_CACHED_LARGE, the others PAGE_CACHED
 *   SYSTEM-2  usable = taken by boot + metadata + managed, over all zones
 *   The others stand in the files of what they are about.
 */

#include "mm/init.h"

#include "mm/grace.h"
#include "mm/live.h"
#include "mm/page/shown.h"
#include "mm/percpu.h"
#include "mm/rcu.h"
#include "mm/slab.h"
#include "mm/slab/shown.h"
#include "mm/vmalloc.h"

static bool verify_cached(const struct zone *zone, struct violation *out)
{
	struct zone_census census;
	uint64_t nr_cached = 0, nr_ready = 0;

	if (!zone_count(zone, &census, out))
		return false;
	for (unsigned cpu = 0; cpu < live.nr_cpus; cpu++) {
		if (!live.cpus[cpu])
			continue;
		nr_cached += page_stacks_pages(live.cpus[cpu], zone);
		nr_ready += page_stacks_large_pages(live.cpus[cpu], zone);
	}
	REQUIRE("SYSTEM-1", zone->index, nr_ready == census.nr_pages[PAGE_CACHED_LARGE]);
	REQUIRE("SYSTEM-1", zone->index, nr_cached - nr_ready == census.nr_pages[PAGE_CACHED]);
	return true;
}

static bool verify_total(struct violation *out)
{
	uint64_t nr_pages = 0;

	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		nr_pages += node_data(nid)->nr_taken_pages;
	for_each_populated_zone(zone)
		nr_pages += zone->managed_pages + zone->nr_metadata_pages;
	REQUIRE("SYSTEM-2", nr_pages, nr_pages == live.nr_usable_pages);
	return true;
}

static bool verify_zones(struct violation *out)
{
	for_each_populated_zone(zone)
		if (!zone_verify(zone, out) || !buddy_verify(zone, out) ||
		    !noted_verify(zone, out) || !pageblock_verify(zone, out) ||
		    !compact_verify(zone, out) || !verify_cached(zone, out))
			return false;
	for (unsigned nid = 0; nid < live.nr_nodes; nid++)
		if (!zonelist_verify(&live.topology, live.nodes, nid,
				     &node_data(nid)->node_zonelists[ZONELIST_FALLBACK], out) ||
		    !reclaim_verify(node_data(nid), out))
			return false;
	return true;
}

static bool verify_cpus(struct violation *out)
{
	for (unsigned cpu = 0; cpu < live.nr_cpus; cpu++)
		if (live.cpus[cpu] && !page_stacks_verify(live.cpus[cpu], out))
			return false;
	return true;
}

bool mm_verify_pages(struct violation *out)
{
	return topology_verify(&live.topology, out) && verify_cpus(out) && verify_zones(out) &&
	       verify_total(out);
}

bool mm_verify_all(void)
{
	struct violation violation;

	if (sections_verify(&violation) && handover_verify(&violation) &&
	    mm_verify_pages(&violation) && slab_verify(&violation) && audit_verify(&violation) &&
	    grace_verify(&violation) && rcu_verify(&violation) && percpu_verify(&violation) &&
	    (mm_port_vmalloc_start == mm_port_vmalloc_end || vmalloc_verify(&violation)))
		return true;
	mm_port_log(LOG_ERROR, "verify: rule %s is broken at 0x%llx: %s", violation.rule,
		    (unsigned long long)violation.at, violation.condition);
	return false;
}
