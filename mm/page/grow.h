#ifndef MM_GROW_H
#define MM_GROW_H

/*
 * How zones get their memory: from bootmem as spans, then piece by piece to the
 * free lists. See mm/page/grow.c.
 */

#include "mm/page/boot.h"
#include "mm/page/zone.h"

/* Retires all bootmems: what is free becomes spans of the zones, nothing of it up. */
void hand_over_to_zones(struct boot_state *state);

/*
 * Brings up the next pending piece of @zone: at most the part of one span that
 * lies in one section. False when nothing is pending: nothing else prevents it.
 * Context: no zone lock held.
 */
bool zone_grow(struct zone *zone);

/* Checks the rule of mm/page/grow.c for the live system. O(parts of a node squared * runs). */
bool handover_verify(struct violation *out);

#endif
