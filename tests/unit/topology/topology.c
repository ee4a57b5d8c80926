/*
 * The topology: the policy of the firmware rules by example, labels against a
 * model that asks every page, one breach per rule.
 */

#include "mm/topology.h"

#include "lib/string.h"
#include "mm/assert.h"
#include "mm/range.h"
#include "tests/test.h"

#define MIB(n)		((uint64_t)(n) << 20)
#define NR_MAX		16u

static struct mem_range ranges[NR_MAX];
static struct affinity_range affinity[NR_MAX];
static struct boot_cpu cpus[NR_MAX];
static uint32_t domains[2 * NR_MAX], initiators[2];
static uint8_t distances[64];
static struct performance performance[64];
static uint64_t buffer[1024];
static struct boot_info info;
static struct topology topology;

static void begin(void)
{
	info = (struct boot_info){
		.ranges = ranges, .affinity = affinity, .cpus = cpus, .domains = domains,
		.initiators = initiators, .distance = { 0, distances },
		.performance = performance,
	};
}

static void put_range(uint64_t start, uint64_t end, enum mem_type type)
{
	ranges[info.nr_ranges++] = (struct mem_range){ .start = start, .end = end, .type = type };
}

/* Affinity ranges are put in order of start, as boot_info promises. */
static void put_affinity(uint64_t start, uint64_t end, uint32_t domain)
{
	affinity[info.nr_affinity++] =
		(struct affinity_range){ .start = start, .end = end, .domain = domain };
	domains[info.nr_domains++] = domain;
}

static void put_cpu(uint32_t apic_id, uint64_t domain)
{
	cpus[info.nr_cpus++] = (struct boot_cpu){ apic_id, domain };
}

static void build(void)
{
	struct violation violation = { "", "", 0 };

	CHECK(topology_bytes(&info) <= sizeof(buffer));
	CHECK_EQ(topology_build(&topology, &info, buffer, sizeof(buffer)), STATUS_OK);
	CHECK(topology_verify(&topology, &violation));
}

/* The node of the usable page at @pa, NID_NONE where there is none. */
static uint32_t nid_at(uint64_t pa)
{
	for (uint32_t i = 0; i < topology.nr_memory; i++)
		if (pa >= topology.memory[i].start && pa < topology.memory[i].end)
			return topology.memory[i].nid;
	return NID_NONE;
}

static uint64_t usable_of(uint32_t domain)
{
	return topology.nodes[topology_nid_of_domain(&topology, domain)].usable_bytes;
}

/* Two nodes of 8 MiB, domains 5 and 2, one CPU each. */
static void begin_two_nodes(void)
{
	begin();
	put_range(MIB(0), MIB(16), MEM_USABLE);
	put_cpu(0, 5);
	put_cpu(1, 2);
	put_affinity(MIB(0), MIB(8), 5);
	put_affinity(MIB(8), MIB(16), 2);
}

static void sparse_domains_become_dense_nodes(void)
{
	begin();
	put_range(MIB(0), MIB(16), MEM_USABLE);
	put_cpu(7, 4000000000u);
	put_cpu(9, 1);
	domains[info.nr_domains++] = 4000000000u;	/* the SRAT names it first */
	put_affinity(MIB(0), MIB(8), 1);
	put_affinity(MIB(8), MIB(16), 4000000000u);
	build();
	CHECK_EQ(topology.srat, SRAT_USED);
	CHECK_EQ(topology.nr_nodes, 2);
	CHECK_EQ(topology.nodes[0].domain, 4000000000u);
	CHECK_EQ(topology.nodes[1].domain, 1);
	CHECK_EQ(nid_at(MIB(0)), 1);
	CHECK_EQ(nid_at(MIB(8)), 0);
	CHECK_EQ(topology_nid_of_cpu(&topology, 7), 0);
	CHECK_EQ(topology_nid_of_cpu(&topology, 9), 1);
	CHECK_EQ(topology_nid_of_cpu(&topology, 8), NID_NONE);
	CHECK_EQ(topology_nid_of_domain(&topology, 3), NID_NONE);
}

static void no_srat_means_one_node(void)
{
	begin();
	put_range(MIB(1), MIB(2), MEM_USABLE);
	put_range(MIB(4), MIB(5), MEM_USABLE);
	put_cpu(3, DOMAIN_NONE);
	build();
	CHECK_EQ(topology.srat, SRAT_ABSENT);
	CHECK_EQ(topology.nr_nodes, 1);
	CHECK_EQ(topology.nodes[0].usable_bytes, MIB(2));
	CHECK_EQ(topology.nodes[0].nr_cpus, 1);
}

