/*
 * Lint: what is odd about this firmware, and what that means.
 *
 * Model
 *   Each check looks at the finished boot_info and topology and says at most a
 *   few findings, however large the machine is: the first case by name, the
 *   others by number. A finding is one sentence: what is so, and what follows
 *   from it for the owner.
 *
 *   Checks that compare triples of nodes look at the first CHECKED_NODES_MAX:
 *   their cost grows with the cube.
 *
 * Locking
 *   None: reads what nobody writes any more.
 */

#include "efi/lint.h"

#include "efi/records.h"
#include "efi/memory_map.h"
#include "lib/align.h"
#include "log.h"
#include "mm/range.h"

#define CHECKED_NODES_MAX	64u
#define FOUR_GIB		(1ull << 32)
#define LARGE_PAGE_BYTES	(2ull << 20)
#define MIB_SHIFT		20
#define KIB_SHIFT		10

/* Pieces of usable memory that are still normal: OVMF and desktops have up to some 20. */
#define PIECES_MAX		64u

/* Devices take 1 GiB and more below 4 GiB on most machines; past 2 GiB is worth a word. */
#define LOST_BELOW_4G_MAX	(2ull << 30)

/* More of the RAM than this in firmware's hands is worth a word: an eighth. */
#define RESERVED_PART		8u

#define ATTRIBUTE_WB		0x8ull		/* EFI_MEMORY_WB: RAM, not device registers */

/* Looking up the RAM in each of these ranges takes a walk over the map. */
#define FLAGS_CHECKED_MAX	1024u

struct lint {
	const struct boot_info *info;
	const struct topology *topology;
	lint_report *report;
	void *arg;
};

static void say(const struct lint *lint, const char *label, enum severity severity,
		const char *format, ...) PRINTF(4, 5);
static void say(const struct lint *lint, const char *label, enum severity severity,
		const char *format, ...)
{
	struct finding finding = { .label = label, .severity = severity };
	va_list args;

	va_start(args, format);
	format_vtext(finding.text, sizeof(finding.text), format, args);
	va_end(args);
	lint->report(lint->arg, &finding);
}

/* ---- SRAT against the memory map ---- */

static void check_srat(const struct lint *lint)
{
	const struct topology *topology = lint->topology;
	unsigned long long uncovered_kib = topology->uncovered_bytes >> KIB_SHIFT;

	switch (topology->srat) {
	case SRAT_OVERLAP:
		say(lint, "SratOverlap", SEVERITY_HIGH,
		    "SRAT: domains %u and %u both claim the RAM at 0x%llx-0x%llx: nodes are not "
		    "used, distance is ignored",
		    topology->conflict_domains[0], topology->conflict_domains[1],
		    (unsigned long long)topology->conflict.start,
		    (unsigned long long)topology->conflict.end);
		return;
	case SRAT_UNCOVERED:
		say(lint, "SratUncovered", SEVERITY_HIGH,
		    "SRAT: %llu KiB of RAM are in no range: nodes are not used, distance is "
		    "ignored",
		    uncovered_kib);
		return;
	case SRAT_TOO_MANY_NODES:
		say(lint, "SratTooManyNodes", SEVERITY_HIGH,
		    "SRAT: it has more than %u domains: nodes are not used, distance is ignored",
		    MAX_NODES);
		return;
	case SRAT_SHREDDED:
		say(lint, "SratShredded", SEVERITY_HIGH,
		    "SRAT: RAM changes domains every few MiB, which no machine does: nodes are "
		    "not used, distance is ignored");
		return;
	case SRAT_NO_NODE:
		say(lint, "SratNoNode", SEVERITY_MEDIUM,
		    "SRAT: none of its domains has a CPU or memory: it is of no use");
		return;
	case SRAT_USED:
		if (topology->uncovered_bytes > 0)
			say(lint, "SratGap", SEVERITY_LOW,
			    "SRAT: %llu KiB of RAM are in no range: given to the neighbouring "
			    "nodes",
			    uncovered_kib);
		return;
	case SRAT_ABSENT:
	case NR_SRAT_VERDICTS:
		return;
	}
}

