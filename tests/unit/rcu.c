/*
 * Callbacks after a grace period. What needs readers on several CPUs at once is in
 * tests/host/suite_rcu.c and tests/live/rcu.c.
 */

#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/rcu.h"
#include "tests/test.h"

#define NR_HEADS	5u

struct item {
	struct rcu_head rcu;
	unsigned number;
};

static struct item items[NR_HEADS];
static unsigned called[NR_HEADS], nr_called;

static void note_call(struct rcu_head *head)
{
	if (nr_called < NR_HEADS)
		called[nr_called] = container_of(head, struct item, rcu)->number;
	nr_called++;
}

/* Nothing of earlier cases is left to be called. */
static void begin(void)
{
	CHECK(rcu_barrier());
	nr_called = 0;
	for (unsigned i = 0; i < NR_HEADS; i++)
		items[i] = (struct item){ .number = i };
}

static void callbacks_wait_until_this_cpu_rests(void)
{
	begin();
	call_rcu(&items[0].rcu, note_call);
	CHECK_EQ(nr_called, 0);
	CHECK_EQ(rcu_nr_waiting(), 1);
	/* From here on it is waited for: what was queued before counts from its next rest. */
	rcu_note_context_switch();
	CHECK_EQ(nr_called, 0);
	CHECK(rcu_barrier());
	CHECK_EQ(nr_called, 1);
	CHECK_EQ(rcu_nr_waiting(), 0);
}

static void callbacks_come_in_their_order(void)
{
	begin();
	for (unsigned i = 0; i < NR_HEADS; i++) {
		call_rcu(&items[i].rcu, note_call);
		if (i == 1)
			rcu_note_context_switch();	/* the first two are a period ahead */
	}
	CHECK(rcu_barrier());
	CHECK_EQ(nr_called, NR_HEADS);
	for (unsigned i = 0; i < NR_HEADS; i++)
		CHECK_EQ(called[i], i);
}

static void call_again(struct rcu_head *head)
{
	note_call(head);
	if (nr_called < 3)
		call_rcu(head, call_again);
}

static void a_callback_may_ask_for_another(void)
{
	begin();
	call_rcu(&items[0].rcu, call_again);
	CHECK(rcu_barrier());
	CHECK_EQ(rcu_nr_waiting(), 1);
	for (unsigned i = 1; i < 3; i++)
		CHECK(rcu_barrier());
	CHECK_EQ(nr_called, 3);
	CHECK_EQ(rcu_nr_waiting(), 0);
}

static void going_idle_leaves_no_callback(void)
{
	begin();
	call_rcu(&items[0].rcu, note_call);
	rcu_idle_enter();
	rcu_idle_exit();
	CHECK(rcu_barrier());		/* while another CPU was awake */
	CHECK_EQ(nr_called, 1);
}

static void resting_within_a_section_panics(void)
{
	begin();
	rcu_read_lock();
	rcu_read_lock();
	CHECK_PANICS("rcu_depth == 0", rcu_note_context_switch());
	CHECK_PANICS("rcu_depth == 0", CHECK(synchronize_rcu()));
	rcu_read_unlock();
	CHECK_PANICS("rcu_depth == 0", rcu_idle_enter());
	rcu_read_unlock();
	rcu_note_context_switch();
	CHECK_PANICS("rcu_depth > 0", rcu_read_unlock());
}

static void an_idle_cpu_does_not_read(void)
{
	rcu_idle_enter();
	CHECK_PANICS("grace_period", rcu_read_lock());
	rcu_idle_exit();
	rcu_read_lock();
	rcu_read_unlock();
}

static void a_callback_without_a_function_panics(void)
{
	CHECK_PANICS("func != NULL", call_rcu(&items[0].rcu, NULL));
}

static void a_head_given_twice_panics(void)
{
	begin();
	call_rcu(&items[0].rcu, note_call);
	CHECK_PANICS("is queued already", call_rcu(&items[0].rcu, note_call));
	CHECK_EQ(rcu_nr_waiting(), 1);
	CHECK(rcu_barrier());
	CHECK_EQ(nr_called, 1);
	call_rcu(&items[0].rcu, note_call);	/* it is the caller's again */
	CHECK(rcu_barrier());
	CHECK_EQ(nr_called, 2);
}

/* ---- kfree_rcu() ---- */

struct node {
	uint64_t value;
	struct rcu_head rcu;
	uint64_t after;
};

static struct node *make_node(uint64_t value)
{
	struct node *node = kmalloc(sizeof(*node), GFP_KERNEL | __GFP_NO_INJECTION);

	CHECK(node != NULL);
	if (node)
		*node = (struct node){ .value = value, .after = ~value };
	return node;
}

/* As often as batches may have to go after each other. */
static void let_all_go(void)
{
	for (unsigned i = 0; i < 3; i++)
		CHECK(rcu_barrier());
	CHECK_EQ(rcu_nr_waiting(), 0);
}