static void domains_that_nothing_uses_are_no_nodes(void)
{
	begin();
	put_range(MIB(1), MIB(2), MEM_USABLE);
	put_cpu(3, DOMAIN_NONE);
	domains[info.nr_domains++] = 5;		/* of a CPU that is not there */
	build();
	CHECK_EQ(topology.srat, SRAT_NO_NODE);
	CHECK_EQ(topology.nr_nodes, 1);
	CHECK_EQ(topology.nodes[0].nr_cpus, 1);
}

static void nodes_without_memory_or_cpus_stay(void)
{
	begin_two_nodes();
	put_cpu(2, 7);				/* no memory */
	affinity[1].domain = domains[1] = 9;	/* no CPU */
	cpus[1].domain = 5;
	initiators[info.nr_initiators++] = 11;	/* neither */
	build();
	CHECK_EQ(topology.nr_nodes, 4);
	CHECK_EQ(usable_of(7), 0);
	CHECK_EQ(usable_of(9), MIB(8));
	CHECK_EQ(usable_of(11), 0);
	CHECK_EQ(topology.nodes[topology_nid_of_domain(&topology, 9)].nr_cpus, 0);
}

static void a_domain_of_absent_cpus_is_no_node(void)
{
	begin_two_nodes();
	domains[info.nr_domains++] = 77;	/* named, but no CPU, range or initiator is there */
	build();
	CHECK_EQ(topology.nr_nodes, 2);
}

static void two_domains_that_claim_ram_refuse_the_srat(void)
{
	begin_two_nodes();
	affinity[1].start = MIB(8) - 1;
	build();
	CHECK_EQ(topology.srat, SRAT_OVERLAP);
	CHECK_EQ(topology.nr_nodes, 1);
	CHECK_EQ(topology.conflict.start, MIB(8) - 1);
	CHECK_EQ(topology.conflict_domains[0], 5);
	CHECK_EQ(topology.conflict_domains[1], 2);
	CHECK_EQ(topology.nodes[0].nr_cpus, 2);
}

static void overlap_where_there_is_no_ram_is_fine(void)
{
	begin();
	put_range(MIB(0), MIB(8), MEM_USABLE);
	put_range(MIB(8), MIB(32), MEM_MMIO);
	put_range(MIB(32), MIB(40), MEM_USABLE);
	put_cpu(0, 0);
	put_affinity(MIB(0), MIB(40), 0);	/* a window around everything */
	put_affinity(MIB(8), MIB(32), 1);
	put_affinity(MIB(16), MIB(24), 2);
	build();
	CHECK_EQ(topology.srat, SRAT_USED);
	CHECK_EQ(topology.nr_nodes, 3);
	CHECK_EQ(nid_at(MIB(0)), 0);
	CHECK_EQ(nid_at(MIB(36)), 0);
}

static void a_third_domain_under_a_long_range_is_noticed(void)
{
	begin();
	put_range(MIB(20), MIB(24), MEM_USABLE);
	put_cpu(0, 0);
	put_affinity(MIB(0), MIB(40), 0);
	put_affinity(MIB(1), MIB(22), 1);
	put_affinity(MIB(21), MIB(30), 0); /* of the longest range's domain, but over another */
	build();
	CHECK_EQ(topology.srat, SRAT_OVERLAP);
}

static void overlap_inside_a_domain_merges(void)
{
	begin_two_nodes();
	info.nr_affinity = 0;
	put_affinity(MIB(0), MIB(6), 5);
	put_affinity(MIB(0), MIB(6), 5);
	put_affinity(MIB(4), MIB(8), 5);
	put_affinity(MIB(8), MIB(16), 2);
	build();
	CHECK_EQ(topology.srat, SRAT_USED);
	CHECK_EQ(usable_of(5), MIB(8));
	CHECK_EQ(topology.nr_memory, 2);
}

static void a_little_uncovered_ram_joins_its_neighbour(void)
{
	begin_two_nodes();
	affinity[0].end = MIB(8) - 4096 * 64;
	affinity[1].start = MIB(8) + 4096 * 192;
	build();
	CHECK_EQ(topology.srat, SRAT_USED);
	CHECK_EQ(topology.uncovered_bytes, MIB(1));
	CHECK_EQ(usable_of(5) + usable_of(2), MIB(16));
}

