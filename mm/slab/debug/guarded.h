#ifndef MM_SLAB_DEBUG_GUARDED_H
#define MM_SLAB_DEBUG_GUARDED_H

/* The table of guarded objects. See mm/slab/debug/guarded.c. */

#include "mm/slab/debug/parts.h"

#define NR_GUARDED	256u

struct guarded {
	void *area;		/* NULL: free entry, which remembers what was freed, if anything */
	void *object;
	size_t bytes;
	const struct kmem_cache *cache;
	struct slab_event allocated, freed;
};

/* The guarded objects that are live: one table. */
extern struct guard_table {
	struct spinlock lock;	/* guards the entries and their number */
	struct guarded entries[NR_GUARDED] GUARDED_BY(lock);
	unsigned next GUARDED_BY(lock);	/* entry to look at first: what was freed last stays */
	unsigned nr_used GUARDED_BY(lock);
	uint64_t nr_since;	/* objects that might have been sampled since one was; atomic */
	bool is_on;		/* atomic */
} guards HIDDEN;

/* Live guarded objects of @cache. */
uint64_t guard_count(const struct kmem_cache *cache);

/* Enters @entry. False: the table is full. */
bool guarded_remember(const struct guarded *entry) MUST_CHECK;

/* Takes the entry of @object out, @freed. False: another CPU was faster. */
bool guarded_forget(const void *object, struct slab_event freed) MUST_CHECK;

/*
 * What is known of @object, the start of a guarded one that was freed and of none that lives;
 * of the last NR_GUARDED at least as many as entries are free. For reports.
 */
bool guarded_find_freed(const void *object, struct guarded *copy);

/* @cache, of which none lives, is no more: nor is what is known of its freed objects. */
void guarded_forget_cache(const struct kmem_cache *cache);

/* The entry of @object, which is the start of a guarded one; else false. */
bool guarded_find(const void *object, struct guarded *copy);

/* The first used entry from *@at on, an index, which is then behind it; false: no more. */
bool guarded_next(unsigned *at, struct guarded *copy);

#endif
