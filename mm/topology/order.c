/*
 * How far apart nodes are, and so in which order their memory is asked.
 *
 * Model
 *   SLIT decides first: its distances are the firmware's own ranking, and 255
 *   says that there is no way at all. Where it makes no difference, HMAT does:
 *   lower latency first, then higher bandwidth, as the node's own CPUs see them.
 *   Without a SLIT all other nodes are equally far, so HMAT decides alone.
 *   What HMAT does not tell comes after what it tells; of a node that is no
 *   initiator it tells nothing. Last decide the node ids, upwards from the node
 *   itself and around, so that nodes do not all fall back to the same one.
 *
 *   A latency is that of a read and a write together, a bandwidth likewise;
 *   where only one of them is told it counts for both.
 *
 *   The keys are compared one after the other and each belongs to one node, so
 *   the order is total even where the tables contradict each other or themselves.
 *
 * Locking
 *   None: a built topology is read-only.
 */

#include "mm/topology.h"

#include "lib/sort.h"
#include "mm/assert.h"

unsigned topology_distance(const struct topology *topology, uint32_t from_nid, uint32_t to_nid)
{
	const struct distance_table *table = &topology->info->distance;
	uint32_t from, to;

	ASSERT(from_nid < topology->nr_nodes);
	ASSERT(to_nid < topology->nr_nodes);
	if (from_nid == to_nid)
		return DISTANCE_LOCAL;
	from = topology->nodes[from_nid].domain;
	to = topology->nodes[to_nid].domain;
	if (from >= table->nr_localities || to >= table->nr_localities)
		return DISTANCE_REMOTE;
	return table->value[(uint64_t)from * table->nr_localities + to];
}

/* ---- HMAT ---- */

/* Pairs of one initiator, by target. */
struct performance_row {
	const struct performance *pairs;
	uint32_t nr_pairs;
};

/* The first of the pairs whose initiator is not below @initiator. */
static uint32_t find_initiator(const struct boot_info *info, uint64_t initiator)
{
	uint32_t start = 0, end = info->nr_performance;

	while (start < end) {
		uint32_t middle = start + (end - start) / 2;

		if (info->performance[middle].initiator < initiator)
			start = middle + 1;
		else
			end = middle;
	}
	return start;
}

static struct performance_row row_of(const struct topology *topology, uint32_t nid)
{
	const struct boot_info *info = topology->info;
	uint64_t domain = topology->nodes[nid].domain;
	uint32_t start;

	if (info->nr_performance == 0)
		return (struct performance_row){ NULL, 0 };
	start = find_initiator(info, domain);
	return (struct performance_row){ info->performance + start,
					 find_initiator(info, domain + 1) - start };
}

static const struct performance *find_target(struct performance_row row, uint32_t target)
{
	uint32_t start = 0, end = row.nr_pairs;

	while (start < end) {
		uint32_t middle = start + (end - start) / 2;

		if (row.pairs[middle].target < target)
			start = middle + 1;
		else
			end = middle;
	}
	return start < row.nr_pairs && row.pairs[start].target == target ? &row.pairs[start] : NULL;
}

const struct performance *topology_performance(const struct topology *topology, uint32_t from_nid,
					       uint32_t to_nid)
{
	ASSERT(from_nid < topology->nr_nodes);
	ASSERT(to_nid < topology->nr_nodes);

	return find_target(row_of(topology, from_nid), topology->nodes[to_nid].domain);
}

/* ---- Order ---- */

/* From where the order of nodes is seen. */
struct viewpoint {
	const struct topology *topology;
	uint32_t nid;
	struct performance_row row;
};

static struct viewpoint view_from(const struct topology *topology, uint32_t nid)
{
	ASSERT(nid < topology->nr_nodes);

	return (struct viewpoint){ topology, nid, row_of(topology, nid) };
}

/* Of a read and a write; one that is not told is taken to be like the other. */
static uint64_t both_ways(uint32_t read, uint32_t write)
{
	if (read == PERFORMANCE_UNKNOWN)
		read = write;
	if (write == PERFORMANCE_UNKNOWN)
		write = read;
	return (uint64_t)read + write;
}

struct speed {
	uint64_t latency_ps;		/* UINT64_MAX: not told */
	uint64_t bandwidth_mbps;	/* 0: not told */
};

static struct speed speed_of(const struct viewpoint *viewpoint, uint32_t nid)
{
	const struct performance *pair = find_target(viewpoint->row,
						     viewpoint->topology->nodes[nid].domain);
	struct speed speed = { UINT64_MAX, 0 };

	if (!pair)
		return speed;
	if (pair->read_latency_ps != PERFORMANCE_UNKNOWN ||
	    pair->write_latency_ps != PERFORMANCE_UNKNOWN)
		speed.latency_ps = both_ways(pair->read_latency_ps, pair->write_latency_ps);
	speed.bandwidth_mbps = both_ways(pair->read_bandwidth_mbps, pair->write_bandwidth_mbps);
	return speed;
}

static uint32_t steps_up(const struct viewpoint *viewpoint, uint32_t nid)
{
	uint32_t nr_nodes = viewpoint->topology->nr_nodes;

	return nid >= viewpoint->nid ? nid - viewpoint->nid : nid + nr_nodes - viewpoint->nid;
}

static bool is_nearer(const void *a, const void *b, const void *arg)
{
	const struct viewpoint *viewpoint = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	unsigned to_x = topology_distance(viewpoint->topology, viewpoint->nid, x);
	unsigned to_y = topology_distance(viewpoint->topology, viewpoint->nid, y);

	if (to_x != to_y)
		return to_x < to_y;
	if (viewpoint->row.nr_pairs > 0) {
		struct speed of_x = speed_of(viewpoint, x), of_y = speed_of(viewpoint, y);

		if (of_x.latency_ps != of_y.latency_ps)
			return of_x.latency_ps < of_y.latency_ps;
		if (of_x.bandwidth_mbps != of_y.bandwidth_mbps)
			return of_x.bandwidth_mbps > of_y.bandwidth_mbps;
	}
	return steps_up(viewpoint, x) < steps_up(viewpoint, y);
}

bool topology_is_nearer(const struct topology *topology, uint32_t from_nid, uint32_t nid,
			uint32_t than_nid)
{
	const struct viewpoint viewpoint = view_from(topology, from_nid);

	return is_nearer(&nid, &than_nid, &viewpoint);
}

uint32_t topology_fallback_order(const struct topology *topology, uint32_t nid, uint32_t *order)
{
	const struct viewpoint viewpoint = view_from(topology, nid);
	uint32_t nr_order = 0;

	for (uint32_t other = 0; other < topology->nr_nodes; other++)
		if (topology->nodes[other].nr_memory > 0)
			order[nr_order++] = other;
	sort_items(order, nr_order, sizeof(*order), is_nearer, &viewpoint);
	return nr_order;
}