static void orphans_join_the_nearer_side(void)
{
	begin();
	put_range(MIB(0), MIB(4), MEM_USABLE);
	put_range(MIB(5), MIB(5) + 4096, MEM_USABLE);		/* 1 MiB from 0, 3 from 1 */
	put_range(MIB(7), MIB(7) + 4096, MEM_USABLE);		/* 3 from 0, less than 1 from 1 */
	put_range(MIB(8), MIB(16), MEM_USABLE);
	put_range(MIB(20), MIB(20) + 4096, MEM_USABLE);		/* only a lower neighbour */
	put_cpu(0, 0);
	put_affinity(MIB(0), MIB(4), 0);
	put_affinity(MIB(8), MIB(16), 1);
	build();
	CHECK_EQ(topology.srat, SRAT_USED);
	CHECK_EQ(nid_at(MIB(5)), 0);
	CHECK_EQ(nid_at(MIB(7)), 1);
	CHECK_EQ(nid_at(MIB(20)), 1);
}

static void much_uncovered_ram_refuses_the_srat(void)
{
	begin_two_nodes();
	affinity[1].start = MIB(9) + 1;		/* one page more than 1 MiB, by its first byte */
	build();
	CHECK_EQ(topology.srat, SRAT_USED);	/* that page's last bytes are covered */
	affinity[1].start = MIB(9) + 4096;
	build();
	CHECK_EQ(topology.srat, SRAT_UNCOVERED);
	CHECK_EQ(topology.nr_nodes, 1);
}

static void a_srat_without_any_ram_is_refused(void)
{
	begin();
	put_range(MIB(0), MIB(1) / 2, MEM_USABLE);
	put_cpu(0, 3);
	domains[info.nr_domains++] = 3;
	build();
	CHECK_EQ(topology.srat, SRAT_UNCOVERED);
	CHECK_EQ(topology.nodes[0].usable_bytes, MIB(1) / 2);
}

static void a_page_on_the_border_has_one_node(void)
{
	begin_two_nodes();
	affinity[0].end = affinity[1].start = MIB(8) + 100;
	build();
	CHECK_EQ(topology.srat, SRAT_USED);
	CHECK_EQ(nid_at(MIB(8)), topology_nid_of_domain(&topology, 5));
	CHECK_EQ(nid_at(MIB(8) + 4096), topology_nid_of_domain(&topology, 2));
}

static void memory_the_kernel_holds_is_ram(void)
{
	begin_two_nodes();
	ranges[0].end = MIB(12);
	put_range(MIB(12), MIB(16), MEM_KERNEL);
	build();
	CHECK_EQ(usable_of(2), MIB(4));
	CHECK_EQ(topology.nodes[topology_nid_of_domain(&topology, 2)].ram_bytes, MIB(8));
	affinity[1].end = MIB(12);		/* now RAM that is not usable is uncovered */
	build();
	CHECK_EQ(topology.srat, SRAT_UNCOVERED);
}

static void cpus_without_entry_go_where_memory_is(void)
{
	begin_two_nodes();
	cpus[1].domain = DOMAIN_NONE;
	affinity[0].domain = domains[0] = 2;	/* the node of domain 5 has no memory */
	domains[info.nr_domains++] = 5;
	build();
	CHECK_EQ(topology.nr_orphan_cpus, 1);
	CHECK_EQ(topology_nid_of_cpu(&topology, 1), topology_nid_of_domain(&topology, 2));
}

/* All 32 bits of a domain may be set: it is a number like any other. */
static void the_largest_domain_keeps_its_cpus(void)
{
	begin_two_nodes();
	cpus[1].domain = UINT32_MAX;
	affinity[1].domain = UINT32_MAX;
	build();
	CHECK_EQ(topology.srat, SRAT_USED);
	CHECK_EQ(topology.nr_nodes, 2);
	CHECK_EQ(topology.nr_orphan_cpus, 0);
	CHECK_EQ(topology_nid_of_cpu(&topology, 1), topology_nid_of_domain(&topology, UINT32_MAX));
}

