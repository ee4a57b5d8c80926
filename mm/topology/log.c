/*
 * What is said about a topology, in the words of Linux's boot log.
 *
 * Locking
 *   None: reads the builder of one CPU.
 */

#include "mm/topology/build.h"

#include "mm/port.h"

static void log_affinity(const struct builder *builder)
{
	const struct boot_info *info = builder->info;

	for (uint32_t i = 0; i < builder->topology->nr_cpus; i++)
		if (info->cpus[i].domain != DOMAIN_NONE)
			mm_port_log(LOG_INFO, "SRAT: PXM %u -> APIC 0x%02x -> Node %u",
				    (uint32_t)info->cpus[i].domain,
				    info->cpus[i].apic_id, builder->topology->cpus[i].nid);
	for (uint32_t i = 0; i < info->nr_affinity; i++) {
		const struct affinity_range *range = &info->affinity[i];

		mm_port_log(LOG_INFO, "ACPI: SRAT: Node %u PXM %u [mem 0x%08llx-0x%08llx]%s%s",
			    builder_nid_of_domain(builder, range->domain), range->domain,
			    (unsigned long long)range->start, (unsigned long long)range->end - 1,
			    range->is_hot_pluggable ? " hotplug" : "",
			    range->is_non_volatile ? " non-volatile" : "");
	}
	if (info->distance.nr_localities > 0)
		mm_port_log(LOG_INFO, "NUMA: Initialized distance table, cnt=%u",
			    info->distance.nr_localities);
}

static void log_refusal(const struct topology *topology)
{
	switch (topology->srat) {
	case SRAT_OVERLAP:
		mm_port_log(LOG_ERROR, "SRAT: refused: PXM %u and PXM %u both claim RAM at "
			    "[mem 0x%08llx-0x%08llx]", topology->conflict_domains[0],
			    topology->conflict_domains[1],
			    (unsigned long long)topology->conflict.start,
			    (unsigned long long)topology->conflict.end - 1);
		return;
	case SRAT_UNCOVERED:
		mm_port_log(LOG_ERROR, "SRAT: refused: %llu KiB of RAM are in no range",
			    (unsigned long long)topology->uncovered_bytes >> 10);
		return;
	case SRAT_TOO_MANY_NODES:
		mm_port_log(LOG_ERROR, "SRAT: refused: it has more than %u domains", MAX_NODES);
		return;
	case SRAT_SHREDDED:
		mm_port_log(LOG_ERROR, "SRAT: refused: RAM changes domains every few MiB");
		return;
	case SRAT_NO_NODE:
		mm_port_log(LOG_ERROR,
			    "SRAT: refused: no CPU and no memory is in any of its domains");
		return;
	case SRAT_ABSENT:
		mm_port_log(LOG_NOTICE,
			    "SRAT: none that can be used: all memory and all CPUs form one node");
		return;
	case SRAT_USED:
	case NR_SRAT_VERDICTS:
		return;
	}
}

static void log_one_node(const struct builder *builder)
{
	uint64_t end = builder->pieces[builder->nr_pieces - 1].end;

	log_refusal(builder->topology);
	mm_port_log(LOG_INFO, "No NUMA configuration found");
	mm_port_log(LOG_INFO, "Faking a node at [mem 0x%016llx-0x%016llx]", 0ull,
		    (unsigned long long)end - 1);
}

static void log_oddities(const struct topology *topology)
{
	if (topology->srat != SRAT_USED)
		return;
	if (topology->uncovered_bytes > 0)
		mm_port_log(LOG_WARN,
			    "SRAT: %llu KiB of RAM are in no range: given to their neighbours",
			    (unsigned long long)topology->uncovered_bytes >> 10);
	if (topology->nr_orphan_cpus > 0)
		mm_port_log(LOG_WARN, "SRAT: %u CPUs have no entry: they go to node %u",
			    topology->nr_orphan_cpus, first_node_with_memory(topology));
	for (uint32_t nid = 0; nid < topology->nr_nodes; nid++)
		if (topology->nodes[nid].nr_memory == 0)
			mm_port_log(LOG_INFO, "Node %u (PXM %u) has no memory", nid,
				    topology->nodes[nid].domain);
}

void log_topology(const struct builder *builder)
{
	if (builder->topology->srat == SRAT_USED)
		log_affinity(builder);
	else
		log_one_node(builder);
	log_oddities(builder->topology);
}
