/*
 * build/host/page_stress [OPERATIONS [THREADS [NODES [SEED [SHARED]]]]]: the page allocator
 * from many threads at once, to run plain and under ThreadSanitizer.
 *
 * Threads take blocks of all orders, plain, compound and movable, hand some to each
 * other through mailboxes and free their own and others'; meanwhile they take bulks
 * and contiguous ranges, compact, isolate, drain, reclaim, and now and then all that is
 * left, so that others' stacks are emptied from below. Each block says in its first
 * bytes whose it is. At the end nothing may be lost and every rule must hold.
 *
 * SHARED is 1: a guest uses each thread's CPU as well, whenever nobody has the local lock,
 * as a thread of higher priority would. ThreadSanitizer sees what that lock does not cover.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "mm/contig.h"
#include "mm/init.h"
#include "mm/live.h"
#include "mm/page/compact.h"
#include "mm/page/isolate.h"
#include "mm/page_alloc.h"
#include "mm/reclaim.h"
#include "tests/host/lib/slabstick.h"
#include "tests/host/port.h"

#define ARENA_BYTES	((size_t)512 << 20)
#define NR_LIVE		1500u
#define NR_MAILBOXES	256u
#define MAX_THREADS	32u
#define NR_BULK		100u
#define NR_MOVABLE	(2 * MAX_THREADS * NR_LIVE)
#define NR_PFNS		((size_t)1 << 22)	/* 16 GiB */
#define GFP_TRY		(GFP_KERNEL | __GFP_NOWARN)

/* What a thread holds in one place. */
struct holding {
	struct page *page;		/* of a movable block: where it was at first */
	uint64_t pattern;
	unsigned order;
	unsigned movable;		/* its number, or 0 */
};

struct worker {
	pthread_t thread;
	unsigned index, nr_nodes;
	uint64_t nr_ops, random;
	uint64_t nr_bad, nr_failed, nr_ranges;
	unsigned cpu;			/* a guest's: its host's CPU */
	void *cpu_data;
	struct holding live[NR_LIVE];
};

static struct worker workers[MAX_THREADS];
static struct worker guests[MAX_THREADS];
static bool has_guests;
static pthread_barrier_t all_started;	/* twice: main counts what their CPUs take */
static struct page *mailboxes[NR_MAILBOXES];	/* single pages */

/* Where movable blocks are now, and which of them a page heads. */
static struct {
	pthread_mutex_t lock;
	struct page *page[NR_MOVABLE + 1];
	uint32_t *number_of;		/* by pfn */
	uint64_t nr_moved;
	uint16_t owner;
} movable = { .lock = PTHREAD_MUTEX_INITIALIZER };

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

static uint64_t *pattern_of(const struct page *page)
{
	return page_address(page);
}

/* ---- Movable blocks ---- */

static bool migrate(struct page *from, struct page *to, void *arg)
{
	uint32_t number;

	(void)arg;
	pthread_mutex_lock(&movable.lock);
	number = movable.number_of[page_to_pfn(from)];
	if (number) {
		*pattern_of(to) = *pattern_of(from);
		movable.page[number] = to;
		movable.number_of[page_to_pfn(from)] = 0;
		movable.number_of[page_to_pfn(to)] = number;
		movable.nr_moved++;
	}
	pthread_mutex_unlock(&movable.lock);
	return number != 0;
}

static void make_movable(struct holding *holding, unsigned number)
{
	holding->movable = number;
	pthread_mutex_lock(&movable.lock);
	movable.page[number] = holding->page;
	movable.number_of[page_to_pfn(holding->page)] = number;
	pthread_mutex_unlock(&movable.lock);
	page_set_owner(holding->page, movable.owner);
}

/* From now on it stays where it is, since nobody knows its number. */
static void make_immovable(struct holding *holding)
{
	pthread_mutex_lock(&movable.lock);
	holding->page = movable.page[holding->movable];
	movable.number_of[page_to_pfn(holding->page)] = 0;
	pthread_mutex_unlock(&movable.lock);
	holding->movable = 0;
}