static void machines_without_usable_memory_are_told(void)
{
	begin();
	put_range(MIB(1), MIB(2), MEM_RESERVED);
	CHECK_EQ(topology_build(&topology, &info, buffer, sizeof(buffer)), STATUS_ABSENT);
	CHECK_EQ(topology_build(&topology, &info, buffer, topology_bytes(&info) - 1),
		 STATUS_NO_MEMORY);
}

/* ---- Distances ---- */

static void distances_go_by_domain(void)
{
	begin_two_nodes();
	build();
	CHECK_EQ(topology_distance(&topology, 0, 0), 10);
	CHECK_EQ(topology_distance(&topology, 0, 1), 20);
	memset(distances, 30, sizeof(distances));
	info.distance.nr_localities = 6;
	distances[5 * 6 + 2] = 16;
	CHECK_EQ(topology_distance(&topology, 0, 1), 16);	/* domain 5 to domain 2 */
	CHECK_EQ(topology_distance(&topology, 1, 0), 30);
	info.distance.nr_localities = 5;			/* domain 5 is beyond it */
	CHECK_EQ(topology_distance(&topology, 0, 1), 20);
	CHECK_PANICS("to_nid < topology->nr_nodes", (void)topology_distance(&topology, 0, 2));
	CHECK_PANICS("from_nid < topology->nr_nodes", (void)topology_distance(&topology, 2, 0));
}

/* Four nodes of 8 MiB with domains 0 to 3; CPUs in the first two. */
static void begin_four_nodes(void)
{
	begin();
	put_range(MIB(0), MIB(32), MEM_USABLE);
	put_cpu(0, 0);
	put_cpu(1, 1);
	for (uint32_t d = 0; d < 4; d++)
		put_affinity(MIB(8 * d), MIB(8 * d + 8), d);
}

static void fallback_goes_by_distance(void)
{
	static const uint8_t matrix[4][4] = {
		{ 10, 30, 20, 255 }, { 20, 10, 20, 20 }, { 20, 30, 10, 40 }, { 255, 20, 20, 10 },
	};
	uint32_t order[4];

	begin_four_nodes();
	memcpy(distances, matrix, sizeof(matrix));
	info.distance.nr_localities = 4;
	build();
	CHECK_EQ(topology_fallback_order(&topology, 0, order), 4);
	CHECK(order[0] == 0 && order[1] == 2 && order[2] == 1 && order[3] == 3);
	CHECK_EQ(topology_fallback_order(&topology, 1, order), 4);
	CHECK(order[0] == 1 && order[1] == 2 && order[2] == 3 && order[3] == 0);
	CHECK_PANICS("nid < topology->nr_nodes",
		     (void)topology_fallback_order(&topology, 4, order));
}

/* SLIT with @row as distances from domain 0; all others are 20 apart. */
static void put_distances_from_0(const uint8_t row[4])
{
	memset(distances, 20, 16);
	for (unsigned d = 0; d < 4; d++)
		distances[d * 5] = 10;
	memcpy(distances, row, 4);
	info.distance.nr_localities = 4;
}

/* Pairs are put in order of initiator and target, as boot_info promises. */
static struct performance *put_pair(uint32_t initiator, uint32_t target, uint32_t latency_ps,
				    uint32_t bandwidth_mbps)
{
	struct performance *pair = &performance[info.nr_performance++];

	*pair = (struct performance){ initiator, target, latency_ps, latency_ps, bandwidth_mbps,
				      bandwidth_mbps };
	return pair;
}

/* The fallback order of @nid is that of the decimal digits of @expected. */
static bool falls_back(uint32_t nid, unsigned expected)
{
	uint32_t order[4];
	bool is_same = topology_fallback_order(&topology, nid, order) == 4;

	for (unsigned i = 4; i-- > 0; expected /= 10)
		is_same &= order[i] == expected % 10;
	return is_same;
}

static void hmat_decides_where_slit_does_not(void)
{
	begin_four_nodes();
	put_distances_from_0((const uint8_t[]){ 10, 30, 30, 20 });
	put_pair(0, 1, 90000, 1000);
	put_pair(0, 2, 80000, 1000);
	put_pair(0, 3, 95000, 1000);
	build();
	CHECK(falls_back(0, 321));
	performance[1].read_latency_ps = performance[1].write_latency_ps = 90001;
	CHECK(falls_back(0, 312));
}