static void objects_stay_as_they_are_until_then(void)
{
	uint64_t nr_active;
	struct node *nodes[20];

	begin();
	let_all_go();
	kfree(make_node(0));		/* arrays and slabs for them */
	nr_active = slab_usage(NULL).nr_active;
	for (unsigned i = 0; i < ARRAY_SIZE(nodes); i++)
		nodes[i] = make_node(i);
	for (unsigned i = 0; i < ARRAY_SIZE(nodes); i++)
		kfree_rcu(nodes[i], rcu);
	CHECK_EQ(slab_usage(NULL).nr_active, nr_active + ARRAY_SIZE(nodes));
	for (unsigned i = 0; i < ARRAY_SIZE(nodes); i++) {
		CHECK_EQ(nodes[i]->value, i);
		CHECK_EQ(nodes[i]->after, ~(uint64_t)i);
	}
	let_all_go();
	CHECK_EQ(slab_usage(NULL).nr_active, nr_active);
}

struct large {
	uint8_t bytes[3 * 1024 * 1024];
	struct rcu_head rcu;
};

static void objects_of_caches_and_large_ones_go_too(void)
{
	struct kmem_cache *cache = kmem_cache_create("test_rcu", sizeof(struct node), 0, SLAB_PANIC,
						     NULL);
	struct node *node = kmem_cache_zalloc(cache, GFP_KERNEL | __GFP_NO_INJECTION);
	struct large *large = kmalloc(sizeof(*large), GFP_KERNEL | __GFP_NO_INJECTION);
	struct page *page = large ? virt_to_page(large) : NULL;
	struct node *none = NULL;

	begin();
	CHECK(node != NULL);
	kfree_rcu(none, rcu);
	kfree_rcu(node, rcu);
	if (page) {
		memset(&large->rcu, 0, sizeof(large->rcu));
		CHECK_EQ(page->type, PAGE_LARGE);
		kfree_rcu(large, rcu);
		CHECK_EQ(page->type, PAGE_LARGE);
	}
	CHECK_EQ(slab_usage(cache).nr_active, 1);
	let_all_go();
	CHECK_EQ(slab_usage(cache).nr_active, 0);
	CHECK(!page || page->type != PAGE_LARGE);
	kmem_cache_destroy(cache);
}

struct cached {
	uint64_t words[12];
	struct rcu_head rcu;
};

/* They wait in batches: the callback that is on its way is not of all of them. */
static void the_barrier_waits_for_all_objects(void)
{
	struct kmem_cache *cache = kmem_cache_create("test_kept", sizeof(struct cached), 0,
						     SLAB_PANIC, NULL);
	struct cached *objects[50];

	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NO_INJECTION);
		CHECK(objects[i] != NULL);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
		kfree_rcu(objects[i], rcu);
	CHECK(kfree_rcu_barrier());
	kmem_cache_destroy(cache);
	CHECK(kfree_rcu_barrier());	/* nothing waits */
}

static void freeing_twice_later_panics(void)
{
	struct node *node = make_node(1);

	begin();
	if (!node)
		return;
	kfree_rcu(node, rcu);
	CHECK_PANICS("is freed already", kfree_rcu(node, rcu));
	let_all_go();
}

static void verify_notices_RCU_1(void)
{
	struct violation violation = { .rule = "none" };

	begin();
	CHECK(rcu_verify(&violation));
	call_rcu(&items[0].rcu, note_call);
	call_rcu(&items[1].rcu, note_call);
	CHECK(rcu_verify(&violation));
	items[0].rcu.next = NULL;
	CHECK(!rcu_verify(&violation));
	CHECK(strcmp(violation.rule, "RCU-1") == 0);
	items[0].rcu.next = &items[1].rcu;
	CHECK(rcu_barrier());
	CHECK_EQ(nr_called, 2);
}

static const struct test_case cases[] = {
	{ "callbacks wait until this CPU rests", callbacks_wait_until_this_cpu_rests },
	{ "callbacks come in their order", callbacks_come_in_their_order },
	{ "a callback may ask for another", a_callback_may_ask_for_another },
	{ "going idle leaves no callback", going_idle_leaves_no_callback },
	{ "resting within a section panics", resting_within_a_section_panics },
	{ "an idle CPU does not read", an_idle_cpu_does_not_read },
	{ "a callback without a function panics", a_callback_without_a_function_panics },
	{ "a head given twice panics", a_head_given_twice_panics },
	{ "objects stay as they are until then", objects_stay_as_they_are_until_then },
	{ "objects of caches and large ones go too", objects_of_caches_and_large_ones_go_too },
	{ "the barrier waits for all objects", the_barrier_waits_for_all_objects },
	{ "freeing twice later panics", freeing_twice_later_panics },
	{ "verify notices RCU-1", verify_notices_RCU_1 },
};

TEST_SUITE(rcu, cases);