static uint64_t usable_bytes_in(const struct boot_info *info, uint64_t start, uint64_t end)
{
	uint64_t sum_bytes = 0;

	for (uint32_t i = 0; i < info->nr_ranges && info->ranges[i].start < end; i++)
		if (info->ranges[i].type == MEM_USABLE && info->ranges[i].end > start)
			sum_bytes += min_u64(info->ranges[i].end, end) -
				     max_u64(info->ranges[i].start, start);
	return sum_bytes;
}

static void check_affinity_flags(const struct lint *lint)
{
	uint64_t hot_bytes = 0, non_volatile_bytes = 0;
	uint32_t nr_windows = 0;

	for (uint32_t i = 0; i < lint->info->nr_affinity && i < FLAGS_CHECKED_MAX; i++) {
		const struct affinity_range *range = &lint->info->affinity[i];
		uint64_t bytes = 0;

		if (!range->is_hot_pluggable && !range->is_non_volatile)
			continue;
		bytes = usable_bytes_in(lint->info, range->start, range->end);
		hot_bytes += range->is_hot_pluggable ? bytes : 0;
		non_volatile_bytes += range->is_non_volatile ? bytes : 0;
		nr_windows += range->is_hot_pluggable && bytes == 0;
	}
	if (hot_bytes > 0)
		say(lint, "SratHotPlugRam", SEVERITY_INFO,
		    "SRAT: %llu MiB of the RAM that is there can be unplugged: used like any other",
		    (unsigned long long)hot_bytes >> MIB_SHIFT);
	if (nr_windows > 0)
		say(lint, "SratHotPlugWindow", SEVERITY_INFO,
		    "SRAT: %u ranges hold no memory yet and wait for hot-plug: ignored",
		    nr_windows);
	if (non_volatile_bytes > 0)
		say(lint, "SratNonVolatileRam", SEVERITY_LOW,
		    "SRAT calls %llu MiB non-volatile that the memory map calls ordinary RAM: used "
		    "as RAM",
		    (unsigned long long)non_volatile_bytes >> MIB_SHIFT);
}

/* ---- Nodes ---- */

static void check_nodes(const struct lint *lint)
{
	const struct topology *topology = lint->topology;
	uint32_t nr_memoryless = 0, nr_cpuless = 0, nr_empty = 0;
	uint32_t memoryless = 0, cpuless = 0;

	for (uint32_t nid = 0; nid < topology->nr_nodes; nid++) {
		const struct topology_node *node = &topology->nodes[nid];

		if (node->nr_memory == 0 && node->nr_cpus == 0) {
			nr_empty++;
		} else if (node->nr_memory == 0) {
			nr_memoryless++;
			memoryless = node->domain;
		} else if (node->nr_cpus == 0) {
			nr_cpuless++;
			cpuless = node->domain;
		}
	}
	if (nr_memoryless > 0)
		say(lint, "NodeMemoryless", SEVERITY_MEDIUM,
		    "%u nodes with CPUs have no memory (domain %u): every access of theirs is "
		    "remote; are slots empty?",
		    nr_memoryless, memoryless);
	if (nr_cpuless > 0 && topology->srat == SRAT_USED)
		say(lint, "NodeCpuless", SEVERITY_INFO,
		    "%u nodes with memory have no CPU (domain %u): used last, by distance",
		    nr_cpuless, cpuless);
	if (nr_empty > 0)
		say(lint, "NodeEmpty", SEVERITY_INFO,
		    "%u nodes have neither CPU nor memory now: they cost nothing", nr_empty);
}

/* ---- SLIT ---- */

static uint32_t nr_checked_nodes(const struct lint *lint)
{
	return (uint32_t)min_u64(lint->topology->nr_nodes, CHECKED_NODES_MAX);
}

static void check_slit_shape(const struct lint *lint)
{
	uint32_t nr_localities = lint->info->distance.nr_localities;
	uint32_t nr_beyond = 0;

	if (nr_localities == 0)
		return;
	for (uint32_t nid = 0; nid < lint->topology->nr_nodes; nid++)
		nr_beyond += lint->topology->nodes[nid].domain >= nr_localities;
	if (nr_beyond > 0)
		say(lint, "SlitTooSmall", SEVERITY_MEDIUM,
		    "SLIT has %u domains, %u nodes are beyond it: their distance counts as 20",
		    nr_localities, nr_beyond);
	else if (nr_localities > lint->topology->nr_nodes && lint->topology->srat == SRAT_USED)
		say(lint, "SlitTooLarge", SEVERITY_INFO,
		    "SLIT has %u domains for %u nodes: it is read by domain", nr_localities,
		    lint->topology->nr_nodes);
}