static void bandwidth_decides_where_latency_does_not(void)
{
	begin_four_nodes();
	put_distances_from_0((const uint8_t[]){ 10, 20, 20, 20 });
	put_pair(0, 1, 80000, 1000);
	put_pair(0, 2, 80000, 3000);
	put_pair(0, 3, 80000, 2000);
	build();
	CHECK(falls_back(0, 231));
}

static void hmat_decides_alone_without_slit(void)
{
	begin_four_nodes();
	put_pair(1, 0, 300000, 0);
	put_pair(1, 1, 100000, 0);
	put_pair(1, 2, 250000, 0);
	put_pair(1, 3, 200000, 0);
	build();
	CHECK(falls_back(1, 1320));
	CHECK_EQ(topology_distance(&topology, 1, 0), DISTANCE_REMOTE);
}

/* Whatever HMAT says: the node itself comes first, what is unreachable last. */
static void slit_stands_where_hmat_contradicts(void)
{
	begin_four_nodes();
	put_distances_from_0((const uint8_t[]){ 10, 21, 255, 15 });
	put_pair(0, 0, UINT32_MAX, 1);
	put_pair(0, 1, 2, UINT32_MAX);
	put_pair(0, 2, 1, UINT32_MAX);
	put_pair(0, 3, UINT32_MAX, 1);
	build();
	CHECK(falls_back(0, 312));
}

static void a_node_that_is_no_initiator_goes_by_slit(void)
{
	begin_four_nodes();
	put_distances_from_0((const uint8_t[]){ 10, 20, 20, 20 });
	put_pair(0, 1, 3, 0);
	put_pair(0, 2, 2, 0);
	put_pair(0, 3, 1, 0);
	build();
	CHECK(falls_back(0, 321));
	CHECK(falls_back(2, 2301));
	CHECK(topology_performance(&topology, 2, 0) == NULL);
	CHECK(topology_performance(&topology, 0, 2) == &performance[1]);
	CHECK_PANICS("to_nid < topology->nr_nodes", (void)topology_performance(&topology, 0, 4));
	CHECK_PANICS("from_nid < topology->nr_nodes", (void)topology_performance(&topology, 4, 0));
}

static void what_hmat_does_not_tell_comes_last(void)
{
	begin_four_nodes();
	put_pair(0, 2, 0, 5000);
	put_pair(0, 3, UINT32_MAX, 0);
	build();
	CHECK(falls_back(0, 321));
}

static void a_latency_of_one_kind_counts_for_both(void)
{
	begin_four_nodes();
	put_pair(0, 1, 100, 0)->write_latency_ps = 120;		/* 220 in all */
	put_pair(0, 2, 105, 0)->read_latency_ps = PERFORMANCE_UNKNOWN;
	put_pair(0, 3, 0, 0)->read_latency_ps = 108;
	build();
	CHECK(falls_back(0, 231));
}

/* Distances and figures of few values, so that every key decides somewhere. */
static void every_order_is_total(void)
{
	for (unsigned round = 0; round < 300; round++) {
		begin_four_nodes();
		put_distances_from_0(
			(const uint8_t[]){ 10, 20, 20, test_random_below(2) ? 255 : 20 });
		for (uint32_t target = 0; target < 4; target++)
			if (test_random_below(4))
				put_pair(0, target, (uint32_t)test_random_below(3),
					 (uint32_t)test_random_below(3));
		build();
		for (uint32_t a = 0; a < 4; a++)
			for (uint32_t b = 0; b < 4; b++) {
				bool is_nearer = topology_is_nearer(&topology, 0, a, b);

				CHECK_EQ(is_nearer,
					 a != b && !topology_is_nearer(&topology, 0, b, a));
				for (uint32_t c = 0; c < 4 && is_nearer; c++)
					CHECK(!topology_is_nearer(&topology, 0, b, c) ||
					      topology_is_nearer(&topology, 0, a, c));
			}
	}
}

static void fallback_leaves_memoryless_nodes_out(void)
{
	uint32_t order[4];

	begin_two_nodes();
	put_cpu(2, 7);
	build();
	CHECK_EQ(topology.nr_nodes, 3);
	for (uint32_t nid = 0; nid < 3; nid++) {
		CHECK_EQ(topology_fallback_order(&topology, nid, order), 2);
		for (unsigned i = 0; i < 2; i++)
			CHECK(topology.nodes[order[i]].nr_memory > 0);
	}
}

/* ---- The model: what each page of a small machine is ---- */

