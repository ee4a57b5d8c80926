#ifndef MM_ZONELIST_H
#define MM_ZONELIST_H

/* The order in which a node's requests try zones. */

#include "mm/topology.h"
#include "mm/page/zone.h"

/*
 * Writes the fallback list of @nid to @zones: the zones with memory of each node,
 * nearest first, within a node from high to low, since low ones are scarcer.
 * @nids is scratch of nr_nodes entries; @zones has room for every zone. Returns
 * the length; *nr_own of them belong to @nid and stand first.
 */
uint32_t zonelist_build(const struct topology *topology, struct pglist_data *const *nodes,
			unsigned nid, uint32_t *nids, struct zone **zones, uint32_t *nr_own);

/* Checks that @list is complete, without repetition and nearest first as seen from @nid. */
bool zonelist_verify(const struct topology *topology, struct pglist_data *const *nodes,
		     unsigned nid, const struct zonelist *list, struct violation *out);

#endif