static void check_slit_symmetry(const struct lint *lint)
{
	uint32_t nr_pairs = 0, nr_unreachable = 0, from = 0, to = 0;

	for (uint32_t a = 0; a < nr_checked_nodes(lint); a++)
		for (uint32_t b = a + 1; b < nr_checked_nodes(lint); b++) {
			unsigned there = topology_distance(lint->topology, a, b);
			unsigned back = topology_distance(lint->topology, b, a);

			nr_unreachable += there == DISTANCE_UNREACHABLE ||
					  back == DISTANCE_UNREACHABLE;
			if (there != back && nr_pairs++ == 0) {
				from = a;
				to = b;
			}
		}
	if (nr_pairs > 0)
		say(lint, "SlitAsymmetric", SEVERITY_LOW,
		    "SLIT: %u pairs are not as far there as back (nodes %u and %u: %u and %u): "
		    "legal, seldom meant",
		    nr_pairs, from, to, topology_distance(lint->topology, from, to),
		    topology_distance(lint->topology, to, from));
	if (nr_unreachable > 0)
		say(lint, "SlitUnreachable", SEVERITY_LOW,
		    "SLIT calls %u pairs of nodes unreachable: such memory is taken last",
		    nr_unreachable);
}

/* True when going from @a to @c by way of @b is told to be shorter than directly. */
static bool is_detour_shorter(const struct topology *topology, uint32_t a, uint32_t b, uint32_t c)
{
	unsigned direct = topology_distance(topology, a, c);

	return direct != DISTANCE_UNREACHABLE &&
	       topology_distance(topology, a, b) + topology_distance(topology, b, c) < direct;
}

static void check_slit_triangles(const struct lint *lint)
{
	uint32_t nr_nodes = nr_checked_nodes(lint);
	uint32_t nr_broken = 0, from = 0, over = 0, to = 0;

	for (uint32_t a = 0; a < nr_nodes; a++)
		for (uint32_t b = 0; b < nr_nodes; b++)
			for (uint32_t c = 0; c < nr_nodes && b != a; c++) {
				if (c == a || c == b || !is_detour_shorter(lint->topology, a, b, c))
					continue;
				if (nr_broken++ > 0)
					continue;
				from = a;
				over = b;
				to = c;
			}
	if (nr_broken > 0)
		say(lint, "SlitTriangle", SEVERITY_LOW,
		    "SLIT: %u ways are longer than a detour (from node %u to %u: %u, over %u: %u): "
		    "distances are guesses",
		    nr_broken, from, to, topology_distance(lint->topology, from, to), over,
		    topology_distance(lint->topology, from, over) +
			    topology_distance(lint->topology, over, to));
}

/* ---- HMAT against SLIT ---- */

/* SLIT's distance between domains; 0 where it tells none. */
static unsigned slit_distance(const struct lint *lint, uint32_t from_domain, uint32_t to_domain)
{
	const struct distance_table *table = &lint->info->distance;

	if (from_domain >= table->nr_localities || to_domain >= table->nr_localities)
		return 0;
	return table->value[(uint64_t)from_domain * table->nr_localities + to_domain];
}

static bool contradicts(const struct lint *lint, const struct performance *a,
			const struct performance *b)
{
	unsigned to_a = slit_distance(lint, a->initiator, a->target);
	unsigned to_b = slit_distance(lint, b->initiator, b->target);

	if (to_a == 0 || to_b == 0 || a->read_latency_ps == PERFORMANCE_UNKNOWN ||
	    b->read_latency_ps == PERFORMANCE_UNKNOWN)
		return false;
	return (to_a < to_b && a->read_latency_ps > b->read_latency_ps) ||
	       (to_a > to_b && a->read_latency_ps < b->read_latency_ps);
}

