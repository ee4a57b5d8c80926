/*
 * Caches and kmalloc from many threads at once: see tests/host/stress/objects.h.
 *
 * Threads allocate sizes at random, fill each object with a pattern that says
 * which it is, hand some to each other through mailboxes and free their own and
 * others' after checking the pattern: remote and alien frees. Meanwhile each does, now and then:
 * shrinks a cache or all of them, or a node as kswapd would; makes a cache of its own, some of
 * them type-safe, and destroys it, after freeing an object twice; frees an object in the same
 * instant as another thread; reads without a lock what others change and leave to
 * kfree_rcu(); and idles. At the end nothing may be lost, every rule must hold, and shrinking
 * must return every page.
 */

#include "tests/host/stress/objects.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "mm/init.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/rcu.h"
#include "mm/reclaim.h"

#define NR_LIVE		2000u
#define NR_MAILBOXES	64u
#define NR_OWN		200u	/* objects of a cache that comes and goes */
#define SHARED_BYTES	192u	/* of the cache that all threads share */
#define MAX_BYTES	70000u	/* beyond the blocks that are kept ready-made */
#define NR_ENTRIES	16u
#define NR_WORDS	12u
#define MAX_MEETING	20000u	/* looks at whether another thread comes */
#define MAX_NODES_SEEN	16u

struct message {
	uint32_t bytes;
	uint32_t pattern;
};

/* What is read without a lock: its words are the same as long as it is there. */
struct entry {
	uint64_t words[NR_WORDS];
	struct rcu_head rcu;
};

struct worker {
	pthread_t thread;
	unsigned index;
	const struct objects_stress *stress;
	uint64_t nr_ops, random;
	struct objects_totals did;
};

static struct message *mailboxes[NR_MAILBOXES];
static struct entry *entries[NR_ENTRIES];
static struct kmem_cache *shared_cache, *twice_cache;
static bool is_reclaiming[MAX_NODES_SEEN];

static uint64_t next_random(struct worker *worker)
{
	worker->random ^= worker->random >> 12;
	worker->random ^= worker->random << 25;
	worker->random ^= worker->random >> 27;
	return worker->random * 0x2545f4914f6cdd1dull;
}

static uint32_t below(struct worker *worker, uint32_t bound)
{
	return (uint32_t)((next_random(worker) >> 32) * bound >> 32);
}

static uint32_t random_bytes(struct worker *worker)
{
	uint32_t top = 16u << below(worker, 14);

	return (uint32_t)sizeof(struct message) + below(worker, top < MAX_BYTES ? top : MAX_BYTES);
}

static void fill(struct message *message, uint32_t bytes, uint32_t pattern)
{
	message->bytes = bytes;
	message->pattern = pattern;
	memset(message + 1, (int)(pattern & 0xff), bytes - sizeof(*message));
}

static bool is_whole(const struct message *message)
{
	const uint8_t *at = (const uint8_t *)(message + 1);
	uint32_t rest = message->bytes - (uint32_t)sizeof(*message);

	if (rest == 0)
		return true;
	return at[0] == (message->pattern & 0xff) && at[rest / 2] == at[0] && at[rest - 1] == at[0];
}

static struct message *take(struct worker *worker)
{
	uint32_t bytes = random_bytes(worker);
	struct message *message;

	switch (below(worker, 4)) {
	case 0:
		bytes = SHARED_BYTES;
		message = kmem_cache_alloc(shared_cache, GFP_KERNEL);
		break;
	case 1:
		message = kmalloc_node(bytes, GFP_KERNEL, below(worker, worker->stress->nr_nodes));
		break;
	default:
		message = kmalloc(bytes, GFP_KERNEL);
	}
	if (message)
		fill(message, bytes, (uint32_t)next_random(worker));
	else
		worker->did.nr_failed++;
	return message;
}

static void give_back(struct worker *worker, struct message *message)
{
	if (!message)
		return;
	worker->did.nr_bad += !is_whole(message);
	message->pattern = ~message->pattern;	/* a second owner would see it */
	kfree(message);
}

