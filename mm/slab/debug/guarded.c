/*
 * The table of guarded objects that are live (mm/slab/debug/guard.c).
 *
 * Invariants
 *   GUARD-2  nr_used counts the used entries
 *
 * Locking
 *   guards.lock guards the table; nothing is called while it is held.
 */

#include "mm/slab/debug/guarded.h"

struct guard_table guards;

static struct guarded *find_guarded(const void *object) HOLDS(guards.lock)
{
	for (unsigned i = 0; i < NR_GUARDED; i++)
		if (guards.entries[i].area && guards.entries[i].object == object)
			return &guards.entries[i];
	return NULL;
}

static struct guarded *find_freed(const void *object) HOLDS(guards.lock)
{
	for (unsigned i = 0; i < NR_GUARDED; i++)
		if (!guards.entries[i].area && guards.entries[i].object == object)
			return &guards.entries[i];
	return NULL;
}

/* Round the table, so that what was freed is remembered for as long as there is room. */
static struct guarded *take_free_entry(void) HOLDS(guards.lock)
{
	for (unsigned i = 0; i < NR_GUARDED; i++) {
		struct guarded *entry = &guards.entries[guards.next];

		guards.next = (guards.next + 1) % NR_GUARDED;
		if (!entry->area)
			return entry;
	}
	return NULL;
}

bool guarded_remember(const struct guarded *entry)
{
	struct guarded *place, *before;

	spin_lock(&guards.lock);
	before = find_freed(entry->object);
	if (before)
		before->object = NULL;		/* its address has a new life */
	place = take_free_entry();
	if (place) {
		*place = *entry;
		guards.nr_used++;
	}
	spin_unlock(&guards.lock);
	return place != NULL;
}

bool guarded_forget(const void *object, struct slab_event freed)
{
	struct guarded *entry;

	spin_lock(&guards.lock);
	entry = find_guarded(object);
	if (entry) {
		entry->area = NULL;
		entry->freed = freed;
		guards.nr_used--;
	}
	spin_unlock(&guards.lock);
	return entry != NULL;
}

void guarded_forget_cache(const struct kmem_cache *cache)
{
	spin_lock(&guards.lock);
	for (unsigned i = 0; i < NR_GUARDED; i++)
		if (!guards.entries[i].area && guards.entries[i].cache == cache)
			guards.entries[i].object = NULL;
	spin_unlock(&guards.lock);
}

bool guarded_find(const void *object, struct guarded *copy)
{
	const struct guarded *entry;

	spin_lock(&guards.lock);
	entry = find_guarded(object);
	if (entry)
		*copy = *entry;
	spin_unlock(&guards.lock);
	return entry != NULL;
}

bool guarded_find_freed(const void *object, struct guarded *copy)
{
	const struct guarded *entry;

	spin_lock(&guards.lock);
	entry = object && !find_guarded(object) ? find_freed(object) : NULL;
	if (entry)
		*copy = *entry;
	spin_unlock(&guards.lock);
	return entry != NULL;
}

bool guarded_next(unsigned *at, struct guarded *copy)
{
	bool is_used = false;

	spin_lock(&guards.lock);
	while (!is_used && *at < NR_GUARDED) {
		*copy = guards.entries[(*at)++];
		is_used = copy->area != NULL;
	}
	spin_unlock(&guards.lock);
	return is_used;
}

uint64_t guard_count(const struct kmem_cache *cache)
{
	struct guarded entry;
	uint64_t nr = 0;

	for (unsigned at = 0; guarded_next(&at, &entry);)
		nr += entry.cache == cache;
	return nr;
}
