/*
 * Two CPUs give one area back in the same instant: one is told, the other has done it,
 * and nothing else is touched. Each round begins for both at the same moment; a third
 * thread's areas come and go meanwhile, with the descriptors that the two look at.
 */

#include <pthread.h>
#include <setjmp.h>

#include "arch.h"
#include "lib/string.h"
#include "mm/init.h"
#include "mm/page_alloc.h"
#include "mm/rcu.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"
#include "tests/host/machine.h"
#include "tests/host/suites_host.h"

#define NR_ROUNDS	1500u

static struct {
	pthread_barrier_t barrier;
	const char *word;		/* of the panic that is expected */
	void (*give)(void *addr);
	void *addr;			/* NULL: it is over */
	unsigned nr_refused;
	bool is_over;
} both;

static _Thread_local jmp_buf *refusal;

/* No other panic is in order: it goes on and ends the process. */
static void note_refusal(const char *message)
{
	if (refusal && strstr(message, both.word))
		longjmp(*refusal, 1);
}

static void give_once(void)
{
	jmp_buf place;

	refusal = &place;
	if (setjmp(place) == 0)
		both.give(both.addr);
	else
		__atomic_fetch_add(&both.nr_refused, 1, __ATOMIC_RELAXED);
	refusal = NULL;
}

static void *give_too(void *arg)
{
	(void)arg;
	host_start_cpu(1);
	for (;;) {
		pthread_barrier_wait(&both.barrier);
		if (!both.addr)
			break;
		give_once();
		pthread_barrier_wait(&both.barrier);
	}
	slab_drain_cpu();
	rcu_idle_enter();
	return NULL;
}

/* Areas of other sizes come and go, and with them descriptors. */
static void *churn(void *arg)
{
	(void)arg;
	host_start_cpu(2);
	while (!__atomic_load_n(&both.is_over, __ATOMIC_ACQUIRE)) {
		void *area = vmalloc(3 * PAGE_SIZE);

		vfree(area);
		vmalloc_shrink();
		rcu_note_context_switch();
	}
	slab_drain_cpu();
	rcu_idle_enter();
	return NULL;
}

static void check_rounds(const char *word, void (*give)(void *addr), void *(*make)(void *arg),
			 void *arg)
{
	pthread_t giver, churner;

	both.word = word;
	both.give = give;
	both.is_over = false;
	panic_hook = note_refusal;
	CHECK_EQ(pthread_barrier_init(&both.barrier, NULL, 2), 0);
	CHECK_EQ(pthread_create(&giver, NULL, give_too, NULL), 0);
	CHECK_EQ(pthread_create(&churner, NULL, churn, NULL), 0);
	for (unsigned i = 0; i < NR_ROUNDS; i++) {
		both.addr = make(arg);
		both.nr_refused = 0;
		CHECK(both.addr != NULL);
		pthread_barrier_wait(&both.barrier);
		give_once();
		pthread_barrier_wait(&both.barrier);
		CHECK_EQ(both.nr_refused, 1);
		rcu_note_context_switch();
	}
	both.addr = NULL;
	pthread_barrier_wait(&both.barrier);
	__atomic_store_n(&both.is_over, true, __ATOMIC_RELEASE);
	CHECK_EQ(pthread_join(giver, NULL), 0);
	CHECK_EQ(pthread_join(churner, NULL), 0);
	panic_hook = NULL;
	CHECK(mm_verify_all());
}

static void give_area(void *addr)
{
	vfree(addr);
}

static void *make_area(void *arg)
{
	(void)arg;
	return vmalloc(PAGE_SIZE);
}

static void give_map(void *addr)
{
	vunmap(addr);
}

static void *make_map(void *page)
{
	return vmap((struct page **)&page, 1, VM_MAP, MM_PORT_READ_WRITE);
}

static void give_window(void *addr)
{
	iounmap(addr);
}

/* Of the machine's device, at 3 GiB. */
static void *make_window(void *arg)
{
	(void)arg;
	return ioremap(3 * GIB, PAGE_SIZE);
}

static void vfree_by_two_is_told(void)
{
	host_start_machine(&machine_four_nodes);
	check_rounds("vfree(", give_area, make_area, NULL);
}

static void vunmap_by_two_is_told(void)
{
	struct page *page;

	host_start_machine(&machine_four_nodes);
	page = alloc_page(GFP_KERNEL);
	check_rounds("vunmap(", give_map, make_map, page);
	__free_page(page);
}

static void iounmap_by_two_is_told(void)
{
	host_start_machine(&machine_four_nodes);
	check_rounds("iounmap(", give_window, make_window, NULL);
}

static const struct test_case cases[] = {
	{ "vfree by two CPUs at once is told", vfree_by_two_is_told },
	{ "vunmap by two CPUs at once is told", vunmap_by_two_is_told },
	{ "iounmap by two CPUs at once is told", iounmap_by_two_is_told },
};

TEST_SUITE(twice, cases);
