#ifndef MM_SLAB_AUDIT_H
#define MM_SLAB_AUDIT_H

/*
 * The log of the last events of caches with SLAB_AUDIT. See mm/slab/debug/audit.c.
 */

#include "mm/assert.h"
#include "mm/lock.h"
#include "mm/slab.h"

enum audit_kind { AUDIT_ALLOC, AUDIT_FREE };

#define AUDIT_NAME_BYTES	24u

/* One cache line. */
struct audit_event {
	uint64_t number;		/* counts all events from 1; 0: none, or being written */
	uint64_t time_ns;
	uintptr_t object;
	uintptr_t caller;
	uint32_t bytes;			/* as asked for */
	uint16_t cpu;
	uint8_t kind;			/* enum audit_kind */
	char cache[AUDIT_NAME_BYTES];	/* its name, which the cache need not outlive; may be cut */
};

/* The events of one node, in pages of its own. */
struct audit_ring {
	struct spinlock lock;		/* guards next and the events */
	uint32_t order;			/* of the block it lies in */
	uint32_t nr_events;
	uint32_t next GUARDED_BY(lock);	/* the slot to write: the oldest event's */
	struct audit_event events[] __attribute__((aligned(sizeof(struct audit_event))));
};

/* Makes the rings unless there are some. Needs memory for them: one page a node at least. */
void audit_start(void);
void audit_stop(void);
bool audit_is_on(void);

/* NULL: the log is off, or the node has no memory. */
struct audit_ring *audit_ring_of(unsigned nid);

/* Does nothing but for a cache with SLAB_AUDIT while there are rings. Takes no other lock. */
void audit_note(const struct kmem_cache *cache, enum audit_kind kind, const void *object,
		size_t bytes, uintptr_t caller);

/*
 * The newest event older than number @before whose object contains @va (NULL:
 * of any object), in *@found. False when there is none. Takes no lock: what is
 * being written is passed over.
 */
bool audit_find(uint64_t before, const void *va, struct audit_event *found);

/* Checks AUDIT-1 and AUDIT-2. Nobody notes anything meanwhile. O(events). */
bool audit_verify(struct violation *out);

#endif
