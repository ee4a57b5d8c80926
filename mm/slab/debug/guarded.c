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

bool guarded_remember(const struct guarded *entry)
{
	unsigned i = 0;

	spin_lock(&guards.lock);
	while (i < NR_GUARDED && guards.entries[i].area)
		i++;
	if (i < NR_GUARDED) {
		guards.entries[i] = *entry;
		guards.nr_used++;
	}
	spin_unlock(&guards.lock);
	return i < NR_GUARDED;
}

bool guarded_forget(const void *object)
{
	struct guarded *entry;

	spin_lock(&guards.lock);
	entry = find_guarded(object);
	if (entry) {
		entry->area = NULL;
		guards.nr_used--;
	}
	spin_unlock(&guards.lock);
	return entry != NULL;
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
