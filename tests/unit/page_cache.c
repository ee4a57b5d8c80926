/*
 * A page cache in small.
 *
 * Model
 *   A page that is read for the first time comes to the young end of the inactive
 *   list. Read again, it is referenced; and again, or found referenced when it is
 *   looked at, it goes to the active list. Pressure looks at the old end of
 *   the inactive list: what nobody read again leaves. While the inactive list is
 *   the shorter one, pages from the old end of the active list go there first,
 *   but referenced ones get another round. So one long read passes through the
 *   inactive list and leaves alone what is read again and again.
 *
 * Locking
 *   cache->lock; pages are allocated and freed without it.
 */

#include "tests/unit/page_cache.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/vmalloc.h"

#define GFP_CACHE	(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN)

static struct page_cache *cache_of(struct shrinker *shrinker)
{
	return container_of(shrinker, struct page_cache, shrinker);
}

/* ---- The two lists ---- */

static void put_on_list(struct page_cache *cache, struct page_cache_entry *entry, bool is_active)
{
	entry->is_active = is_active;
	entry->is_referenced = false;
	list_add(&entry->list, is_active ? &cache->active : &cache->inactive);
	*(is_active ? &cache->nr_active : &cache->nr_inactive) += 1;
}

static void take_off_list(struct page_cache *cache, struct page_cache_entry *entry)
{
	list_del(&entry->list);
	*(entry->is_active ? &cache->nr_active : &cache->nr_inactive) -= 1;
}

static void change_list(struct page_cache *cache, struct page_cache_entry *entry, bool is_active)
{
	if (entry->is_active != is_active)
		*(is_active ? &cache->nr_activated : &cache->nr_deactivated) += 1;
	take_off_list(cache, entry);
	put_on_list(cache, entry, is_active);
}

static void note_access(struct page_cache *cache, struct page_cache_entry *entry)
{
	if (!entry->is_active && entry->is_referenced)
		change_list(cache, entry, true);
	else
		entry->is_referenced = true;
}

static struct page_cache_entry *oldest(struct list_head *list)
{
	return list_entry(list->prev, struct page_cache_entry, list);
}

/* ---- Pressure ---- */

static uint64_t count(struct shrinker *shrinker, unsigned nid)
{
	struct page_cache *cache = cache_of(shrinker);
	uint64_t nr_pages;

	(void)nid;
	spin_lock(&cache->lock);
	nr_pages = cache->nr_active + cache->nr_inactive;
	spin_unlock(&cache->lock);
	return nr_pages;
}

static void deactivate_one(struct page_cache *cache)
{
	struct page_cache_entry *entry = oldest(&cache->active);

	change_list(cache, entry, entry->is_referenced);
}

/* The page of the oldest inactive entry, taken out; NULL when it stays. */
static struct page *look_at_oldest(struct page_cache *cache, const struct shrink_control *control)
{
	struct page_cache_entry *entry = oldest(&cache->inactive);
	struct page *page = entry->page;

	if (entry->is_referenced || !shrink_wants(control, page)) {
		change_list(cache, entry, entry->is_referenced);
		return NULL;
	}
	take_off_list(cache, entry);
	entry->page = NULL;
	cache->nr_evicted++;
	return page;
}

/* One page looked at, on either list. Returns how many are free for it. */
static uint64_t scan_one(struct page_cache *cache, const struct shrink_control *control)
{
	struct page *page = NULL;

	spin_lock(&cache->lock);
	if (cache->nr_inactive < cache->nr_active)
		deactivate_one(cache);
	else if (cache->nr_inactive > 0)
		page = look_at_oldest(cache, control);
	spin_unlock(&cache->lock);
	if (!page)
		return 0;
	__free_page(page);
	return 1;
}

static uint64_t scan(struct shrinker *shrinker, struct shrink_control *control)
{
	struct page_cache *cache = cache_of(shrinker);
	uint64_t nr_to_scan = min_u64(control->nr_to_scan, 2 * count(shrinker, control->nid));
	uint64_t nr_freed = 0;

	for (; control->nr_scanned < nr_to_scan && nr_freed < control->nr_to_free;
	     control->nr_scanned++)
		nr_freed += scan_one(cache, control);
	return nr_freed;
}

/* ---- Moving ---- */

