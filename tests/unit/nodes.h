#ifndef TESTS_UNIT_NODES_H
#define TESTS_UNIT_NODES_H

/* Which nodes cases that take pages of each node can ask for them. */

#include "mm/live.h"

/* Pages that no case needs more of. */
#define ROOMY_NODE_PAGES	8192u

static inline bool node_is_roomy(unsigned nid)
{
	return node_data(nid)->node_present_pages >= ROOMY_NODE_PAGES;
}

#endif
