#ifndef MM_NODE_H
#define MM_NODE_H

/* The nodes and zones of the live system, as boot makes them. See mm/page/node.c. */

#include "mm/page/boot.h"
#include "mm/page/zone.h"

/* Makes the nodes of the live topology and their zones, present pages counted. */
void nodes_create(struct boot_state *state);

/* Makes the zonelists of all nodes. */
void zonelists_create(struct boot_state *state);

/* Pages that can be allocated, of all zones. */
uint64_t total_managed_pages(void);

/* Sets watermarks and reserves of all zones, once managed pages are known. */
void nodes_set_watermarks(void);

#endif
