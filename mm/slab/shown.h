#ifndef MM_SLAB_SHOWN_H
#define MM_SLAB_SHOWN_H

/*
 * What this room shows to those behind it: guarded objects, which kvfree() may be
 * handed, and the audit's verifier. All else is reached through include/mm/slab.h
 * and include/mm/kmalloc.h.
 */

#include "mm/slab/debug/audit.h"
#include "mm/slab/debug/guard.h"

#endif
