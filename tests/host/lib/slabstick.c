/*
 * The hosted library: one pretended machine, threads as its CPUs.
 *
 * Model
 *   slabstick_start() describes a machine of the wanted size to mm_init(). A
 *   thread takes the lowest CPU that no thread has; the CPU's arrays stay when it
 *   leaves, drained, for the next.
 *
 * Locking
 *   cpus_lock guards who has which CPU. It also orders what a leaving thread
 *   wrote to its CPU's arrays before what the next one reads there.
 */

#include "tests/host/lib/slabstick.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "mm/init.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/rcu.h"
#include "tests/host/machine.h"

#define MIN_ARENA_BYTES	(16 * MIB)
#define LOW_BYTES	MIB

_Static_assert(SLABSTICK_MAX_THREADS <= HOST_MAX_CPUS, "each is a CPU");

static pthread_mutex_t cpus_lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_taken[SLABSTICK_MAX_THREADS];
static void *cpu_data[SLABSTICK_MAX_THREADS];	/* NULL: not started yet */

static void write_to_stdout(const char *text, size_t bytes)
{
	/* A program that cannot write has nobody left to tell. */
	if (fwrite(text, 1, bytes, stdout) != bytes)
		return;
	fflush(stdout);
}

static void describe(struct host_machine *machine, size_t arena_bytes, unsigned nr_nodes)
{
	uint64_t node_bytes = arena_bytes / nr_nodes & ~(uint64_t)(PAGE_SIZE - 1);

	memset(machine, 0, sizeof(*machine));
	machine->name = "hosted library";
	machine->ranges[0].end = LOW_BYTES;
	machine->ranges[0].type = MEM_LOW;
	for (unsigned i = 0; i < nr_nodes; i++) {
		machine->ranges[1 + i].start = LOW_BYTES + i * node_bytes;
		machine->ranges[1 + i].end = LOW_BYTES + (i + 1) * node_bytes;
		machine->ranges[1 + i].type = MEM_USABLE;
		machine->ranges[1 + i].domain = i;
	}
	machine->nr_cpus = SLABSTICK_MAX_THREADS;
	for (unsigned cpu = 0; cpu < SLABSTICK_MAX_THREADS; cpu++)
		machine->cpu_domains[cpu] = cpu % nr_nodes;
}

bool slabstick_start(size_t arena_bytes, unsigned nr_nodes)
{
	static struct host_machine machine;
	static bool has_sink;

	if (nr_nodes == 0 || nr_nodes > HOST_MAX_NODES || arena_bytes / nr_nodes < MIN_ARENA_BYTES)
		return false;
	if (!has_sink)
		log_add_sink(write_to_stdout);
	has_sink = true;
	log_set_level(LOG_WARN);
	memset(is_taken, 0, sizeof(is_taken));
	memset(cpu_data, 0, sizeof(cpu_data));
	describe(&machine, arena_bytes, nr_nodes);
	host_start_machine(&machine);
	is_taken[0] = true;
	cpu_data[0] = mm_port_cpu_data();
	return true;
}

static void become_cpu(unsigned cpu)
{
	if (cpu_data[cpu]) {
		host_continue_cpu(cpu);
		return;
	}
	host_start_cpu(cpu);
	cpu_data[cpu] = mm_port_cpu_data();
}

bool slabstick_thread_start(void)
{
	unsigned cpu = 0;

	pthread_mutex_lock(&cpus_lock);
	while (cpu < SLABSTICK_MAX_THREADS && is_taken[cpu])
		cpu++;
	if (cpu < SLABSTICK_MAX_THREADS) {
		is_taken[cpu] = true;
		become_cpu(cpu);
	}
	pthread_mutex_unlock(&cpus_lock);
	return cpu < SLABSTICK_MAX_THREADS;
}

void slabstick_thread_end(void)
{
	slab_drain_cpu();
	rcu_idle_enter();
	mm_port_set_cpu_data(NULL);
	pthread_mutex_lock(&cpus_lock);
	is_taken[mm_port_cpu()] = false;
	pthread_mutex_unlock(&cpus_lock);
}

void *slabstick_malloc(size_t bytes)
{
	return kmalloc(bytes, GFP_KERNEL);
}

void *slabstick_calloc(size_t nr, size_t bytes)
{
	return kcalloc(nr, bytes, GFP_KERNEL);
}

void *slabstick_realloc(void *object, size_t bytes)
{
	return krealloc(object, bytes, GFP_KERNEL);
}

void slabstick_free(void *object)
{
	kfree(object);
}

size_t slabstick_usable_size(const void *object)
{
	return ksize(object);
}

size_t slabstick_trim(void)
{
	return pages_to_bytes(slab_shrink(UINT64_MAX));
}

void slabstick_print_slabinfo(void)
{
	slab_print_info();
}
