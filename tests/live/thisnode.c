/*
 * What a node means to a request, asked by a thread on every CPU, also on those whose node
 * has no memory. On a machine that has such a node (see the machine four_nodes).
 */

#include "arch/x86_64/cpu.h"
#include "kthread.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "tests/test.h"
#include "tests/unit/node_ways.h"
#include "tests/unit/nodes.h"

#define JOIN_MS		60000u
#define NR_ROUNDS	2u	/* what rests with CPUs and depots has its say in the second */

static void ask(void *arg)
{
	(void)arg;
	node_ways_ask();
}

/* True when it has ended. */
static bool ask_on(unsigned cpu)
{
	struct thread *thread = thread_start("asks", cpu, ask, NULL);

	CHECK(thread != NULL);
	return !thread || thread_join(thread, JOIN_MS) == STATUS_OK;
}

static void a_node_means_the_same_on_every_cpu(void)
{
	bool has_empty_node = false, is_ended = true;

	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		has_empty_node |= !node_has_memory(nid);
		if (node_has_memory(nid) && !node_is_roomy(nid))
			SKIP("node %u has too few pages", nid);
	}
	if (!has_empty_node)
		SKIP("every node has memory: see the machine four_nodes");
	node_ways_begin();
	for (unsigned i = 0; is_ended && i < NR_ROUNDS * cpu_nr_running(); i++)
		is_ended = ask_on(i % cpu_nr_running());
	CHECK(is_ended);
	if (is_ended)
		node_ways_end();
}

static const struct test_case cases[] = {
	{ "a node means the same on every CPU", a_node_means_the_same_on_every_cpu },
};

TEST_SUITE(thisnode_live, cases);