#define NR_PAGES	512u

static uint64_t model_domain(uint64_t page, bool *is_claimed_twice)
{
	uint64_t domain = DOMAIN_NONE;

	for (uint32_t i = 0; i < info.nr_affinity; i++) {
		if (page < affinity[i].start >> 12 || page >= affinity[i].end >> 12)
			continue;
		if (domain != DOMAIN_NONE && domain != affinity[i].domain)
			*is_claimed_twice = true;
		domain = affinity[i].domain;
	}
	return domain;
}

static bool model_is_ram(uint64_t page)
{
	for (uint32_t i = 0; i < info.nr_ranges; i++)
		if (page >= ranges[i].start >> 12 && page < ranges[i].end >> 12)
			return ranges[i].type == MEM_USABLE;
	return false;
}

static void make_random_machine(void)
{
	uint64_t at = 0;

	begin();
	put_cpu(0, DOMAIN_NONE);
	while (info.nr_ranges < 6) {
		uint64_t start = at + test_random_below(40),
			 end = start + 1 + test_random_below(40);

		put_range(start << 12, end << 12, test_random_below(3) ? MEM_USABLE : MEM_MMIO);
		at = end;
	}
	ranges[0].type = MEM_USABLE;
	at = 0;
	while (info.nr_affinity < 6) {
		at += test_random_below(60);
		put_affinity(at << 12, (at + 1 + test_random_below(90)) << 12,
			     (uint32_t)test_random_below(3));
	}
}

static void labels_agree_with_the_model(void)
{
	unsigned nr_used = 0;

	for (unsigned round = 0; round < 400; round++) {
		bool is_claimed_twice = false;
		uint64_t nr_uncovered = 0, nr_covered = 0;
		bool is_same = true;

		make_random_machine();
		build();
		for (uint64_t page = 0; page < NR_PAGES; page++) {
			uint64_t domain;

			if (!model_is_ram(page))
				continue;
			domain = model_domain(page, &is_claimed_twice);
			nr_uncovered += domain == DOMAIN_NONE;
			nr_covered += domain != DOMAIN_NONE;
			if (topology.srat == SRAT_USED && domain != DOMAIN_NONE)
				is_same &= topology.nodes[nid_at(page << 12)].domain == domain;
		}
		CHECK(is_same);
		if (is_claimed_twice)
			CHECK_EQ(topology.srat, SRAT_OVERLAP);
		else
			CHECK_EQ(topology.srat, nr_uncovered > 256 || nr_covered == 0
							? SRAT_UNCOVERED
							: SRAT_USED);
		nr_used += topology.srat == SRAT_USED;
	}
	CHECK(nr_used > 10);			/* or the comparison above proves nothing */
}

/* ---- ZONE_MOVABLE ---- */

/* Node 0: 1 MiB to 256 MiB; node 1: 512 to 600 MiB and 700 to 712 MiB. */
static void begin_two_large_nodes(void)
{
	begin();
	put_range(MIB(1), MIB(256), MEM_USABLE);
	put_range(MIB(512), MIB(600), MEM_USABLE);
	put_range(MIB(700), MIB(712), MEM_USABLE);
	put_cpu(0, 0);
	put_affinity(MIB(0), MIB(256), 0);
	put_affinity(MIB(512), MIB(712), 1);
}

static void no_node_is_movable_unless_asked(void)
{
	begin_two_large_nodes();
	build();
	CHECK_EQ(topology.nodes[0].movable_start, NO_MOVABLE);
	CHECK_EQ(topology.nodes[1].movable_start, NO_MOVABLE);
}

static void every_node_gives_its_share_from_the_top(void)
{
	begin_two_large_nodes();
	info.movable.percent = 50;
	build();
	/* 127.5 MiB from 256 down, then up to a border; 12 MiB, then 38 of the lower piece. */
	CHECK_EQ(topology.nodes[0].movable_start, MIB(132));
	CHECK_EQ(topology.nodes[1].movable_start, MIB(564));
	info.movable = (struct movable_request){ .bytes = MIB(71) };	/* a fifth of 355 MiB */
	build();
	CHECK_EQ(topology.nodes[0].movable_start, MIB(208));
	CHECK_EQ(topology.nodes[1].movable_start, MIB(592));
}