/* ---- Taking and giving back ---- */

static unsigned random_order(struct worker *worker)
{
	uint32_t draw = below(worker, 1000);

	if (draw < 600)
		return 0;
	if (draw < 980)
		return below(worker, STACK_LOW_ORDER_MAX + 2);
	return below(worker, NR_ORDERS);
}

static void take(struct worker *worker, struct holding *holding)
{
	unsigned place = (unsigned)(holding - worker->live);
	bool is_movable = below(worker, 3) == 0;
	gfp_t gfp = GFP_TRY;

	if (is_movable)
		gfp |= __GFP_MOVABLE;
	else
		gfp |= (below(worker, 3) == 0 ? __GFP_RECLAIMABLE : 0) |
		       (below(worker, 4) == 0 ? __GFP_COMP : 0);
	holding->order = random_order(worker);
	holding->page = below(worker, 3) == 0 ?
		alloc_pages_node(below(worker, worker->nr_nodes), gfp, holding->order) :
		alloc_pages(gfp, holding->order);
	if (!holding->page) {
		worker->nr_failed++;
		return;
	}
	holding->pattern = next_random(worker);
	*pattern_of(holding->page) = holding->pattern;
	if (is_movable)
		make_movable(holding, worker->index * NR_LIVE + place + 1);
}

static void give_back(struct worker *worker, struct holding *holding)
{
	if (holding->movable)
		make_immovable(holding);
	worker->nr_bad += *pattern_of(holding->page) != holding->pattern;
	*pattern_of(holding->page) = ~holding->pattern;	/* a second owner would see it */
	__free_pages(holding->page, holding->order);
	holding->page = NULL;
}

/* Leaves @page for whoever comes next, and frees what lay there. */
static void post(struct worker *worker, struct page *page)
{
	struct page **box = &mailboxes[below(worker, NR_MAILBOXES)];
	struct page *old = __atomic_exchange_n(box, page, __ATOMIC_ACQ_REL);

	if (old)
		__free_page(old);
}

static uint64_t count_posted(struct shrinker *shrinker, unsigned nid)
{
	uint64_t nr_pages = 0;

	(void)shrinker, (void)nid;
	for (unsigned i = 0; i < NR_MAILBOXES; i++)
		nr_pages += __atomic_load_n(&mailboxes[i], __ATOMIC_RELAXED) != NULL;
	return nr_pages;
}

static uint64_t free_posted(struct shrinker *shrinker, struct shrink_control *control)
{
	uint64_t nr_freed = 0;

	(void)shrinker;
	for (unsigned i = 0; i < NR_MAILBOXES && nr_freed < control->nr_to_free; i++) {
		struct page *page = __atomic_exchange_n(&mailboxes[i], NULL, __ATOMIC_ACQ_REL);

		control->nr_scanned++;
		if (!page)
			continue;
		__free_page(page);
		nr_freed++;
	}
	return nr_freed;
}

static struct shrinker mail_shrinker = {
	.name = "mail", .count = count_posted, .scan = free_posted,
};

/* ---- What happens now and then ---- */

static void take_bulk(struct worker *worker)
{
	struct page *pages[NR_BULK];
	unsigned nr = alloc_pages_bulk(GFP_TRY, NID_NONE, 1 + below(worker, NR_BULK), pages);

	free_pages_bulk(nr, pages);
}

static void take_range(struct worker *worker)
{
	uint64_t nr_pages = PAGEBLOCK_PAGES * (1 + below(worker, 8)) + below(worker, 64);
	struct page *page = alloc_contig_pages(nr_pages, GFP_TRY,
					       below(worker, worker->nr_nodes));

	if (!page)
		return;
	worker->nr_ranges++;
	free_contig_range(page_to_pfn(page), nr_pages);
}