static bool migrate(struct page *from, struct page *to, void *arg)
{
	struct page_cache *cache = arg;
	struct page_cache_entry *entry;
	bool is_ours;

	spin_lock(&cache->lock);
	entry = &cache->entries[(uintptr_t)from->private[0]];
	is_ours = entry->page == from;
	if (is_ours) {
		memcpy(page_address(to), page_address(from), PAGE_SIZE);
		to->private[0] = from->private[0];
		entry->page = to;
		cache->nr_moved++;
	}
	spin_unlock(&cache->lock);
	return is_ours;
}

/* ---- Reading ---- */

/* True: it is in the cache, and was read. */
static bool read_cached(struct page_cache *cache, uint64_t index, uint64_t *word)
{
	struct page_cache_entry *entry = &cache->entries[index];
	bool is_cached;

	spin_lock(&cache->lock);
	is_cached = entry->page != NULL;
	if (is_cached) {
		memcpy(word, page_address(entry->page), sizeof(*word));
		note_access(cache, entry);
	}
	spin_unlock(&cache->lock);
	return is_cached;
}

/* False: another reader was faster; @page is still the caller's. */
static bool add(struct page_cache *cache, uint64_t index, struct page *page)
{
	struct page_cache_entry *entry = &cache->entries[index];
	bool is_first;

	spin_lock(&cache->lock);
	is_first = !entry->page;
	if (is_first) {
		entry->page = page;
		page->private[0] = (void *)(uintptr_t)index;
		page_set_owner(page, cache->owner);
		put_on_list(cache, entry, false);
		cache->nr_reads++;
	}
	spin_unlock(&cache->lock);
	return is_first;
}

bool page_cache_read(struct page_cache *cache, uint64_t index, uint64_t *word)
{
	struct page *page;

	if (read_cached(cache, index, word))
		return true;
	page = alloc_page(GFP_CACHE);
	if (!page)
		return false;
	if (!cache->source.read(cache->source.arg, index, page_address(page))) {
		__free_page(page);
		return false;
	}
	memcpy(word, page_address(page), sizeof(*word));
	if (!add(cache, index, page))
		__free_page(page);
	return true;
}

bool page_cache_has(struct page_cache *cache, uint64_t index)
{
	bool has_page;

	spin_lock(&cache->lock);
	has_page = cache->entries[index].page != NULL;
	spin_unlock(&cache->lock);
	return has_page;
}

bool page_cache_is_active(struct page_cache *cache, uint64_t index)
{
	bool is_active;

	spin_lock(&cache->lock);
	is_active = cache->entries[index].page && cache->entries[index].is_active;
	spin_unlock(&cache->lock);
	return is_active;
}

/* ---- Begin and end ---- */

bool page_cache_start(struct page_cache *cache, struct page_source source, uint64_t nr_pages)
{
	*cache = (struct page_cache){
		.source = source,
		.nr_entries = nr_pages,
		.shrinker = { .name = "page cache", .count = count, .scan = scan },
		.mover = { "page cache", migrate, cache },
	};
	list_init(&cache->active);
	list_init(&cache->inactive);
	cache->entries = vzalloc(nr_pages * sizeof(cache->entries[0]));
	if (!cache->entries)
		return false;
	cache->owner = register_movable_owner(&cache->mover);
	register_shrinker(&cache->shrinker);
	return true;
}

void page_cache_end(struct page_cache *cache)
{
	unregister_shrinker(&cache->shrinker);
	for (uint64_t i = 0; i < cache->nr_entries; i++)
		if (cache->entries[i].page)
			__free_page(cache->entries[i].page);
	if (cache->owner)
		unregister_movable_owner(cache->owner);
	vfree(cache->entries);
}

static bool list_agrees(struct page_cache *cache, bool is_active)
{
	const struct list_head *list = is_active ? &cache->active : &cache->inactive;
	uint64_t nr = 0;

	list_for_each(at, list) {
		const struct page_cache_entry *entry =
			list_entry(at, struct page_cache_entry, list);

		if (!entry->page || entry->is_active != is_active)
			return false;
		nr++;
	}
	return nr == (is_active ? cache->nr_active : cache->nr_inactive);
}

bool page_cache_is_sound(struct page_cache *cache)
{
	uint64_t nr_pages = 0;
	bool agrees;

	spin_lock(&cache->lock);
	for (uint64_t i = 0; i < cache->nr_entries; i++)
		nr_pages += cache->entries[i].page != NULL;
	agrees = list_agrees(cache, true) && list_agrees(cache, false) &&
		 nr_pages == cache->nr_active + cache->nr_inactive;
	spin_unlock(&cache->lock);
	return agrees;
}