/* Leaves @message for whoever comes next, and frees what lay there. */
static void post(struct worker *worker, struct message *message)
{
	struct message **box = &mailboxes[below(worker, NR_MAILBOXES)];

	give_back(worker, __atomic_exchange_n(box, message, __ATOMIC_ACQ_REL));
}

/* ---- Freeing twice ---- */

static _Thread_local jmp_buf *refusal;

/* A free that is refused ends here; any other panic is one. */
static void note_refusal(const char *message)
{
	if (refusal && (strstr(message, "double free") || strstr(message, "not allocated")))
		longjmp(*refusal, 1);
}

/* False: refused. */
static bool try_free(struct kmem_cache *cache, void *object)
{
	jmp_buf place;
	bool is_refused;

	refusal = &place;
	is_refused = setjmp(place) != 0;
	if (!is_refused)
		kmem_cache_free(cache, object);
	refusal = NULL;
	return !is_refused;
}

/*
 * Where two threads of one node meet with one object of twice_cache: who comes first lays it
 * down and waits for one who takes it up. Both stay until both have freed it: until then
 * it rests with the CPU of one of them, or nobody else's would be looked at.
 */
static struct {
	bool is_busy;			/* a first one is here */
	void *object;			/* laid down */
	unsigned nr_freed, nr_refused;
	unsigned nr_done;
	bool has_left;			/* the second one */
} meeting;

static void free_here(void)
{
	void *object = meeting.object;

	if (try_free(twice_cache, object))
		__atomic_fetch_add(&meeting.nr_freed, 1, __ATOMIC_RELAXED);
	else
		__atomic_fetch_add(&meeting.nr_refused, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&meeting.nr_done, 1, __ATOMIC_RELEASE);
}

/* Or first_waits(): for another of the same node, which is the object's. */
enum { NOBODY_HERE, BOTH_ARE_HERE, FIRST_WAITS };
static unsigned meeting_state;

static unsigned first_waits(void)
{
	return FIRST_WAITS + numa_node_id();
}

static void wait_for_both(void)
{
	while (__atomic_load_n(&meeting.nr_done, __ATOMIC_ACQUIRE) < 2)
		sched_yield();
}

