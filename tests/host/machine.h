#ifndef TESTS_HOST_MACHINE_H
#define TESTS_HOST_MACHINE_H

/*
 * Pretended machines: a description becomes boot_info, and boot_info a running
 * memory manager, as often as a test wants.
 */

#include "boot_info.h"

#define HOST_MAX_RANGES	64
#define HOST_MAX_CPUS	64
#define HOST_MAX_NODES	16

struct host_machine {
	const char *name;
	/* Ends at the first with start == end. `domain` counts where it is usable. */
	struct {
		uint64_t start, end;
		enum mem_type type;
		uint32_t domain;
	} ranges[HOST_MAX_RANGES];
	unsigned nr_cpus;
	uint64_t cpu_domains[HOST_MAX_CPUS];
	unsigned nr_localities;			/* 0: no SLIT */
	uint8_t distance[HOST_MAX_NODES * HOST_MAX_NODES];
	struct movable_request movable;
};

#define KIB	((uint64_t)1 << 10)
#define MIB	((uint64_t)1 << 20)
#define GIB	((uint64_t)1 << 30)
#define TIB	((uint64_t)1 << 40)

/* The machines tests run on. */
/* Holes, unequal distances, a node without memory. */
extern const struct host_machine machine_four_nodes;
extern const struct host_machine machine_small;		/* 1 node, 64 MiB */
extern const struct host_machine machine_movable;	/* 2 nodes, 1 GiB, half of it movable */
extern const struct host_machine machine_large;		/* 1 node, 4 GiB */
extern const struct host_machine machine_huge;		/* 8 nodes, 8 TiB */
extern const struct host_machine machine_one_gib;	/* 8 nodes, 1 GiB */

/* Valid until the next call. */
const struct boot_info *host_build_boot_info(const struct host_machine *machine);

/* Ends the running machine, if any, and starts @machine: this thread is its CPU 0. */
void host_start_machine(const struct host_machine *machine);

/* This thread becomes CPU @cpu of the running machine again, which it started. */
void host_continue_cpu(unsigned cpu);

/* This thread becomes CPU @cpu of the running machine, not yet started. */
void host_start_cpu(unsigned cpu);

#endif
