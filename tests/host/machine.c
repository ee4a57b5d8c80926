/*
 * Pretended machines for hosted tests. See tests/host/machine.h.
 */

#include "tests/host/machine.h"

#include <string.h>

#include "mm/init.h"
#include "mm/live.h"
#include "mm/range.h"
#include "mm/rcu.h"
#include "tests/host/port.h"

#define MAX_FINDINGS	16

static struct {
	struct boot_info info;
	struct mem_range ranges[HOST_MAX_RANGES];
	struct affinity_range affinity[HOST_MAX_RANGES];
	struct boot_cpu cpus[HOST_MAX_CPUS];
	struct finding findings[MAX_FINDINGS];
	uint8_t distance[HOST_MAX_NODES * HOST_MAX_NODES];
} built;

const struct host_machine machine_four_nodes = {
	.name = "four nodes",
	.ranges = {
		{ 0, 1 * MIB, MEM_LOW, 0 },
		{ 1 * MIB, 96 * MIB, MEM_USABLE, 0 },
		{ 96 * MIB, 97 * MIB, MEM_KERNEL, 0 },
		{ 97 * MIB, 150 * MIB, MEM_USABLE, 0 },
		{ 150 * MIB, 151 * MIB, MEM_ACPI_RECLAIM, 0 },
		{ 151 * MIB, 256 * MIB, MEM_USABLE, 0 },
		/* The border lies inside a pageblock. */
		{ 256 * MIB, 448 * MIB + 68 * KIB, MEM_USABLE, 1 },
		{ 448 * MIB + 68 * KIB, 512 * MIB, MEM_USABLE, 3 },
		{ 3 * GIB, 3 * GIB + 16 * MIB, MEM_MMIO, 0 },
		{ 4 * GIB, 4 * GIB + 256 * MIB, MEM_USABLE, 0 },
		{ 4 * GIB + 256 * MIB, 4 * GIB + 640 * MIB, MEM_USABLE, 3 },
	},
	.nr_cpus = 8,
	.cpu_domains = { 0, 0, 1, 1, 2, 2, 3, 3 },
	.nr_localities = 4,
	.distance = {
		10, 21, 31, 25,
		21, 10, 15, 31,
		31, 15, 10, 21,
		25, 31, 21, 10,
	},
};

const struct host_machine machine_small = {
	.name = "64 MiB",
	.ranges = {
		{ 0, 1 * MIB, MEM_LOW, 0 },
		{ 1 * MIB, 64 * MIB, MEM_USABLE, 0 },
	},
	.nr_cpus = 1,
	.cpu_domains = { DOMAIN_NONE },
};

const struct host_machine machine_movable = {
	.name = "half movable",
	.ranges = {
		{ 0, 1 * MIB, MEM_LOW, 0 },
		{ 1 * MIB, 512 * MIB, MEM_USABLE, 0 },
		{ 512 * MIB, 600 * MIB, MEM_USABLE, 1 },
		{ 4 * GIB, 4 * GIB + 424 * MIB, MEM_USABLE, 1 },
	},
	.nr_cpus = 2,
	.cpu_domains = { 0, 1 },
	.movable = { .percent = 50 },
};

const struct host_machine machine_large = {
	.name = "4 GiB",
	.ranges = {
		{ 0, 1 * MIB, MEM_LOW, 0 },
		{ 1 * MIB, 2 * GIB, MEM_USABLE, 0 },
		{ 4 * GIB, 6 * GIB, MEM_USABLE, 0 },
	},
	.nr_cpus = 4,
	.cpu_domains = { DOMAIN_NONE, DOMAIN_NONE, DOMAIN_NONE, DOMAIN_NONE },
};

