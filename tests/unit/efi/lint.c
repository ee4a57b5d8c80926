/* Lint: a sane machine has no finding, each oddity has its label. */

#include "efi/lint.h"

#include "lib/string.h"
#include "tests/test.h"

#define MIB(n)		((uint64_t)(n) << 20)
#define GIB(n)		((uint64_t)(n) << 30)
#define WB		8ull
#define NR_MAX		80u

static struct mem_range ranges[NR_MAX];
#define NR_PARTS	65u

static struct affinity_range affinity[4];
static struct boot_cpu cpus[4];
static uint32_t domains[8];
static uint8_t distances[16];
static struct performance pairs[4];
static struct finding findings[2];
static uint64_t buffer[2048];
static struct boot_info info;
static struct topology topology;

static struct {
	const char *wanted;
	unsigned nr_findings, nr_wanted;
} seen;

static void count_finding(void *arg, const struct finding *finding)
{
	(void)arg;
	seen.nr_findings++;
	seen.nr_wanted += strcmp(finding->label, seen.wanted) == 0;
	CHECK(finding->text[0] != '\0');
}

static void run(const char *label)
{
	seen.wanted = label;
	seen.nr_findings = seen.nr_wanted = 0;
	CHECK(topology_bytes(&info) <= sizeof(buffer));
	CHECK_EQ(topology_build(&topology, &info, buffer, sizeof(buffer)), STATUS_OK);
	lint_run(&info, &topology, count_finding, NULL);
}

/* True when lint says @label once. */
static bool finds(const char *label)
{
	run(label);
	return seen.nr_wanted == 1;
}

static void put_range(uint64_t start, uint64_t end, enum mem_type type)
{
	ranges[info.nr_ranges++] =
		(struct mem_range){ .start = start, .end = end, .type = type, .attributes = WB };
}

static void put_affinity(uint64_t start, uint64_t end, uint32_t domain)
{
	affinity[info.nr_affinity++] = (struct affinity_range){
		.start = start, .end = end, .domain = domain,
	};
	domains[info.nr_domains++] = domain;
}

/* Two nodes of 1 GiB, one CPU each, distances 10 and 21. */
static void begin(void)
{
	static const uint8_t sane[4] = { 10, 21, 21, 10 };

	info = (struct boot_info){
		.ranges = ranges, .affinity = affinity, .cpus = cpus, .domains = domains,
		.performance = pairs, .findings = findings, .nr_cpus = 2, .trampoline_pa = 0x8000,
		.distance = { 2, distances },
	};
	memcpy(distances, sane, sizeof(sane));
	put_range(MIB(1), GIB(2), MEM_USABLE);
	put_affinity(0, GIB(1), 0);
	put_affinity(GIB(1), GIB(2), 1);
	cpus[0] = (struct boot_cpu){ 0, 0 };
	cpus[1] = (struct boot_cpu){ 1, 1 };
}

static void a_sane_machine_has_no_finding(void)
{
	begin();
	run("");
	CHECK_EQ(seen.nr_findings, 0);
}

static void findings_made_while_reading_come_first(void)
{
	begin();
	findings[0] = (struct finding){ "MapOverlap", SEVERITY_MEDIUM, "text" };
	info.nr_findings = 1;
	CHECK(finds("MapOverlap"));
	CHECK_EQ(seen.nr_findings, 1);
}

static void srat_against_the_map(void)
{
	begin();
	affinity[1].start -= 4096;
	CHECK(finds("SratOverlap"));
	begin();
	affinity[1].start += MIB(2);
	CHECK(finds("SratUncovered"));
	begin();
	affinity[1].start += 4096;
	CHECK(finds("SratGap"));
	begin();
	affinity[1].is_hot_pluggable = true;
	CHECK(finds("SratHotPlugRam"));
	begin();
	affinity[1].is_non_volatile = true;
	CHECK(finds("SratNonVolatileRam"));
	begin();
	put_affinity(GIB(4), GIB(8), 1);
	affinity[2].is_hot_pluggable = true;
	CHECK(finds("SratHotPlugWindow"));
}

/* How the topology comes to these is its own tests' matter. */
static void an_srat_that_makes_no_nodes(void)
{
	static const struct {
		enum srat_verdict verdict;
		const char *label;
	} refused[] = { { SRAT_NO_NODE, "SratNoNode" },
			{ SRAT_TOO_MANY_NODES, "SratTooManyNodes" } };

	for (unsigned i = 0; i < ARRAY_SIZE(refused); i++) {
		begin();
		run(refused[i].label);
		CHECK_EQ(seen.nr_wanted, 0);
		topology.srat = refused[i].verdict;
		lint_run(&info, &topology, count_finding, NULL);
		CHECK_EQ(seen.nr_wanted, 1);
	}
}

/* From 1 MiB on @nr_parts of @part_bytes that belong to two domains in turn. */
static bool is_shredded(unsigned nr_parts, uint64_t part_bytes)
{
	static struct affinity_range parts[NR_PARTS];

	begin();
	for (unsigned i = 0; i < nr_parts; i++)
		parts[i] = (struct affinity_range){
			.start = MIB(1) + i * part_bytes,
			.end = MIB(1) + (i + 1) * part_bytes,
			.domain = i % 2,
		};
	ranges[0].end = MIB(1) + nr_parts * part_bytes;
	info.affinity = parts;
	info.nr_affinity = nr_parts;
	return finds("SratShredded") && topology.nr_nodes == 1;
}

