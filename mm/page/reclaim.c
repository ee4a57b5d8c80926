/*
 * Reclaim: asking those who hold memory they could do without.
 *
 * Model
 *   A registry of shrinkers, asked in turn. kswapd is one call per node and
 *   step, made by a thread of the kernel around (mm_port_wake_reclaim asks for
 *   it); a request that found nothing makes the same calls itself.
 *
 * Invariants
 *   RECLAIM-1  a shrinker is registered once
 *   RECLAIM-2  kswapd_wait is set while a wake-up is pending and cleared by the step
 *
 * Locking
 *   registry_lock guards the list and its cursor, not the calls: a shrinker is
 *   called without any lock, and must not go away while it may be running.
 */

#include "mm/reclaim.h"

#include "mm/live.h"
#include "mm/page_alloc.h"

static struct spinlock registry_lock;
static struct list_head registry = { &registry, &registry };

void register_shrinker(struct shrinker *shrinker)
{
	bool is_registered = false;

	ASSERT(shrinker->scan);

	spin_lock(&registry_lock);
	list_for_each(node, &registry)
		is_registered |= node == &shrinker->list;
	if (!is_registered) {
		shrinker->nr_freed_pages = 0;
		list_add_tail(&shrinker->list, &registry);
	}
	spin_unlock(&registry_lock);
	ASSERT(!is_registered);
}

void unregister_shrinker(struct shrinker *shrinker)
{
	spin_lock(&registry_lock);
	list_del(&shrinker->list);
	spin_unlock(&registry_lock);
}

/* The @index-th shrinker, or NULL behind the last. */
static struct shrinker *shrinker_at(unsigned index)
{
	struct shrinker *found = NULL;

	spin_lock(&registry_lock);
	list_for_each(node, &registry) {
		if (index-- == 0) {
			found = list_entry(node, struct shrinker, list);
			break;
		}
	}
	spin_unlock(&registry_lock);
	return found;
}

uint64_t shrink_node(unsigned nid, uint64_t nr_pages)
{
	uint64_t nr_freed = 0;
	struct shrinker *shrinker;

	for (unsigned i = 0; nr_freed < nr_pages && (shrinker = shrinker_at(i)); i++) {
		uint64_t nr = shrinker->scan(shrinker, nid, nr_pages - nr_freed);

		__atomic_fetch_add(&shrinker->nr_freed_pages, nr, __ATOMIC_RELAXED);
		nr_freed += nr;
	}
	if (nid != NID_NONE)
		__atomic_fetch_add(&node_data(nid)->nr_reclaimed_pages, nr_freed, __ATOMIC_RELAXED);
	return nr_freed;
}

/* Pages the zones of @node lack to their high watermarks. */
static uint64_t lack_of(const struct pglist_data *node)
{
	uint64_t nr_lacking = 0;

	for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
		const struct zone *zone = &node->node_zones[type];
		uint64_t high = zone->watermark[WATERMARK_HIGH] + zone->watermark_boost;

		if (zone_is_populated(zone) && zone_free_pages(zone) < high)
			nr_lacking += high - zone_free_pages(zone);
	}
	return nr_lacking;
}

uint64_t reclaim_node(unsigned nid)
{
	struct pglist_data *node = node_data(nid);
	uint64_t nr_lacking = lack_of(node);
	uint64_t nr_freed = 0;

	node->nr_kswapd_runs++;
	if (nr_lacking != 0) {
		nr_freed = shrink_node(nid, nr_lacking);
		drain_all_pages();
	}
	/* The boost has had its effect: it asked for one round of work ahead. */
	for (unsigned type = 0; type < MAX_NR_ZONES; type++)
		node->node_zones[type].watermark_boost = 0;
	node->kswapd_max_order = 0;
	__atomic_store_n(&node->kswapd_wait, false, __ATOMIC_RELAXED);
	return nr_freed;
}