const struct host_machine machine_huge = {
	.name = "8 TiB",
	.ranges = {
		{ 0, 1 * MIB, MEM_LOW, 0 },
		{ 1 * MIB, 2 * GIB, MEM_USABLE, 0 },
		{ 4 * GIB, 1 * TIB, MEM_USABLE, 0 },
		{ 1 * TIB, 2 * TIB, MEM_USABLE, 1 },
		{ 2 * TIB, 3 * TIB, MEM_USABLE, 2 },
		{ 3 * TIB, 4 * TIB, MEM_USABLE, 3 },
		{ 4 * TIB, 5 * TIB, MEM_USABLE, 4 },
		{ 5 * TIB, 6 * TIB, MEM_USABLE, 5 },
		{ 6 * TIB, 7 * TIB, MEM_USABLE, 6 },
		{ 7 * TIB, 8 * TIB, MEM_USABLE, 7 },
	},
	.nr_cpus = 8,
	.cpu_domains = { 0, 1, 2, 3, 4, 5, 6, 7 },
};

const struct host_machine machine_one_gib = {
	.name = "1 GiB in 8 nodes",
	.ranges = {
		{ 0, 1 * MIB, MEM_LOW, 0 },
		{ 1 * MIB, 128 * MIB, MEM_USABLE, 0 },
		{ 128 * MIB, 256 * MIB, MEM_USABLE, 1 },
		{ 256 * MIB, 384 * MIB, MEM_USABLE, 2 },
		{ 384 * MIB, 512 * MIB, MEM_USABLE, 3 },
		{ 512 * MIB, 640 * MIB, MEM_USABLE, 4 },
		{ 640 * MIB, 768 * MIB, MEM_USABLE, 5 },
		{ 768 * MIB, 896 * MIB, MEM_USABLE, 6 },
		{ 896 * MIB, 1024 * MIB, MEM_USABLE, 7 },
	},
	.nr_cpus = 8,
	.cpu_domains = { 0, 1, 2, 3, 4, 5, 6, 7 },
};

static bool has_domains(const struct host_machine *machine)
{
	return machine->cpu_domains[0] != DOMAIN_NONE;
}

static void build_ranges(const struct host_machine *machine)
{
	struct boot_info *info = &built.info;

	for (unsigned i = 0; i < HOST_MAX_RANGES && machine->ranges[i].end != 0; i++) {
		uint64_t start = machine->ranges[i].start;
		uint64_t end = machine->ranges[i].end;
		enum mem_type type = machine->ranges[i].type;

		info->ranges[info->nr_ranges++] = (struct mem_range){
			.start = start, .end = end, .type = type,
		};
		info->nr_firmware_pages += (end - start) / 4096;
		if (has_domains(machine) && type != MEM_MMIO)
			info->affinity[info->nr_affinity++] = (struct affinity_range){
				.start = start, .end = end, .domain = machine->ranges[i].domain,
			};
	}
	info->nr_ranges = range_merge(info->ranges, info->nr_ranges);
}

const struct boot_info *host_build_boot_info(const struct host_machine *machine)
{
	struct boot_info *info = &built.info;

	memset(&built, 0, sizeof(built));
	info->ranges = built.ranges;
	info->affinity = built.affinity;
	info->cpus = built.cpus;
	info->findings = built.findings;
	info->max_findings = MAX_FINDINGS;
	build_ranges(machine);
	for (unsigned i = 0; i < machine->nr_cpus; i++)
		info->cpus[info->nr_cpus++] = (struct boot_cpu){ i, machine->cpu_domains[i] };
	memcpy(built.distance, machine->distance, sizeof(built.distance));
	info->distance.nr_localities = machine->nr_localities;
	info->distance.value = built.distance;
	info->movable = machine->movable;
	return info;
}

void host_start_machine(const struct host_machine *machine)
{
	const struct boot_info *info = host_build_boot_info(machine);

	host_port_start(info->ranges[info->nr_ranges - 1].end);
	mm_init(info);
}

/* A CPU that no thread is does nothing, and so rests. */
static void leave_cpu(void)
{
	if (mm_port_cpu_data())
		rcu_idle_enter();
}

void host_continue_cpu(unsigned cpu)
{
	leave_cpu();
	host_port_set_cpu(cpu);
	mm_port_set_cpu_data(live.cpus[cpu]);
	rcu_idle_exit();
}

void host_start_cpu(unsigned cpu)
{
	leave_cpu();
	mm_port_set_cpu_data(NULL);
	host_port_set_cpu(cpu);
	mm_init_cpu(built.info.cpus[cpu].apic_id);
}