static void the_kernel_keeps_a_tenth(void)
{
	begin_two_large_nodes();
	info.movable.percent = 100;
	build();
	CHECK_EQ(topology.nodes[0].movable_start, MIB(28));
	CHECK_EQ(topology.nodes[1].movable_start, MIB(528));	/* its least is more: 16 MiB */
	info.movable = (struct movable_request){ .bytes = UINT64_MAX };
	build();
	CHECK_EQ(topology.nodes[0].movable_start, MIB(28));
}

static void small_nodes_and_holes_have_no_movable_part(void)
{
	begin();
	put_range(MIB(1), MIB(17), MEM_USABLE);
	put_range(MIB(32), MIB(64), MEM_USABLE);
	put_range(MIB(64) + PAGE_SIZE, MIB(66), MEM_USABLE);
	put_cpu(0, 0);
	put_affinity(MIB(0), MIB(17), 0);
	put_affinity(MIB(32), MIB(66), 1);
	put_cpu(1, 2);
	info.movable.percent = 2;
	build();
	CHECK_EQ(topology.nodes[topology_nid_of_domain(&topology, 0)].movable_start, NO_MOVABLE);
	/* Its border would come to lie behind the last page. */
	CHECK_EQ(topology.nodes[topology_nid_of_domain(&topology, 1)].movable_start, NO_MOVABLE);
	CHECK_EQ(topology.nodes[topology_nid_of_domain(&topology, 2)].movable_start, NO_MOVABLE);
}

/* ---- A breach per rule ---- */

static bool breaks(const char *rule)
{
	struct violation violation = { "", "", 0 };

	return !topology_verify(&topology, &violation) && strcmp(violation.rule, rule) == 0;
}

static void verify_notices_TOPOLOGY_1(void)
{
	begin_two_nodes();
	build();
	topology.nodes[1].domain = 5;
	CHECK(breaks("TOPOLOGY-1"));
	topology.nr_nodes = 0;
	CHECK(breaks("TOPOLOGY-1"));
}

static void verify_notices_TOPOLOGY_2(void)
{
	begin_two_nodes();
	build();
	topology.memory[1].start += 5;
	CHECK(breaks("TOPOLOGY-2"));
	build();
	topology.memory[0].nid = 1;
	CHECK(breaks("TOPOLOGY-2"));
}

static void verify_notices_TOPOLOGY_3(void)
{
	begin_two_nodes();
	build();
	topology.nodes[1].usable_bytes--;
	CHECK(breaks("TOPOLOGY-3"));
}

static void verify_notices_TOPOLOGY_4(void)
{
	begin_two_nodes();
	build();
	ranges[0].end += MIB(1);
	CHECK(breaks("TOPOLOGY-4"));
}

static void verify_notices_TOPOLOGY_5(void)
{
	begin_two_nodes();
	build();
	topology.cpus[0].nid = 2;
	CHECK(breaks("TOPOLOGY-5"));
	build();
	topology.cpus[0].apic_id++;
	CHECK(breaks("TOPOLOGY-5"));
}

static void verify_notices_TOPOLOGY_6(void)
{
	begin_two_nodes();
	build();
	topology.nodes[0].nr_cpus++;
	CHECK(breaks("TOPOLOGY-6"));
}

static void verify_notices_TOPOLOGY_7(void)
{
	begin_two_nodes();
	build();
	memset(distances, 5, sizeof(distances));
	info.distance.nr_localities = 6;
	CHECK(breaks("TOPOLOGY-7"));
}

static void verify_notices_TOPOLOGY_8(void)
{
	begin_two_nodes();
	put_pair(2, 5, 1, 1);
	put_pair(5, 2, 1, 1);
	put_pair(5, 5, 1, 1);
	build();
	performance[1].target = 5;
	CHECK(breaks("TOPOLOGY-8"));
	performance[1] = (struct performance){ .initiator = 1, .target = 2 };
	CHECK(breaks("TOPOLOGY-8"));
}

static void verify_notices_TOPOLOGY_9(void)
{
	begin_two_large_nodes();
	ranges[0].start = MIB(5);
	info.movable.percent = 50;
	build();
	topology.nodes[0].movable_start += PAGE_SIZE;
	CHECK(breaks("TOPOLOGY-9"));
	topology.nodes[0].movable_start = MIB(12);	/* devices need it */
	CHECK(breaks("TOPOLOGY-9"));
	topology.nodes[0].movable_start = MIB(20);	/* 15 MiB of memory are before it */
	CHECK(breaks("TOPOLOGY-9"));
	topology.nodes[0].movable_start = MIB(256);	/* nothing is behind it */
	CHECK(breaks("TOPOLOGY-9"));
}