static void check_hmat(const struct lint *lint)
{
	const struct performance *pairs = lint->info->performance;
	uint32_t nr_contradictions = 0, first = 0, second = 0;

	for (uint32_t i = 0; i < lint->info->nr_performance; i++) {
		uint32_t end = (uint32_t)min_u64(lint->info->nr_performance,
						 (uint64_t)i + CHECKED_NODES_MAX);

		for (uint32_t j = i + 1; j < end && pairs[j].initiator == pairs[i].initiator; j++)
			if (contradicts(lint, &pairs[i], &pairs[j]) && nr_contradictions++ == 0) {
				first = i;
				second = j;
			}
	}
	if (nr_contradictions > 0)
		say(lint, "HmatContradictsSlit", SEVERITY_MEDIUM,
		    "HMAT and SLIT disagree %u times which memory is nearer (from domain %u: %u or "
		    "%u): one of them is wrong",
		    nr_contradictions, pairs[first].initiator, pairs[first].target,
		    pairs[second].target);
}

/* ---- The memory map ---- */

static bool is_firmwares(enum mem_type type)
{
	switch (type) {
	case MEM_ACPI_RECLAIM:
	case MEM_ACPI_NVS:
	case MEM_RUNTIME_CODE:
	case MEM_RUNTIME_DATA:
	case MEM_RESERVED:
		return true;
	case MEM_USABLE:
	case MEM_KERNEL:
	case MEM_LOW:
	case MEM_NOT_CACHED:
	case MEM_SOFT_RESERVED:
	case MEM_PERSISTENT:
	case MEM_UNACCEPTED:
	case MEM_MMIO:
	case MEM_UNUSABLE:
	case MEM_UNKNOWN:
	case NR_MEM_TYPES:
		return false;
	}
	return false;
}

static bool is_runtime(enum mem_type type)
{
	return type == MEM_RUNTIME_CODE || type == MEM_RUNTIME_DATA;
}

/* True when RAM goes on right before and right behind range @i. */
static bool is_inside_ram(const struct boot_info *info, uint32_t i)
{
	const struct mem_range *range = &info->ranges[i];

	return i > 0 && i + 1 < info->nr_ranges && range[-1].end == range->start &&
	       mem_type_is_ram(range[-1].type) && range[1].start == range->end &&
	       mem_type_is_ram(range[1].type);
}

static void check_runtime_regions(const struct lint *lint)
{
	const struct boot_info *info = lint->info;
	uint32_t nr_inside = 0;

	for (uint32_t i = 0; i < info->nr_ranges; i++)
		nr_inside += is_runtime(info->ranges[i].type) && is_inside_ram(info, i);
	if (nr_inside > 0)
		say(lint, "MapRuntimeInsideRam", SEVERITY_INFO,
		    "%u regions of runtime services lie in the middle of RAM: they break large "
		    "blocks apart",
		    nr_inside);
}

static void check_fragmentation(const struct lint *lint)
{
	const struct topology *topology = lint->topology;
	uint64_t small_bytes = 0;

	for (uint32_t i = 0; i < topology->nr_memory; i++)
		if (topology->memory[i].end - topology->memory[i].start < LARGE_PAGE_BYTES)
			small_bytes += topology->memory[i].end - topology->memory[i].start;
	if (topology->nr_memory > PIECES_MAX)
		say(lint, "MapFragmented", SEVERITY_LOW,
		    "usable memory is in %u pieces, %llu KiB of it in pieces below 2 MiB: large "
		    "pages will be fewer",
		    topology->nr_memory, (unsigned long long)small_bytes >> KIB_SHIFT);
}

static uint64_t end_of_ram(const struct boot_info *info)
{
	for (uint32_t i = info->nr_ranges; i-- > 0;)
		if (mem_type_is_ram(info->ranges[i].type))
			return info->ranges[i].end;
	return 0;
}

static void check_memory_below_4g(const struct lint *lint)
{
	const struct boot_info *info = lint->info;
	uint64_t low_bytes = usable_bytes_in(info, 0, FOUR_GIB);

	if (end_of_ram(info) > FOUR_GIB && FOUR_GIB - low_bytes > LOST_BELOW_4G_MAX)
		say(lint, "RamLittleBelow4G", SEVERITY_INFO,
		    "only %llu MiB of RAM lie below 4 GiB: devices with 32-bit addresses have no "
		    "more to share",
		    (unsigned long long)low_bytes >> MIB_SHIFT);
}

