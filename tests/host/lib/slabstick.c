/*
 * The hosted library: one pretended machine, threads as its CPUs.
 *
 * Model
 *   slabstick_start() describes a machine of the wanted size to mm_init(). A
 *   thread takes the lowest CPU that no thread has; the CPU's arrays stay when it
 *   leaves, drained, for the next. A thread that was never started starts itself with
 *   its first call and leaves with its end. Where all CPUs are taken it gets NULL, and
 *   what it frees waits in a list for the next thread that starts, or for a trim.
 *
 *   The arena is shared memory, as two addresses of a page must show the same: a child
 *   of fork() would write to its parent's. So the child has none, and is told so.
 *
 * Locking
 *   cpus_lock guards who has which CPU. It also orders what a leaving thread
 *   wrote to its CPU's arrays before what the next one reads there. The list of
 *   what waits is pushed to without a lock and taken whole.
 */

#include "tests/host/lib/slabstick.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "mm/init.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/rcu.h"
#include "tests/host/machine.h"
#include "tests/host/port.h"

#define MIN_ARENA_BYTES	(16 * MIB)
#define LOW_BYTES	MIB

_Static_assert(SLABSTICK_MAX_THREADS <= HOST_MAX_CPUS, "each is a CPU");

static pthread_mutex_t cpus_lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_taken[SLABSTICK_MAX_THREADS];
static void *cpu_data[SLABSTICK_MAX_THREADS];	/* NULL: not started yet */

/* Of threads that started themselves: its destructor ends them. */
static pthread_key_t self_started;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_orphan;			/* a child of fork() without an arena of its own */

struct waiting {
	struct waiting *next;
};

static struct waiting *waiting;		/* objects that nobody with a CPU has freed yet */

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

static void end_thread(void *unused)
{
	(void)unused;
	slabstick_thread_end();
}

/* In the child: what it has of the arena is its parent's. */
static void forget_arena(void)
{
	host_port_forget();
	is_orphan = true;
	waiting = NULL;
	pthread_mutex_init(&cpus_lock, NULL);	/* another thread of the parent may have had it */
}

static void prepare_process(void)
{
	if (pthread_key_create(&self_started, end_thread) != 0 ||
	    pthread_atfork(NULL, NULL, forget_arena) != 0)
		abort();
}

bool slabstick_start(size_t arena_bytes, unsigned nr_nodes)
{
	static struct host_machine machine;
	static bool has_sink;

	if (nr_nodes == 0 || nr_nodes > HOST_MAX_NODES || arena_bytes / nr_nodes < MIN_ARENA_BYTES)
		return false;
	pthread_once(&once, prepare_process);
	is_orphan = false;
	waiting = NULL;
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

static void free_waiting(void)
{
	struct waiting *object = __atomic_exchange_n(&waiting, NULL, __ATOMIC_ACQUIRE);

	while (object) {
		struct waiting *next = object->next;

		kfree(object);
		object = next;
	}
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
	if (cpu == SLABSTICK_MAX_THREADS)
		return false;
	free_waiting();
	return true;
}

void slabstick_thread_end(void)
{
	pthread_setspecific(self_started, NULL);
	slab_drain_cpu();
	rcu_idle_enter();
	mm_port_set_cpu_data(NULL);
	pthread_mutex_lock(&cpus_lock);
	is_taken[mm_port_cpu()] = false;
	pthread_mutex_unlock(&cpus_lock);
}

/* False: this thread has no CPU, and none is free. */
static COLD bool start_self(void)
{
	static const char told[] = "slabstick: a child of fork() has no arena: it calls "
				   "slabstick_start() for one of its own, or an exec function\n";

	if (is_orphan) {
		if (write(STDERR_FILENO, told, sizeof(told) - 1) < 0)
			abort();
		abort();
	}
	if (!slabstick_thread_start())
		return false;
	pthread_setspecific(self_started, &self_started);
	return true;
}

static inline bool may_allocate(void)
{
	return likely(mm_port_cpu_data() != NULL) || start_self();
}

/* Without a CPU: the object itself is the place for the list's word. */
static COLD void free_later(void *object)
{
	struct waiting *first = object;

	if (!object)
		return;
	first->next = __atomic_load_n(&waiting, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&waiting, &first->next, first, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

void *slabstick_malloc(size_t bytes)
{
	if (unlikely(!may_allocate()))
		return NULL;
	return kmalloc(bytes, GFP_KERNEL);
}

void *slabstick_calloc(size_t nr, size_t bytes)
{
	if (unlikely(!may_allocate()))
		return NULL;
	return kcalloc(nr, bytes, GFP_KERNEL);
}

void *slabstick_realloc(void *object, size_t bytes)
{
	if (unlikely(!may_allocate()))
		return NULL;
	return krealloc(object, bytes, GFP_KERNEL);
}

void slabstick_free(void *object)
{
	if (likely(may_allocate()))
		kfree(object);
	else
		free_later(object);
}

size_t slabstick_usable_size(const void *object)
{
	return ksize(object);
}

size_t slabstick_trim(void)
{
	if (!may_allocate())
		return 0;
	free_waiting();
	return pages_to_bytes(slab_shrink(UINT64_MAX));
}

void slabstick_print_slabinfo(void)
{
	slab_print_info();
}