static void an_unaligned_buffer_panics(void)
{
	begin_two_nodes();
	CHECK_PANICS("is_aligned",
		     (void)!topology_build(&topology, &info, (char *)buffer + 1, 4096));
}

static const struct test_case cases[] = {
	{ "sparse domains become dense nodes", sparse_domains_become_dense_nodes },
	{ "no srat means one node", no_srat_means_one_node },
	{ "domains that nothing uses are no nodes", domains_that_nothing_uses_are_no_nodes },
	{ "nodes without memory or cpus stay", nodes_without_memory_or_cpus_stay },
	{ "a domain of absent cpus is no node", a_domain_of_absent_cpus_is_no_node },
	{ "two domains that claim ram refuse the srat",
	  two_domains_that_claim_ram_refuse_the_srat },
	{ "overlap where there is no ram is fine", overlap_where_there_is_no_ram_is_fine },
	{ "a third domain under a long range is noticed",
	  a_third_domain_under_a_long_range_is_noticed },
	{ "overlap inside a domain merges", overlap_inside_a_domain_merges },
	{ "a little uncovered ram joins its neighbour",
	  a_little_uncovered_ram_joins_its_neighbour },
	{ "orphans join the nearer side", orphans_join_the_nearer_side },
	{ "much uncovered ram refuses the srat", much_uncovered_ram_refuses_the_srat },
	{ "a srat without any ram is refused", a_srat_without_any_ram_is_refused },
	{ "a page on the border has one node", a_page_on_the_border_has_one_node },
	{ "memory the kernel holds is ram", memory_the_kernel_holds_is_ram },
	{ "cpus without entry go where memory is", cpus_without_entry_go_where_memory_is },
	{ "the largest domain keeps its CPUs", the_largest_domain_keeps_its_cpus },
	{ "machines without usable memory are told", machines_without_usable_memory_are_told },
	{ "distances go by domain", distances_go_by_domain },
	{ "fallback goes by distance", fallback_goes_by_distance },
	{ "hmat decides where slit does not", hmat_decides_where_slit_does_not },
	{ "bandwidth decides where latency does not", bandwidth_decides_where_latency_does_not },
	{ "hmat decides alone without slit", hmat_decides_alone_without_slit },
	{ "slit stands where hmat contradicts", slit_stands_where_hmat_contradicts },
	{ "a node that is no initiator goes by slit", a_node_that_is_no_initiator_goes_by_slit },
	{ "what hmat does not tell comes last", what_hmat_does_not_tell_comes_last },
	{ "a latency of one kind counts for both", a_latency_of_one_kind_counts_for_both },
	{ "every order is total", every_order_is_total },
	{ "fallback leaves memoryless nodes out", fallback_leaves_memoryless_nodes_out },
	{ "no node is movable unless asked", no_node_is_movable_unless_asked },
	{ "every node gives its share from the top", every_node_gives_its_share_from_the_top },
	{ "the kernel keeps a tenth", the_kernel_keeps_a_tenth },
	{ "small nodes and holes have no movable part",
	  small_nodes_and_holes_have_no_movable_part },
	{ "labels agree with the model", labels_agree_with_the_model },
	{ "verify notices TOPOLOGY-1", verify_notices_TOPOLOGY_1 },
	{ "verify notices TOPOLOGY-2", verify_notices_TOPOLOGY_2 },
	{ "verify notices TOPOLOGY-3", verify_notices_TOPOLOGY_3 },
	{ "verify notices TOPOLOGY-4", verify_notices_TOPOLOGY_4 },
	{ "verify notices TOPOLOGY-5", verify_notices_TOPOLOGY_5 },
	{ "verify notices TOPOLOGY-6", verify_notices_TOPOLOGY_6 },
	{ "verify notices TOPOLOGY-7", verify_notices_TOPOLOGY_7 },
	{ "verify notices TOPOLOGY-8", verify_notices_TOPOLOGY_8 },
	{ "verify notices TOPOLOGY-9", verify_notices_TOPOLOGY_9 },
	{ "an unaligned buffer panics", an_unaligned_buffer_panics },
};

TEST_SUITE(topology, cases);