/* Of what is unusable: the rest is what the user says. */
static uint64_t bytes_firmware_gave_up(const struct boot_info *info)
{
	uint64_t sum_bytes = 0;

	for (uint32_t i = 0; i < info->nr_ranges; i++)
		if (info->ranges[i].type == MEM_UNUSABLE &&
		    efi_type_is_unusable(info->ranges[i].efi_type))
			sum_bytes += info->ranges[i].end - info->ranges[i].start;
	return sum_bytes;
}

static void check_memory_lost(const struct lint *lint)
{
	const struct boot_info *info = lint->info;
	uint64_t ram_end = end_of_ram(info), lost_bytes = 0, unusable_bytes, ram_bytes;

	for (uint32_t i = 0; i < info->nr_ranges && info->ranges[i].start < ram_end; i++)
		if (is_firmwares(info->ranges[i].type) &&
		    (info->ranges[i].attributes & ATTRIBUTE_WB))
			lost_bytes += info->ranges[i].end - info->ranges[i].start;
	ram_bytes = usable_bytes_in(info, 0, UINT64_MAX);
	if (lost_bytes > ram_bytes / RESERVED_PART)
		say(lint, "RamReserved", SEVERITY_MEDIUM,
		    "the firmware keeps %llu MiB of RAM for itself beside %llu MiB that are usable",
		    (unsigned long long)lost_bytes >> MIB_SHIFT,
		    (unsigned long long)ram_bytes >> MIB_SHIFT);
	unusable_bytes = bytes_firmware_gave_up(info);
	if (unusable_bytes > 0)
		say(lint, "RamBroken", SEVERITY_HIGH,
		    "the firmware found errors in %llu KiB of RAM: a memory module may be failing",
		    (unsigned long long)unusable_bytes >> KIB_SHIFT);
}

static void check_special_memory(const struct lint *lint)
{
	const struct boot_info *info = lint->info;
	uint64_t unaccepted = range_bytes_of(info->ranges, info->nr_ranges, MEM_UNACCEPTED);
	uint64_t persistent = range_bytes_of(info->ranges, info->nr_ranges, MEM_PERSISTENT);

	if (unaccepted > 0)
		say(lint, "MapUnaccepted", SEVERITY_MEDIUM,
		    "%llu MiB of memory must be accepted before use, which this program cannot: "
		    "not used",
		    (unsigned long long)unaccepted >> MIB_SHIFT);
	if (persistent > 0)
		say(lint, "MapPersistent", SEVERITY_INFO,
		    "%llu MiB are persistent memory: they keep somebody's data and are not touched",
		    (unsigned long long)persistent >> MIB_SHIFT);
	if (info->trampoline_pa == 0 && info->nr_cpus > 1)
		say(lint, "NoTrampoline", SEVERITY_MEDIUM,
		    "no page below 640 KiB could be had: the other %u CPUs cannot be started",
		    info->nr_cpus - 1);
}

/* ---- Public ---- */

void lint_run(const struct boot_info *info, const struct topology *topology, lint_report *report,
	      void *arg)
{
	const struct lint lint = { info, topology, report, arg };

	for (uint32_t i = 0; i < info->nr_findings; i++)
		report(arg, &info->findings[i]);
	check_srat(&lint);
	check_affinity_flags(&lint);
	check_nodes(&lint);
	check_slit_shape(&lint);
	check_slit_symmetry(&lint);
	check_slit_triangles(&lint);
	check_hmat(&lint);
	check_runtime_regions(&lint);
	check_fragmentation(&lint);
	check_memory_below_4g(&lint);
	check_memory_lost(&lint);
	check_special_memory(&lint);
}

static void print_finding(void *arg, const struct finding *finding)
{
	unsigned *nr_findings = arg;

	(*nr_findings)++;
	log_raw("%-6s %-22s %s\n", severity_name(finding->severity), finding->label, finding->text);
	records_print_finding(finding);
}

void lint_show(const struct boot_info *info, const struct topology *topology)
{
	unsigned nr_findings = 0;

	log_fresh_line();
	lint_run(info, topology, print_finding, &nr_findings);
	log_raw("%u findings about this firmware\n", nr_findings);
}
