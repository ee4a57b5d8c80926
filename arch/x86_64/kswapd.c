/*
 * kswapd: threads that give mm's reclaim_node() a place to run.
 *
 * Model
 *   One thread per node that has a CPU, on the first such CPU; a node without
 *   one is served by the thread of CPU 0. A request is a bit per node. Its
 *   thread takes the bit, then has one turn after the other, yielding in between,
 *   until mm says that there is no more to do. Each node knows its thread.
 *
 *   On a machine with one CPU the thread runs when the others yield; a request
 *   that cannot wait reclaims by itself (mm/page/reclaim.c).
 *
 * Locking
 *   wanted[] is changed by atomic operations; the wait queue has its own lock.
 */

#include "arch/x86_64/kswapd.h"

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/smp.h"
#include "kthread.h"
#include "lib/bits.h"
#include "log.h"
#include "mm/config.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/reclaim.h"

#define CALL_MS			10000u

struct kswapd {
	struct wait_queue queue;
	struct thread *thread;
	unsigned cpu;
	unsigned nid;			/* of its CPU */
	uint64_t nr_turns;
	uint64_t wanted[MAX_NODES / BITS_PER_WORD];	/* nodes asked for */
};

static struct kswapd *daemons;
static unsigned nr_daemons;

static struct kswapd *daemon_of(unsigned nid)
{
	for (unsigned i = 0; i < nr_daemons; i++)
		if (daemons[i].nid == nid)
			return &daemons[i];
	return &daemons[0];
}

void kswapd_wake(unsigned nid)
{
	struct kswapd *daemon;

	if (!__atomic_load_n(&nr_daemons, __ATOMIC_ACQUIRE) || nid >= MAX_NODES)
		return;
	daemon = daemon_of(nid);
	__atomic_fetch_or(&daemon->wanted[nid / BITS_PER_WORD], 1ull << nid % BITS_PER_WORD,
			  __ATOMIC_RELEASE);
	wait_queue_wake(&daemon->queue);
	/* Idle CPUs give back what they keep for themselves, if mm asked for it. */
	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++)
		smp_poke(cpu);
}

uint64_t kswapd_nr_turns(void)
{
	uint64_t nr_turns = 0;

	for (unsigned i = 0; i < nr_daemons; i++)
		nr_turns += __atomic_load_n(&daemons[i].nr_turns, __ATOMIC_RELAXED);
	return nr_turns;
}

static bool is_wanted(void *arg)
{
	const struct kswapd *daemon = arg;

	for (unsigned i = 0; i < ARRAY_SIZE(daemon->wanted); i++)
		if (__atomic_load_n(&daemon->wanted[i], __ATOMIC_ACQUIRE))
			return true;
	return false;
}

static void balance(struct kswapd *daemon, unsigned nid)
{
	bool has_more;

	do {
		has_more = reclaim_node(nid);
		__atomic_fetch_add(&daemon->nr_turns, 1, __ATOMIC_RELAXED);
		thread_yield();
	} while (has_more);
}

static void serve(struct kswapd *daemon, unsigned word)
{
	uint64_t nids = __atomic_exchange_n(&daemon->wanted[word], 0, __ATOMIC_ACQUIRE);

	for (; nids; nids &= nids - 1)
		balance(daemon, word * BITS_PER_WORD + lowest_bit(nids));
}

static void run_kswapd(void *arg)
{
	struct kswapd *daemon = arg;

	for (;;) {
		wait_queue_sleep(&daemon->queue, is_wanted, daemon);
		for (unsigned word = 0; word < ARRAY_SIZE(daemon->wanted); word++)
			serve(daemon, word);
	}
}

static void note_node(void *arg)
{
	*(unsigned *)arg = numa_node_id();
}

/* Writes to @nids[] the nodes of the running CPUs and to @cpus[] the first CPU of each. */
static unsigned find_nodes(unsigned nr_cpus, unsigned *nids, unsigned *cpus)
{
	unsigned nr = 0;

	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		unsigned nid = NID_NONE;
		unsigned i = 0;

		if (arch_run_on(cpu, note_node, &nid, CALL_MS) != STATUS_OK)
			continue;
		while (i < nr && nids[i] != nid)
			i++;
		if (i < nr)
			continue;
		nids[nr] = nid;
		cpus[nr++] = cpu;
	}
	return nr;
}

static bool start_daemon(struct kswapd *daemon, unsigned nid, unsigned cpu)
{
	daemon->nid = nid;
	daemon->cpu = cpu;
	wait_queue_init(&daemon->queue);
	daemon->thread = thread_start("kswapd", cpu, run_kswapd, daemon);
	return daemon->thread != NULL;
}

/* Tells every node who serves it; what nodes asked for before is not lost. */
static void announce(void)
{
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		struct kswapd *daemon = daemon_of(nid);

		reclaim_set_thread(nid, daemon->thread, &daemon->queue);
		kswapd_wake(nid);
	}
}

void kswapd_start(void)
{
	unsigned nr_cpus = cpu_nr_running();
	unsigned *places = kcalloc(nr_cpus, 2 * sizeof(places[0]), GFP_KERNEL);
	unsigned nr_nodes, nr_started = 0;

	if (places) {
		nr_nodes = find_nodes(nr_cpus, places, places + nr_cpus);
		daemons = kcalloc(nr_nodes, sizeof(daemons[0]), GFP_KERNEL);
		while (daemons && nr_started < nr_nodes &&
		       start_daemon(&daemons[nr_started], places[nr_started],
				    places[nr_cpus + nr_started]))
			nr_started++;
		kfree(places);
	}
	if (!nr_started)
		log_line(LOG_WARN, "kswapd: no memory for its threads: direct reclaim only");
	__atomic_store_n(&nr_daemons, nr_started, __ATOMIC_RELEASE);
	if (nr_started)
		announce();
}