static void isolate_some(struct worker *worker)
{
	struct page *page = alloc_pages(GFP_TRY, 0);
	struct pageblock_types types;
	struct zone *zone;
	pfn_t pfn;

	if (!page)
		return;
	zone = page_zone(page);
	pfn = page_to_pfn(page) & ~(PAGEBLOCK_PAGES - 1);
	if (isolate_pageblocks(zone, pfn, pfn + PAGEBLOCK_PAGES, &types)) {
		take_bulk(worker);
		__free_page(page);
		unisolate_pageblocks(zone, pfn, pfn + PAGEBLOCK_PAGES, &types);
	} else {
		__free_page(page);
	}
}

/* All that is left, chained through the owner's word. */
static void take_everything(struct worker *worker)
{
	struct page *chain = NULL, *page;

	(void)worker;
	while ((page = alloc_pages(GFP_TRY, 3)) != NULL || (page = alloc_page(GFP_TRY)) != NULL) {
		page->private[0] = chain;
		chain = page;
	}
	while (chain) {
		page = chain;
		chain = page->private[0];
		__free_pages(page, page->order);
	}
}

static void step(struct worker *worker)
{
	struct holding *place = &worker->live[below(worker, NR_LIVE)];

	if (!place->page)
		take(worker, place);
	else if (place->order == 0 && !place->movable && below(worker, 4) == 0)
		post(worker, place->page), place->page = NULL;
	else
		give_back(worker, place);
	if (below(worker, 200) == 0)
		take_bulk(worker);
	if (below(worker, 5000) == 0)
		take_range(worker);
	if (below(worker, 5000) == 0)
		isolate_some(worker);
	if (below(worker, 10000) == 0)
		drain_all_pages();
	if (below(worker, 20000) == 0)
		shrink_node(below(worker, worker->nr_nodes), 100);
	if (below(worker, 20000) == 0)
		compact_node(below(worker, worker->nr_nodes));
	if (below(worker, 20000) == 0)
		take_everything(worker);
}

static void run_steps(struct worker *worker)
{
	for (uint64_t i = 0; i < worker->nr_ops; i++)
		step(worker);
	for (unsigned i = 0; i < NR_LIVE; i++)
		if (worker->live[i].page)
			give_back(worker, &worker->live[i]);
}

static void *work_as_guest(void *arg)
{
	struct worker *guest = arg;

	host_port_set_cpu(guest->cpu);
	mm_port_set_cpu_data(guest->cpu_data);
	run_steps(guest);
	return NULL;
}

static void run_with_guest(struct worker *worker)
{
	struct worker *guest = &guests[worker->index];

	guest->cpu = mm_port_cpu();
	guest->cpu_data = mm_port_cpu_data();
	if (pthread_create(&guest->thread, NULL, work_as_guest, guest) != 0) {
		worker->nr_bad++;
		return;
	}
	run_steps(worker);
	worker->nr_bad += pthread_join(guest->thread, NULL) != 0;
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	bool is_started = slabstick_thread_start();

	pthread_barrier_wait(&all_started);
	pthread_barrier_wait(&all_started);
	if (!is_started) {
		worker->nr_bad++;
		return NULL;
	}
	if (has_guests)
		run_with_guest(worker);
	else
		run_steps(worker);
	slabstick_thread_end();
	return NULL;
}

static uint64_t number(char **argv, int argc, int i, uint64_t otherwise)
{
	return i < argc ? strtoull(argv[i], NULL, 0) : otherwise;
}

static uint64_t pages_in_use(void)
{
	uint64_t nr_pages = 0;

	drain_all_pages();
	for_each_populated_zone(zone) {
		nr_pages += zone->managed_pages - zone_listed_pages(zone);
		for (unsigned cpu = 0; cpu < live.nr_cpus; cpu++)
			if (live.cpus[cpu])
				nr_pages -= page_stacks_pages(live.cpus[cpu], zone);
	}
	return nr_pages;
}

