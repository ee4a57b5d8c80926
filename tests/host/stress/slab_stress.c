/*
 * build/host/slab_stress [OPERATIONS [THREADS [NODES [SEED]]]]: caches and kmalloc
 * from many threads at once, to run plain and under ThreadSanitizer.
 *
 * Threads allocate sizes at random, fill each object with a pattern that says
 * which it is, hand some to each other through mailboxes and free their own and
 * others' after checking the pattern. Now and then one shrinks all caches, or makes a cache
 * of its own and destroys it while others shrink. At the end nothing may be lost, every rule
 * must hold, and shrinking must return every page.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/init.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "tests/host/lib/slabstick.h"

#define ARENA_BYTES	((size_t)2 << 30)
#define NR_LIVE		2000u
#define NR_MAILBOXES	64u
#define MAX_THREADS	32u
#define NR_OWN		200u	/* objects of a cache that comes and goes */
#define SHARED_BYTES	192u	/* of the cache that all threads share */
#define MAX_BYTES	70000u	/* beyond the blocks that are kept ready-made */

struct message {
	uint32_t bytes;
	uint32_t pattern;
};

struct worker {
	pthread_t thread;
	unsigned index, nr_nodes;
	uint64_t nr_ops, random;
	uint64_t nr_bad, nr_failed;
};

static struct message *mailboxes[NR_MAILBOXES];
static struct kmem_cache *shared_cache;

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
		message = kmalloc_node(bytes, GFP_KERNEL, below(worker, worker->nr_nodes));
		break;
	default:
		message = kmalloc(bytes, GFP_KERNEL);
	}
	if (message)
		fill(message, bytes, (uint32_t)next_random(worker));
	else
		worker->nr_failed++;
	return message;
}

static void give_back(struct worker *worker, struct message *message)
{
	if (!message)
		return;
	worker->nr_bad += !is_whole(message);
	message->pattern = ~message->pattern;	/* a second owner would see it */
	kfree(message);
}

/* Leaves @message for whoever comes next, and frees what lay there. */
static void post(struct worker *worker, struct message *message)
{
	struct message **box = &mailboxes[below(worker, NR_MAILBOXES)];

	give_back(worker, __atomic_exchange_n(box, message, __ATOMIC_ACQ_REL));
}

/* While others go through all caches. */
static void make_and_destroy(struct worker *worker)
{
	struct kmem_cache *cache = kmem_cache_create("stress_own", 64u << below(worker, 4), 0, 0,
						     NULL);
	void *objects[NR_OWN];

	if (!cache) {
		worker->nr_failed++;
		return;
	}
	for (unsigned i = 0; i < NR_OWN; i++)
		objects[i] = kmem_cache_alloc_node(cache, GFP_KERNEL,
						   below(worker, worker->nr_nodes));
	for (unsigned i = 0; i < NR_OWN; i++)
		kmem_cache_free(cache, objects[i]);
	kmem_cache_destroy(cache);
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
	if (below(worker, 100000) == 0)
		kmem_cache_shrink(shared_cache);
	if (below(worker, 200000) == 0)
		slab_shrink(UINT64_MAX);
	if (below(worker, 20000) == 0)
		make_and_destroy(worker);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct message **live = calloc(NR_LIVE, sizeof(struct message *));

	if (!live || !slabstick_thread_start()) {
		worker->nr_bad++;
		return NULL;
	}
	for (uint64_t i = 0; i < worker->nr_ops; i++)
		step(worker, live);
	for (unsigned i = 0; i < NR_LIVE; i++)
		give_back(worker, live[i]);
	free(live);
	slabstick_thread_end();
	return NULL;
}

static uint64_t number(char **argv, int argc, int i, uint64_t otherwise)
{
	return i < argc ? strtoull(argv[i], NULL, 0) : otherwise;
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

/* Returns every page but those of the arrays that caches have made for CPUs and nodes. */
static bool check_end(struct worker *workers, unsigned nr_threads)
{
	struct violation violation;
	uint64_t nr_bad = 0, nr_failed = 0;

	for (unsigned i = 0; i < NR_MAILBOXES; i++)
		give_back(&workers[0], mailboxes[i]);
	for (unsigned i = 0; i < nr_threads; i++) {
		nr_bad += workers[i].nr_bad;
		nr_failed += workers[i].nr_failed;
	}
	printf("%llu damaged objects, %llu failed allocations\n", (unsigned long long)nr_bad,
	       (unsigned long long)nr_failed);
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
	return nr_bad == 0 && mm_verify_all() && mm_print_ledger();
}

int main(int argc, char **argv)
{
	static struct worker workers[MAX_THREADS];
	uint64_t nr_ops = number(argv, argc, 1, 10000000);
	unsigned nr_threads = (unsigned)number(argv, argc, 2, 8);
	unsigned nr_nodes = (unsigned)number(argv, argc, 3, 4);
	uint64_t seed = number(argv, argc, 4, 1);

	if (nr_threads == 0 || nr_threads > MAX_THREADS ||
	    !slabstick_start(ARENA_BYTES, nr_nodes)) {
		fprintf(stderr, "usage: slab_stress [OPERATIONS [THREADS [NODES [SEED]]]]\n");
		return 2;
	}
	shared_cache = kmem_cache_create("stress", SHARED_BYTES, 0, SLAB_PANIC, NULL);
	for (unsigned i = 0; i < nr_threads; i++)
		workers[i] = (struct worker){ .index = i, .nr_nodes = nr_nodes,
					      .nr_ops = nr_ops / nr_threads,
					      .random = seed * 0x9e3779b97f4a7c15ull + i + 1 };
	printf("%llu operations, %u threads, %u nodes, seed %llu\n", (unsigned long long)nr_ops,
	       nr_threads, nr_nodes, (unsigned long long)seed);
	if (!run_all(workers, nr_threads) || !check_end(workers, nr_threads))
		return 1;
	printf("slab_stress: passed\n");
	return 0;
}