static void ram_in_shreds_is_one_node(void)
{
	CHECK(is_shredded(NR_PARTS, MIB(1)));
	CHECK(is_shredded(NR_PARTS, MIB(15)));
	CHECK(!is_shredded(NR_PARTS, MIB(17)));
	CHECK(!is_shredded(NR_PARTS - 1, MIB(1)));
	CHECK_EQ(topology.nr_nodes, 2);
}

static void nodes_that_lack_something(void)
{
	begin();
	affinity[1].domain = domains[1] = 0;
	CHECK(finds("NodeMemoryless"));
	begin();
	cpus[1].domain = 0;
	CHECK(finds("NodeCpuless"));
	begin();
	put_affinity(GIB(4), GIB(8), 2);
	CHECK(finds("NodeEmpty"));
}

static void distances_that_are_odd(void)
{
	begin();
	distances[1] = 30;
	CHECK(finds("SlitAsymmetric"));
	begin();
	distances[1] = distances[2] = 255;
	CHECK(finds("SlitUnreachable"));
	begin();
	info.distance.nr_localities = 1;
	CHECK(finds("SlitTooSmall"));
	begin();
	memset(distances, 20, 9);
	info.distance.nr_localities = 3;
	CHECK(finds("SlitTooLarge"));
}

static void a_detour_that_is_shorter(void)
{
	static const uint8_t matrix[9] = { 10, 11, 90, 11, 10, 11, 90, 11, 10 };

	begin();
	put_range(GIB(4), GIB(5), MEM_USABLE);
	put_affinity(GIB(4), GIB(5), 2);
	memcpy(distances, matrix, sizeof(matrix));
	info.distance.nr_localities = 3;
	CHECK(finds("SlitTriangle"));
}

static void hmat_that_contradicts_slit(void)
{
	begin();
	pairs[0] = (struct performance){ .initiator = 0, .target = 0, .read_latency_ps = 80000 };
	pairs[1] = (struct performance){ .initiator = 0, .target = 1, .read_latency_ps = 140000 };
	info.nr_performance = 2;
	CHECK(!finds("HmatContradictsSlit"));
	pairs[1].read_latency_ps = 40000;
	CHECK(finds("HmatContradictsSlit"));
	pairs[1].read_latency_ps = PERFORMANCE_UNKNOWN;
	CHECK(!finds("HmatContradictsSlit"));
}

static void maps_that_waste_memory(void)
{
	begin();
	ranges[0].end = GIB(1);
	put_range(GIB(1), GIB(1) + 4096, MEM_RUNTIME_DATA);
	put_range(GIB(1) + 4096, GIB(2), MEM_USABLE);
	CHECK(finds("MapRuntimeInsideRam"));
	begin();
	put_range(GIB(4), GIB(5), MEM_USABLE);
	ranges[0].end = GIB(1);
	affinity[1].end = GIB(5);
	CHECK(finds("RamLittleBelow4G"));
	begin();
	put_range(GIB(2), GIB(3), MEM_RESERVED);
	put_range(GIB(3), GIB(3) + MIB(1), MEM_USABLE);
	affinity[1].end = GIB(4);
	CHECK(finds("RamReserved"));
	begin();
	put_range(GIB(2), GIB(3), MEM_UNUSABLE);
	CHECK(!finds("RamBroken"));	/* it is what the user says */
	ranges[info.nr_ranges - 1].efi_type = 8;
	CHECK(finds("RamBroken"));
	begin();
	put_range(GIB(2), GIB(3), MEM_UNACCEPTED);
	put_range(GIB(3), GIB(4), MEM_PERSISTENT);
	CHECK(finds("MapUnaccepted"));
	CHECK(finds("MapPersistent"));
	info.trampoline_pa = 0;
	CHECK(finds("NoTrampoline"));
}

static void memory_in_many_pieces(void)
{
	begin();
	info.nr_ranges = 0;
	for (unsigned i = 0; i < 70; i++)
		put_range(MIB(1) + i * 8192ull, MIB(1) + i * 8192ull + 4096, MEM_USABLE);
	CHECK(finds("MapFragmented"));
}

static const struct test_case cases[] = {
	{ "a sane machine has no finding", a_sane_machine_has_no_finding },
	{ "findings made while reading come first", findings_made_while_reading_come_first },
	{ "srat against the map", srat_against_the_map },
	{ "an SRAT that makes no nodes", an_srat_that_makes_no_nodes },
	{ "RAM in shreds is one node", ram_in_shreds_is_one_node },
	{ "nodes that lack something", nodes_that_lack_something },
	{ "distances that are odd", distances_that_are_odd },
	{ "a detour that is shorter", a_detour_that_is_shorter },
	{ "hmat that contradicts slit", hmat_that_contradicts_slit },
	{ "maps that waste memory", maps_that_waste_memory },
	{ "memory in many pieces", memory_in_many_pieces },
};

TEST_SUITE(lint, cases);