static void come_first(struct worker *worker)
{
	void *neighbour = kmem_cache_alloc(twice_cache, GFP_KERNEL);
	void *object = kmem_cache_alloc(twice_cache, GFP_KERNEL);
	unsigned expected = first_waits();

	meeting.object = object;
	meeting.nr_freed = meeting.nr_refused = meeting.nr_done = 0;
	meeting.has_left = false;
	__atomic_store_n(&meeting_state, first_waits(), __ATOMIC_RELEASE);
	for (unsigned i = 0; object && i < MAX_MEETING; i++)
		if (__atomic_load_n(&meeting_state, __ATOMIC_ACQUIRE) == BOTH_ARE_HERE)
			break;
	if (!object || __atomic_compare_exchange_n(&meeting_state, &expected, NOBODY_HERE, false,
						   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		kmem_cache_free(twice_cache, object);
	} else {
		free_here();
		wait_for_both();
		while (!__atomic_load_n(&meeting.has_left, __ATOMIC_ACQUIRE))
			sched_yield();
		worker->did.nr_bad += meeting.nr_freed != 1;
		worker->did.nr_bad += meeting.nr_refused != 1;
		worker->did.nr_twice++;
		__atomic_store_n(&meeting_state, NOBODY_HERE, __ATOMIC_RELEASE);
	}
	kmem_cache_free(twice_cache, neighbour);
	__atomic_store_n(&meeting.is_busy, false, __ATOMIC_RELEASE);
}

static void meet(struct worker *worker)
{
	unsigned expected = first_waits();

	if (!__atomic_exchange_n(&meeting.is_busy, true, __ATOMIC_ACQ_REL)) {
		come_first(worker);
	} else if (__atomic_compare_exchange_n(&meeting_state, &expected, BOTH_ARE_HERE, false,
					       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		free_here();
		wait_for_both();
		__atomic_store_n(&meeting.has_left, true, __ATOMIC_RELEASE);
	}
}

/* ---- Caches that come and go ---- */

/* While others go through all caches. */
static void make_and_destroy(struct worker *worker)
{
	slab_flags_t flags = below(worker, 2) ? SLAB_TYPESAFE_BY_RCU : 0;
	struct kmem_cache *cache = kmem_cache_create("stress_own", 64u << below(worker, 4), 0,
						     flags, NULL);
	void *objects[NR_OWN], *twice;

	if (!cache) {
		worker->did.nr_failed++;
		return;
	}
	for (unsigned i = 0; i < NR_OWN; i++)
		objects[i] = kmem_cache_alloc_node(cache, GFP_KERNEL,
						   below(worker, worker->stress->nr_nodes));
	/* Of this CPU's node: until the second free it rests with this CPU. */
	twice = kmem_cache_alloc(cache, GFP_KERNEL);
	if (twice && page_to_nid(virt_to_page(twice)) == numa_node_id()) {
		kmem_cache_free(cache, twice);
		worker->did.nr_bad += try_free(cache, twice);
		worker->did.nr_twice++;
	} else {
		kmem_cache_free(cache, twice);
	}
	for (unsigned i = 0; i < NR_OWN; i++)
		kmem_cache_free(cache, objects[i]);
	kmem_cache_destroy(cache);
}

/* ---- Readers without locks ---- */

static void read_entry(struct worker *worker)
{
	const struct entry *entry;

	rcu_read_lock();
	entry = __atomic_load_n(&entries[below(worker, NR_ENTRIES)], __ATOMIC_ACQUIRE);
	for (unsigned i = 1; entry && i < NR_WORDS; i++)
		worker->did.nr_bad += entry->words[i] != entry->words[0];
	rcu_read_unlock();
	worker->did.nr_reads++;
}

static void change_entry(struct worker *worker)
{
	struct entry *entry = kmalloc(sizeof(*entry), GFP_KERNEL);

	if (!entry)
		return;
	/* Nobody gave this memory to kfree_rcu(): what it was is no matter. */
	memset(entry, 0, sizeof(*entry));
	for (unsigned i = 0; i < NR_WORDS; i++)
		entry->words[i] = worker->random;
	entry = __atomic_exchange_n(&entries[below(worker, NR_ENTRIES)], entry, __ATOMIC_ACQ_REL);
	kfree_rcu(entry, rcu);
}

/* ---- What kernels do beside ---- */

/* One thread per node at a time. */
static void be_kswapd(struct worker *worker)
{
	unsigned nid = below(worker, worker->stress->nr_nodes);

	if (nid >= MAX_NODES_SEEN ||
	    __atomic_exchange_n(&is_reclaiming[nid], true, __ATOMIC_ACQUIRE))
		return;
	reclaim_node(nid);
	__atomic_store_n(&is_reclaiming[nid], false, __ATOMIC_RELEASE);
	shrink_node(nid, 1 + below(worker, 200));
}

static void idle(void)
{
	mm_cpu_idle();
	rcu_idle_enter();
	sched_yield();
	rcu_idle_exit();
}

static void do_something_rare(struct worker *worker)
{
	if (below(worker, 500) == 0)
		kmem_cache_shrink(shared_cache);
	if (below(worker, 1000) == 0)
		slab_shrink(UINT64_MAX);
	if (below(worker, 1000) == 0)
		be_kswapd(worker);
	if (below(worker, 100) == 0)
		make_and_destroy(worker);
	if (below(worker, 30) == 0)
		meet(worker);
	if (below(worker, 4) == 0)
		idle();
}

static void step(struct worker *worker, struct message **live)
{
	struct message **place = &live[below(worker, NR_LIVE)];

	if (!*place)
		*place = take(worker);
	else if (below(worker, 3) == 0)
		post(worker, *place), *place = NULL;
	else
		give_back(worker, *place), *place = NULL;
	if (below(worker, 10) == 0)
		read_entry(worker);
	if (below(worker, 50) == 0)
		change_entry(worker);
	if (below(worker, 200) == 0)
		do_something_rare(worker);
	rcu_note_context_switch();
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct message **live = calloc(NR_LIVE, sizeof(struct message *));

	if (!live || !worker->stress->start_thread(worker->index)) {
		worker->did.nr_bad++;
		free(live);
		return NULL;
	}
	for (uint64_t i = 0; i < worker->nr_ops; i++)
		step(worker, live);
	for (unsigned i = 0; i < NR_LIVE; i++)
		give_back(worker, live[i]);
	free(live);
	worker->stress->end_thread();
	return NULL;
}

static bool run_all(struct worker *workers, unsigned nr_threads)
{
	for (unsigned i = 0; i < nr_threads; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			return false;
	for (unsigned i = 0; i < nr_threads; i++)
		if (pthread_join(workers[i].thread, NULL) != 0)
			return false;
	return true;
}

static bool end_rcu(void)
{
	for (unsigned i = 0; i < NR_ENTRIES; i++) {
		kfree_rcu(entries[i], rcu);
		entries[i] = NULL;
	}
	while (rcu_nr_waiting() != 0)
		if (!rcu_barrier())
			return false;
	return true;
}

static void add_up(struct worker *workers, struct objects_totals *totals)
{
	*totals = (struct objects_totals){ 0 };
	for (unsigned i = 0; i < workers[0].stress->nr_threads; i++) {
		totals->nr_bad += workers[i].did.nr_bad;
		totals->nr_failed += workers[i].did.nr_failed;
		totals->nr_twice += workers[i].did.nr_twice;
		totals->nr_reads += workers[i].did.nr_reads;
	}
}

/* Returns every page but those of the arrays that caches have made for CPUs and nodes. */
static bool check_end(struct worker *workers, struct objects_totals *totals)
{
	struct violation violation;
	bool has_ended = end_rcu();

	for (unsigned i = 0; i < NR_MAILBOXES; i++) {
		give_back(&workers[0], mailboxes[i]);
		mailboxes[i] = NULL;
	}
	add_up(workers, totals);
	if (!slab_verify(&violation)) {
		printf("%s broken: %s\n", violation.rule, violation.condition);
		return false;
	}
	slab_shrink(UINT64_MAX);
	if (slab_usage(shared_cache).nr_slab_pages != 0) {
		printf("the shared cache keeps pages\n");
		return false;
	}
	kmem_cache_destroy(shared_cache);
	kmem_cache_destroy(twice_cache);
	return has_ended && totals->nr_bad == 0 && mm_verify_all();
}

bool objects_stress_run(const struct objects_stress *stress, struct objects_totals *totals)
{
	static struct worker workers[OBJECTS_STRESS_MAX_THREADS];
	bool is_good;

	shared_cache = kmem_cache_create("stress", SHARED_BYTES, 0, SLAB_PANIC, NULL);
	twice_cache = kmem_cache_create("stress_twice", 128, 0, SLAB_PANIC, NULL);
	for (unsigned i = 0; i < stress->nr_threads; i++)
		workers[i] = (struct worker){ .index = i, .stress = stress,
					      .nr_ops = stress->nr_ops / stress->nr_threads,
					      .random = stress->seed * 0x9e3779b97f4a7c15ull +
							i + 1 };
	/* Reports of frees that are to be refused are kept from the log, not from a panic. */
	log_mute(true);
	panic_hook = note_refusal;
	rcu_idle_enter();	/* this thread does nothing but wait */
	is_good = run_all(workers, stress->nr_threads);
	rcu_idle_exit();
	panic_hook = NULL;
	log_mute(false);
	return is_good && check_end(workers, totals);
}
