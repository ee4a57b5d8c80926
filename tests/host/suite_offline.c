/*
 * Pages out of service on whole machines: in sections that are not up, and while
 * other CPUs allocate and free. Each case starts its own machine.
 */

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "lib/align.h"
#include "mm/init.h"
#include "mm/live.h"
#include "mm/offline.h"
#include "mm/page/page_state.h"
#include "mm/page/section.h"
#include "mm/page_alloc.h"
#include "tests/host/machine.h"
#include "tests/host/suites_host.h"

#define NR_THREADS	4u
#define NR_HELD		512u
#define NR_EACH		300u
#define MAX_TRIES	1000000u
#define END_PFN		(6 * GIB / PAGE_SIZE)

/* By page: out of service, said offline_page(); atomic. */
static uint8_t is_done[END_PFN];

static bool has_done_page(const struct page *page, unsigned order)
{
	pfn_t pfn = page_to_pfn(page);

	for (pfn_t at = pfn; at < pfn + pages_in(order); at++)
		if (__atomic_load_n(&is_done[at], __ATOMIC_ACQUIRE))
			return true;
	return false;
}

/* The last page of the machine lies in a section that is not up yet. */
static void a_page_that_is_not_up_goes_when_it_comes(void)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOWARN;
	struct page *chain = NULL, *page;
	pfn_t bad_pfn = PFN_NONE;

	host_start_machine(&machine_large);
	/* The very last ones may be mem_map's. */
	for (pfn_t pfn = END_PFN; offline_page(--pfn) == OFFLINE_REFUSED;)
		bad_pfn = pfn - 1;
	CHECK(bad_pfn != PFN_NONE && !section_is_up(bad_pfn));
	CHECK_EQ(nr_noted_pages(), 1);
	CHECK(mm_ledger_balances());
	while ((page = alloc_pages_any(gfp, 0))) {
		CHECK(page_to_pfn(page) != bad_pfn);
		page->private[1] = chain;
		chain = page;
	}
	CHECK(section_is_up(bad_pfn));
	CHECK_EQ(nr_offline_pages(), 1);
	while (chain) {
		page = chain;
		chain = page->private[1];
		__free_page(page);
	}
	CHECK(mm_verify_all());
	CHECK(mm_ledger_balances());
}

/* ---- While others allocate ---- */

static bool is_over;
static uint64_t nr_wrong;
static pfn_t busy_pfn;

static void *allocate_and_free(void *arg)
{
	struct { struct page *page; unsigned order; } held[NR_HELD] = { { NULL, 0 } };
	unsigned seed = *(unsigned *)arg;

	host_start_cpu(seed);
	for (unsigned turn = 0; !__atomic_load_n(&is_over, __ATOMIC_RELAXED); turn++) {
		unsigned at = (unsigned)rand_r(&seed) % NR_HELD;
		bool is_wrong = false;

		if (held[at].page) {
			is_wrong = has_done_page(held[at].page, held[at].order);
			__free_pages(held[at].page, held[at].order);
			held[at].page = NULL;
		} else {
			held[at].order = (unsigned)rand_r(&seed) % 4;
			held[at].page = alloc_pages_any(GFP_KERNEL | __GFP_NOWARN, held[at].order);
			is_wrong = held[at].page &&
				   has_done_page(held[at].page, held[at].order);
		}
		if (held[at].page)
			__atomic_store_n(&busy_pfn, page_to_pfn(held[at].page), __ATOMIC_RELAXED);
		if (is_wrong)
			__atomic_fetch_add(&nr_wrong, 1, __ATOMIC_RELAXED);
		if (turn % 256 == 0)
			mm_cpu_idle();
	}
	for (unsigned i = 0; i < NR_HELD; i++)
		if (held[i].page)
			__free_pages(held[i].page, held[i].order);
	mm_cpu_idle();
	return NULL;
}

/* Pages near what somebody has just got: there the others work. */
static pfn_t random_pfn(unsigned *seed)
{
	return __atomic_load_n(&busy_pfn, __ATOMIC_RELAXED) + (pfn_t)rand_r(seed) % 64;
}

/* What is noted still is in use by those who keep it: mm's own, marked every one. */
static void check_what_is_left(void)
{
	for_each_populated_zone(zone) {
		for (uint64_t i = 0; i < zone->nr_noted; i++) {
			const struct page *head = page_block_of(zone->noted[i]);

			CHECK(head->type >= PAGE_USER);
			CHECK_EQ(head->refcount, 1 | PAGE_NOTED);
		}
	}
}

static void no_cpu_gets_what_is_out_of_service(void)
{
	static unsigned cpus[NR_THREADS] = { 0, 1, 2, 3 };
	pthread_t threads[NR_THREADS];
	uint64_t nr_done = 0, nr_noted = 0;
	unsigned seed = 1;

	host_start_machine(&machine_large);
	is_over = false;
	nr_wrong = 0;
	for (unsigned i = 1; i < NR_THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, allocate_and_free, &cpus[i]), 0);
	for (unsigned i = 0; i < MAX_TRIES && (nr_done < NR_EACH || nr_noted < NR_EACH); i++) {
		pfn_t pfn = random_pfn(&seed);
		enum offline_result result = is_done[pfn] ? OFFLINE_REFUSED : offline_page(pfn);

		nr_noted += result == OFFLINE_NOTED;
		sched_yield();
		if (result != OFFLINE_DONE)
			continue;
		nr_done++;
		__atomic_store_n(&is_done[pfn], 1, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	for (unsigned i = 1; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < NR_THREADS; i++) {
		host_continue_cpu(i);
		mm_cpu_idle();
	}
	host_continue_cpu(0);
	test_comment("%llu went at once, %llu were noted", (unsigned long long)nr_done,
		     (unsigned long long)nr_noted);
	CHECK_EQ(nr_wrong, 0);
	CHECK(nr_done >= NR_EACH && nr_noted >= NR_EACH);
	CHECK(nr_offline_pages() > nr_done);
	check_what_is_left();
	CHECK(mm_verify_all());
	CHECK(mm_ledger_balances());
}

static const struct test_case cases[] = {
	{ "a page that is not up goes when it comes", a_page_that_is_not_up_goes_when_it_comes },
	{ "no CPU gets what is out of service", no_cpu_gets_what_is_out_of_service },
};

TEST_SUITE(offline_machines, cases);
