/*
 * Rows of objects that one CPU allocates and another frees.
 *
 * Model
 *   A batch is a series of phases. In each, one CPU works and reads the counter
 *   itself, and the others halt: under icount the counter advances with every
 *   CPU's instructions, those of a waiting loop too. So whoever waits for a
 *   phase to end sleeps in a wait queue, and the threads that carry phases to
 *   the other CPU are made and joined outside the measured part.
 *
 *   Nothing of an object's way is left out: the CPUs in HLT do nothing for the
 *   one that works (mm_cpu_idle() obeys drain requests, which no row makes), and
 *   what one phase leaves for later, the next batch's phases pay for.
 *
 * Promises
 *   - around each phase, a loop that offers the machine to the other CPUs at
 *     each turn reads exactly 3.00: nobody took it (bench_is_alone())
 *
 *   The row cross_empty is a batch whose phases do nothing.
 */

#include "arch/x86_64/cpu.h"
#include "kthread.h"
#include "mm/kmalloc.h"
#include "tests/bench/bench.h"

#define NR_BATCH	10000u
#define OBJECT_BYTES	64
#define OTHER_CPU	1u
#define JOIN_MS		60000u

static void **objects;

/* ---- Phases ---- */

struct phase {
	void (*work)(void);
	uint64_t cycles;
	bool is_done;
};

static struct wait_queue phase_end;

static void run_phase(void *arg)
{
	struct phase *phase = arg;
	bool is_alone = bench_is_alone();
	uint64_t started = bench_start();

	phase->work();
	phase->cycles = bench_stop(started);
	if (!is_alone || !bench_is_alone())
		bench_spoil("another CPU ran during a phase");
	__atomic_store_n(&phase->is_done, true, __ATOMIC_RELEASE);
	wait_queue_wake(&phase_end);
}

static bool is_done(void *arg)
{
	const struct phase *phase = arg;

	return __atomic_load_n(&phase->is_done, __ATOMIC_ACQUIRE);
}

static uint64_t time_here(void (*work)(void))
{
	struct phase phase = { .work = work };

	run_phase(&phase);
	return phase.cycles;
}

static uint64_t time_there(void (*work)(void))
{
	struct phase phase = { .work = work };
	struct thread *thread = thread_start("phase", OTHER_CPU, run_phase, &phase);

	if (!thread) {
		bench_spoil("no memory for a thread");
		return 0;
	}
	wait_queue_sleep(&phase_end, is_done, &phase);
	if (thread_join(thread, JOIN_MS) != STATUS_OK)
		bench_spoil("a thread did not end");
	return phase.cycles;
}

/* ---- Rows ---- */

static void take_all(void)
{
	for (unsigned i = 0; i < NR_BATCH; i++)
		objects[i] = kmalloc(OBJECT_BYTES, GFP_KERNEL);
}

static void give_all(void)
{
	for (unsigned i = 0; i < NR_BATCH; i++)
		kfree(objects[i]);
}

static void do_nothing(void)
{
}

static const char *prepare_cpus(void)
{
	if (cpu_nr_running() <= OTHER_CPU)
		return "one CPU";
	wait_queue_init(&phase_end);
	return NULL;
}

static const char *prepare_objects(void)
{
	const char *reason = prepare_cpus();

	if (reason)
		return reason;
	objects = kvmalloc(NR_BATCH * sizeof(objects[0]), GFP_KERNEL);
	return objects ? NULL : "no memory for the list of objects";
}

static void drop_objects(void)
{
	kvfree(objects);
}

static uint64_t measure_nothing(unsigned nr_ops)
{
	(void)nr_ops;
	return time_here(do_nothing) + time_there(do_nothing);
}

/* Always the same way: what one CPU gives away, the other collects. */
static uint64_t measure_one_way(unsigned nr_ops)
{
	(void)nr_ops;
	return time_here(take_all) + time_there(give_all);
}

static uint64_t measure_both_ways(unsigned nr_ops)
{
	uint64_t there = time_here(take_all) + time_there(give_all);

	(void)nr_ops;
	return there + time_there(take_all) + time_here(give_all);
}

static const struct bench_case cases[] = {
	{ .name = "cross_empty", .nr_ops = 1, .measure = measure_nothing,
	  .prepare = prepare_cpus },
	{ .name = "kmalloc64_cross", .nr_ops = NR_BATCH, .measure = measure_one_way,
	  .prepare = prepare_objects, .finish = drop_objects },
	{ .name = "kmalloc64_cross_back", .nr_ops = 2 * NR_BATCH, .measure = measure_both_ways,
	  .prepare = prepare_objects, .finish = drop_objects },
};

BENCH_SUITE(cross, cases);