static bool run_all(unsigned nr_threads, uint64_t *nr_pages_before)
{
	for (unsigned i = 0; i < nr_threads; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			return false;
	pthread_barrier_wait(&all_started);
	*nr_pages_before = pages_in_use();
	pthread_barrier_wait(&all_started);
	for (unsigned i = 0; i < nr_threads; i++)
		if (pthread_join(workers[i].thread, NULL) != 0)
			return false;
	return true;
}

static bool check_end(unsigned nr_threads, uint64_t nr_pages_before)
{
	uint64_t nr_bad = 0, nr_failed = 0, nr_ranges = 0, nr_pages;

	for (unsigned i = 0; i < NR_MAILBOXES; i++)
		post(&workers[0], NULL);
	unregister_shrinker(&mail_shrinker);
	unregister_movable_owner(movable.owner);
	for (unsigned i = 0; i < NR_MAILBOXES; i++)
		if (mailboxes[i])
			__free_page(mailboxes[i]);
	for (unsigned i = 0; i < nr_threads; i++) {
		nr_bad += workers[i].nr_bad + guests[i].nr_bad;
		nr_failed += workers[i].nr_failed + guests[i].nr_failed;
		nr_ranges += workers[i].nr_ranges + guests[i].nr_ranges;
	}
	nr_pages = pages_in_use();
	printf("%llu damaged blocks, %llu failed requests, %llu ranges, %llu moves\n",
	       (unsigned long long)nr_bad, (unsigned long long)nr_failed,
	       (unsigned long long)nr_ranges, (unsigned long long)movable.nr_moved);
	if (nr_pages != nr_pages_before)
		printf("%llu pages in use at the end, %llu before\n", (unsigned long long)nr_pages,
		       (unsigned long long)nr_pages_before);
	return nr_bad == 0 && nr_pages == nr_pages_before && nr_ranges != 0 &&
	       movable.nr_moved != 0 && mm_verify_all() && mm_print_ledger();
}

static void prepare(struct worker *worker, unsigned index, unsigned nr_nodes, uint64_t nr_ops,
		    uint64_t seed)
{
	worker->index = index;
	worker->nr_nodes = nr_nodes;
	worker->nr_ops = nr_ops;
	worker->random = seed * 0x9e3779b97f4a7c15ull + index + 1;
}

int main(int argc, char **argv)
{
	static const struct movable_owner owner = { .name = "stress", .migrate = migrate };
	uint64_t nr_ops = number(argv, argc, 1, 10000000);
	unsigned nr_threads = (unsigned)number(argv, argc, 2, 8);
	unsigned nr_nodes = (unsigned)number(argv, argc, 3, 4);
	uint64_t seed = number(argv, argc, 4, 1);
	uint64_t nr_pages, nr_users;

	movable.number_of = calloc(NR_PFNS, sizeof(uint32_t));
	has_guests = number(argv, argc, 5, 0) != 0;
	host_cpus_are_shared = has_guests;
	if (nr_threads == 0 || nr_threads > MAX_THREADS || !movable.number_of ||
	    (has_guests && !HOST_CPUS_MAY_BE_SHARED) || !slabstick_start(ARENA_BYTES, nr_nodes)) {
		fprintf(stderr, "usage: page_stress "
			"[OPERATIONS [THREADS [NODES [SEED [SHARED]]]]]\n");
		return 2;
	}
	nr_users = has_guests ? 2 * nr_threads : nr_threads;
	for (unsigned i = 0; i < nr_threads; i++) {
		prepare(&workers[i], i, nr_nodes, nr_ops / nr_users, seed);
		prepare(&guests[i], MAX_THREADS + i, nr_nodes, nr_ops / nr_users, seed);
	}
	movable.owner = register_movable_owner(&owner);
	register_shrinker(&mail_shrinker);
	printf("%llu operations, %u threads%s, %u nodes, seed %llu\n", (unsigned long long)nr_ops,
	       nr_threads, has_guests ? " with guests" : "", nr_nodes, (unsigned long long)seed);
	if (pthread_barrier_init(&all_started, NULL, nr_threads + 1) != 0 ||
	    !run_all(nr_threads, &nr_pages) || !check_end(nr_threads, nr_pages))
		return 1;
	printf("page_stress: passed\n");
	return 0;
}
