/*
 * What a node means to a request: every allocator asked on CPUs of nodes with memory and of
 * one without.
 */

#include "mm/init.h"
#include "mm/live.h"
#include "tests/host/machine.h"
#include "tests/host/suites_host.h"
#include "tests/unit/node_ways.h"

#define NR_ROUNDS	3u	/* what rests with CPUs and depots has its say in later ones */

static void a_node_means_the_same_to_every_allocator(void)
{
	static const unsigned cpus[] = { 0, 2, 4, 6 };	/* one of each node; node 2 has no memory */

	host_start_machine(&machine_four_nodes);
	node_ways_begin();
	CHECK(!node_has_memory(2));
	for (unsigned i = 1; i < ARRAY_SIZE(cpus); i++)
		host_start_cpu(cpus[i]);
	for (unsigned round = 0; round < NR_ROUNDS; round++)
		for (unsigned i = 0; i < ARRAY_SIZE(cpus); i++) {
			host_continue_cpu(cpus[i]);
			node_ways_ask();
		}
	host_continue_cpu(0);
	node_ways_end();
	CHECK(mm_verify_all());
}

static const struct test_case cases[] = {
	{ "a node means the same to every allocator", a_node_means_the_same_to_every_allocator },
};

TEST_SUITE(thisnode, cases);
