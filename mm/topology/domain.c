/*
 * Proximity domains made dense: the node ids.
 *
 * Model
 *   Domains are collected with the place where each is named first, sorted, and
 *   joined; those that something uses are numbered in the order of their places.
 *   Then the keys, sorted by domain again, are the index domain -> node.
 *
 * Locking
 *   None: works on the builder of one CPU.
 */

#include "mm/topology/build.h"

#include "lib/align.h"
#include "lib/sort.h"

uint64_t domain_max_keys(const struct boot_info *info)
{
	return (uint64_t)info->nr_domains + info->nr_cpus + info->nr_affinity +
	       info->nr_initiators + 1;
}

uint64_t domain_max_nodes(const struct boot_info *info)
{
	return min_u64(domain_max_keys(info), MAX_NODES);
}

static bool by_domain_then_place(const void *a, const void *b, const void *arg)
{
	const struct domain_key *x = a, *y = b;

	(void)arg;
	return x->domain != y->domain ? x->domain < y->domain : x->place < y->place;
}

static bool by_place(const void *a, const void *b, const void *arg)
{
	(void)arg;
	return ((const struct domain_key *)a)->place < ((const struct domain_key *)b)->place;
}

static void add_key(struct builder *builder, uint32_t domain, bool is_used)
{
	builder->keys[builder->nr_keys] = (struct domain_key){ domain, builder->nr_keys, is_used };
	builder->nr_keys++;
}

/* The order of domains[] numbers the nodes; the rest says which of them there are. */
static void list_domains(struct builder *builder)
{
	const struct boot_info *info = builder->info;

	for (uint32_t i = 0; i < info->nr_domains; i++)
		add_key(builder, info->domains[i], false);
	for (uint32_t i = 0; i < info->nr_cpus; i++)
		if (info->cpus[i].domain != DOMAIN_NONE)
			add_key(builder, (uint32_t)info->cpus[i].domain, true);
	for (uint32_t i = 0; i < info->nr_affinity; i++)
		add_key(builder, info->affinity[i].domain, true);
	for (uint32_t i = 0; i < info->nr_initiators; i++)
		add_key(builder, info->initiators[i], true);
}

/* Leaves each used domain once, with its first place. */
static void join_keys(struct builder *builder)
{
	struct domain_key *keys = builder->keys;
	uint32_t nr_joined = 0, nr_used = 0;

	sort_items(keys, builder->nr_keys, sizeof(*keys), by_domain_then_place, NULL);
	for (uint32_t i = 0; i < builder->nr_keys; i++) {
		if (nr_joined > 0 && keys[nr_joined - 1].domain == keys[i].domain)
			keys[nr_joined - 1].is_used |= keys[i].is_used;
		else
			keys[nr_joined++] = keys[i];
	}
	for (uint32_t i = 0; i < nr_joined; i++)
		if (keys[i].is_used)
			keys[nr_used++] = keys[i];
	builder->nr_keys = nr_used;
}

/* Numbers the nodes; afterwards keys[].place is the node id and keys[] sorted by domain. */
static void number_nodes(struct builder *builder)
{
	struct topology *topology = builder->topology;

	sort_items(builder->keys, builder->nr_keys, sizeof(*builder->keys), by_place, NULL);
	for (uint32_t nid = 0; nid < builder->nr_keys; nid++) {
		builder->keys[nid].place = nid;
		topology->nodes[nid] =
			(struct topology_node){ .domain = builder->keys[nid].domain };
	}
	topology->nr_nodes = builder->nr_keys;
	sort_items(builder->keys, builder->nr_keys, sizeof(*builder->keys), by_domain_then_place,
		   NULL);
}

uint32_t builder_nid_of_domain(const struct builder *builder, uint32_t domain)
{
	uint32_t start = 0, end = builder->nr_keys;

	while (start < end) {
		uint32_t middle = start + (end - start) / 2;

		if (builder->keys[middle].domain < domain)
			start = middle + 1;
		else
			end = middle;
	}
	if (start < builder->nr_keys && builder->keys[start].domain == domain)
		return builder->keys[start].place;
	return NID_NONE;
}

enum srat_verdict domain_make_nodes(struct builder *builder)
{
	const struct boot_info *info = builder->info;

	if (info->nr_affinity == 0 && info->nr_domains == 0)
		return SRAT_ABSENT;
	list_domains(builder);
	join_keys(builder);
	if (builder->nr_keys == 0)
		return SRAT_NO_NODE;
	if (builder->nr_keys > domain_max_nodes(info))
		return SRAT_TOO_MANY_NODES;
	number_nodes(builder);
	return SRAT_USED;
}

uint32_t first_node_with_memory(const struct topology *topology)
{
	uint32_t nid = 0;

	while (nid + 1 < topology->nr_nodes && topology->nodes[nid].nr_memory == 0)
		nid++;
	return nid;
}
