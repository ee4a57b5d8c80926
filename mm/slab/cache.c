/*
 * Caches: making them, giving them back, and the first ones.
 *
 * Model
 *   A kmem_cache comes from cache_cache, its cache_nodes from node_cache, off-slab
 *   descriptors from five descriptor caches, magazines from three and arrays from
 *   three. None of these has CPU arrays or debug flags, and the descriptors' are
 *   on-slab, so that no allocation leads back to itself. They are made first and so
 *   shrink last, when nobody uses what they hold any more. cache_cache itself lies
 *   in pages of its own, and the first nodes of it and node_cache are static.
 *
 * Invariants, while slab_system.lock is free
 *   CACHE-1  every cache is listed once, and nr_caches counts them
 *   CACHE-2  a cache's inverse and nr_objects are those of its layout
 *
 * Locking
 *   slab_system.lock guards the list of caches. node->lock nests inside it.
 */

#include "mm/slab/core.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/context.h"
#include "mm/kmalloc.h"
#include "mm/slab/alien.h"
#include "mm/slab/array.h"
#include "mm/slab/bounds.h"
#include "mm/slab/debug/debug.h"
#include "mm/slab/debug/guarded.h"
#include "mm/slab/depot.h"
#include "mm/slab/drain.h"
#include "mm/slab/layout.h"
#include "mm/slab/node.h"
#include "mm/slab/rcu.h"

static struct cache_node boot_nodes[2];

/* The longest that kmem_cache_destroy() waits for readers. */
#define MAX_WAIT_NS	1000000000ull

/* Of a shrinker or a table with one cache, which is over in milliseconds. */
#define MAX_VISIT_NS	(60 * 1000000000ull)

/* ---- Tuning by object size ---- */

struct tuning {
	uint32_t up_to_bytes;
	uint16_t magazine_slots, batch;
};

/*
 * A CPU holds two magazines (slabinfo's "limit") or what its load needs: two are 64 KiB
 * of objects up to 256 bytes, 126 KiB up to 1 KiB, 504 KiB up to a page, 192 KiB beyond;
 * objects above 32 KiB rest with no CPU. Nor are two more than 1/256 of a CPU's part of
 * RAM: where that is little, they have as many slots as for larger objects. A load that
 * wanders leaves a magazine's range once in as many operations as it has slots. A batch
 * bounds the worst allocation, which takes it from slabs.
 */
static const struct tuning tunings[] = {
	{ 256, 127, 36 },
	{ 1024, 63, 31 },
	{ PAGE_SIZE, 63, 15 },
	{ 8 * PAGE_SIZE, 3, 3 },
	{ .up_to_bytes = UINT32_MAX },
};

/* Of a CPU's part of RAM, what it may hold of one cache: 1/256. */
#define CPU_SHARE_SHIFT		8

static bool fits(const struct kmem_cache *cache, const struct tuning *tuning)
{
	const uint64_t max_bytes = pages_to_bytes(slab_system.setup.nr_pages) /
				   slab_system.nr_cpus >> CPU_SHARE_SHIFT;

	return cache->object_bytes <= tuning->up_to_bytes &&
		2ull * tuning->magazine_slots * cache->layout.stride_bytes <= max_bytes;
}

static void tune(struct kmem_cache *cache)
{
	const struct tuning *tuning = tunings;

	if (cache->debug)
		return;		/* no arrays */
	while (!fits(cache, tuning))
		tuning++;
	if (tuning->magazine_slots == 0)
		return;
	cache->magazine_slots = tuning->magazine_slots;
	cache->batch = tuning->batch;
	cache->magazines =
		slab_system.magazine_caches[magazine_size_index(cache->magazine_slots)];
}

/* Share of RAM that a cache may keep idle on a node: at most 1/64. */
#define KEPT_SHARE_SHIFT	6

/* ---- Setting up a cache ---- */

static size_t cache_struct_bytes(void)
{
	return sizeof(struct kmem_cache) + slab_system.nr_cpus * sizeof(struct cpu_array *) +
		slab_system.nr_nodes * sizeof(struct cache_node *);
}

/* As in Linux: a small object shares a line with others, in equal parts of it. */
static uint32_t effective_align(size_t size_bytes, size_t align, slab_flags_t flags)
{
	uint64_t line = CACHE_LINE_BYTES;

	if (flags & SLAB_HWCACHE_ALIGN) {
		while (size_bytes <= line / 2)
			line /= 2;
		align = max_u64(align, line);
	}
	return (uint32_t)max_u64(align, sizeof(uint64_t));
}

static bool cache_lay_out(struct kmem_cache *cache, bool allow_off_slab)
{
	uint32_t stride = (uint32_t)align_up(cache->object_bytes, cache->align);
	unsigned index;

	if ((cache->flags & SLAB_DEBUG_FLAGS) && !debug_attach(cache, &stride))
		return false;
	if (!slab_layout_choose(&cache->layout, stride, cache->align, allow_off_slab))
		return false;
	cache->inverse = slab_layout_inverse(&cache->layout);
	cache->nr_objects = cache->layout.nr_objects;
	cache->max_kept_objects = (slab_system.setup.nr_pages >> KEPT_SHARE_SHIFT >>
				   cache->layout.order) * cache->layout.nr_objects;
	if (cache->layout.place == OFF_SLAB) {
		descriptor_bytes_for(cache->layout.nr_objects, &index);
		cache->descriptors = slab_system.descriptor_caches[index];
	}
	return true;
}

static gfp_t gfp_for(slab_flags_t flags)
{
	gfp_t gfp = 0;

	if (flags & SLAB_CACHE_DMA)
		gfp |= __GFP_DMA;
	if (flags & SLAB_CACHE_DMA32)
		gfp |= __GFP_DMA32;
	if (flags & SLAB_RECLAIM_ACCOUNT)
		gfp |= __GFP_RECLAIMABLE;
	return gfp;
}

static void cache_clear(struct kmem_cache *cache, const char *name, size_t size_bytes,
			size_t align, slab_flags_t flags)
{
	memset(cache, 0, cache_struct_bytes());
	cache->name = name;
	cache->asked_bytes = (uint32_t)size_bytes;
	cache->object_bytes = (uint32_t)align_up(size_bytes, sizeof(uint64_t));
	cache->align = effective_align(size_bytes, align, flags);
	cache->flags = flags;
	cache->gfp = gfp_for(flags);
	cache->array_index = KMALLOC_NO_ARRAY;
	cache->max_slabs = UINT64_MAX;
	cache->nodes = (struct cache_node **)(void *)&cache->cpu[slab_system.nr_cpus];
	rcu_slabs_init(cache);
	for (unsigned cpu = 0; cpu < slab_system.nr_cpus; cpu++)
		cache->cpu[cpu] = &slab_no_array;
}

static void cache_list(struct kmem_cache *cache)
{
	spin_lock(&slab_system.lock);
	list_add_tail(&cache->list, &slab_system.caches);
	slab_system.nr_caches++;
	spin_unlock(&slab_system.lock);
}

/*
 * With what debug= adds to @asked, if that fits: the largest objects have no room for it.
 * What the caller himself asks for is had or refused.
 */
static bool lay_out_as_asked(struct kmem_cache *cache, slab_flags_t asked)
{
	if (cache_lay_out(cache, true))
		return true;
	if (!cache->debug || (asked & SLAB_DEBUG_FLAGS))
		return false;
	debug_detach(cache);
	cache->flags = asked;
	mm_port_log(LOG_WARN, "slab: cache %s: objects of %u bytes have no room for what debug= "
		    "asks: made without", cache->name, cache->asked_bytes);
	return cache_lay_out(cache, true);
}

static void panic_unmade(const char *name, bool is_too_large)
{
	mm_port_panic(__FILE__, __LINE__, "kmem_cache_create: %s %s",
		      is_too_large ? "too large for what its flags ask: objects of cache"
				   : "no memory for cache", name);
}

/* ---- Public ---- */

struct kmem_cache *kmem_cache_create_dtor(const char *name, size_t size_bytes, size_t align,
					  slab_flags_t flags, void (*ctor)(void *object),
					  void (*dtor)(void *object))
{
	struct kmem_cache *cache;
	bool is_too_large = false;
	uint8_t *state;

	ASSERT(name != NULL);
	ASSERT(size_bytes > 0);
	ASSERT(size_bytes <= KMALLOC_MAX_SIZE);
	ASSERT(align == 0 || is_power_of_two(align));
	ASSERT((flags & ~SLAB_ALL_FLAGS) == 0);
	ASSERT_THREAD("kmem_cache_create");
	cache = slab_take_one(cache_cache, GFP_KERNEL, slab_system.boot_nid, &state);
	if (cache) {
		cache_clear(cache, name, size_bytes, align, flags | slab_system.debug_flags);
		cache->ctor = ctor;
		cache->dtor = dtor;
		if (lay_out_as_asked(cache, flags)) {
			tune(cache);
			cache_list(cache);
			return cache;
		}
		is_too_large = cache->debug != NULL;
		debug_detach(cache);
		slab_give_one(cache_cache, cache, state);
	}
	if (flags & SLAB_PANIC)
		panic_unmade(name, is_too_large);
	return NULL;
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size_bytes, size_t align,
				     slab_flags_t flags, void (*ctor)(void *object))
{
	return kmem_cache_create_dtor(name, size_bytes, align, flags, ctor, NULL);
}

/* Who allocates all the same comes to the slow path from now on, and is told. */
static void free_arrays(struct kmem_cache *cache)
{
	cache->flags |= SLAB_DESTROYED;
	for (unsigned cpu = 0; cpu < slab_system.nr_cpus; cpu++) {
		struct cpu_array *array = cache->cpu[cpu];

		cache->cpu[cpu] = &slab_no_array;
		if (array != &slab_no_array)
			cpu_array_free(cache, array);
	}
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++)
		if (cache->nodes[nid])
			alien_free(cache->nodes[nid]);
}

/* O(caches). */
static bool is_alive(const struct kmem_cache *cache) HOLDS(slab_system.lock)
{
	list_for_each(link, &slab_system.caches)
		if (list_entry(link, struct kmem_cache, list) == cache)
			return !cache->is_dying;
	return false;
}

/* From now on it is this caller's alone to destroy. */
static void claim_dying(struct kmem_cache *cache)
{
	bool was_alive;

	spin_lock(&slab_system.lock);
	was_alive = is_alive(cache);
	if (was_alive)
		cache->is_dying = true;
	spin_unlock(&slab_system.lock);
	if (!was_alive)
		mm_port_panic(__FILE__, __LINE__,
			      "kmem_cache_destroy: %p is no cache, or destroyed already",
			      (void *)cache);
}

/* Nobody comes any more, and whoever is there leaves: a visit is bounded, so this is. */
static void wait_for_visitors(const struct kmem_cache *cache)
{
	uint64_t started = mm_port_now_ns();

	while (__atomic_load_n(&cache->nr_visitors, __ATOMIC_ACQUIRE) != 0) {
		if (mm_port_now_ns() - started > MAX_VISIT_NS)
			mm_port_panic(__FILE__, __LINE__,
				      "kmem_cache_destroy: cache %s is still being shrunk",
				      cache->name);
		mm_port_spin_hint();
	}
}

/* Panics unless all its objects are free: then the cache is as if nothing had been asked. */
static void require_empty(struct kmem_cache *cache)
{
	uint64_t nr_active = slab_usage(cache).nr_active;

	if (nr_active == 0)
		return;
	spin_lock(&slab_system.lock);
	cache->is_dying = false;
	spin_unlock(&slab_system.lock);
	mm_port_panic(__FILE__, __LINE__,
		      "kmem_cache_destroy: %llu objects of cache %s are still allocated",
		      (unsigned long long)nr_active, cache->name);
}

/* False when some CPU did not rest for a second. */
static bool wait_for_readers(struct kmem_cache *cache)
{
	uint64_t started = mm_port_now_ns();

	while (slabs_destroy_deferred(cache)) {
		if (mm_port_now_ns() - started > MAX_WAIT_NS)
			return false;
		rcu_note_context_switch();
		mm_port_spin_hint();
	}
	return true;
}

/* Its slabs are gone: the rest of it. */
static void cache_free(struct kmem_cache *cache)
{
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++)
		if (cache->nodes[nid])
			slab_internal_free(cache->nodes[nid]);
	debug_detach(cache);
	guarded_forget_cache(cache);
	slab_internal_free(cache);
}

/* Comes back until the last of its slabs has waited long enough. */
static void cache_free_later(struct rcu_head *head)
{
	struct kmem_cache *cache = container_of(head, struct kmem_cache, rcu.head);

	if (slabs_destroy_deferred(cache))
		call_rcu(head, cache_free_later);
	else
		cache_free(cache);
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	ASSERT_THREAD("kmem_cache_destroy");
	if (!cache)
		return;
	ASSERT(cache->array_index == KMALLOC_NO_ARRAY);	/* kmalloc's stay */
	claim_dying(cache);
	wait_for_visitors(cache);
	require_empty(cache);
	spin_lock(&slab_system.lock);
	list_del(&cache->list);
	slab_system.nr_caches--;
	spin_unlock(&slab_system.lock);
	for (unsigned cpu = 0; cpu < slab_system.nr_cpus; cpu++)
		cpu_array_drain(cache, cpu);
	if (cache->debug)
		debug_drain(cache);
	cache_drain_nodes(cache);
	free_arrays(cache);
	cache_keep_no_reserve(cache, NULL);
	cache_reap(cache);
	if (wait_for_readers(cache)) {
		cache_free(cache);
		return;
	}
	/* Readers may still look: its slabs and so the cache stay until they have ended. */
	mm_port_log(LOG_WARN, "slab: some CPU does not rest; the memory of cache %s comes later",
		    cache->name);
	cache->name = "(destroyed)";
	call_rcu(&cache->rcu.head, cache_free_later);
}

size_t kmem_cache_size(const struct kmem_cache *cache)
{
	return cache->asked_bytes;
}

const char *kmem_cache_name(const struct kmem_cache *cache)
{
	return cache->name;
}

/* ---- The first caches ---- */

/* Of what one CPU writes at a time; what several do has lines of its own. */
#define BOOT_ALIGN	16u

static struct kmem_cache *first_cache_memory(unsigned nid)
{
	unsigned order = order_for_pages(bytes_to_pages(cache_struct_bytes()));
	struct page *page = alloc_pages_node(nid, GFP_KERNEL | __GFP_COMP, order);

	if (!page)
		mm_port_panic(__FILE__, __LINE__, "slab_init: no page for the first cache");
	slab_system.boot_nid = page_to_nid(page);
	return page_address(page);
}

/* No arrays, no debugging: see the model. */
static void boot_cache_set_up(struct kmem_cache *cache, const char *name, size_t size_bytes,
			      size_t align, struct cache_node *boot_node)
{
	/* The last of them is there only when all are. */
	bool allow_off_slab = slab_system.descriptor_caches[NR_DESCRIPTOR_SIZES - 1] != NULL;

	cache_clear(cache, name, size_bytes, align, SLAB_PANIC | SLAB_INTERNAL);
	ASSERT(cache_lay_out(cache, allow_off_slab));
	if (boot_node) {
		cache_node_init(cache, boot_node, slab_system.boot_nid);
		cache->nodes[slab_system.boot_nid] = boot_node;
	}
	cache_list(cache);
}

static struct kmem_cache *boot_cache_make(const char *name, size_t size_bytes, size_t align,
					  struct cache_node *boot_node)
{
	uint8_t *state;
	struct kmem_cache *cache = slab_take_one(cache_cache, GFP_KERNEL, slab_system.boot_nid,
						 &state);

	if (!cache)
		mm_port_panic(__FILE__, __LINE__, "slab_init: no memory for cache %s", name);
	boot_cache_set_up(cache, name, size_bytes, align, boot_node);
	return cache;
}

static const char *const descriptor_names[NR_DESCRIPTOR_SIZES] = {
	"slab_16", "slab_32", "slab_64", "slab_128", "slab_256",
};

static const char *const magazine_names[NR_MAGAZINE_SIZES] = {
	"magazine_3", "magazine_63", "magazine_127",
};

static void make_internal_caches(void)
{
	for (unsigned i = 0; i < NR_DESCRIPTOR_SIZES; i++)
		slab_system.descriptor_caches[i] =
			boot_cache_make(descriptor_names[i], sizeof(struct slab) + (16u << i),
					BOOT_ALIGN, NULL);
	for (unsigned i = 0; i < NR_MAGAZINE_SIZES; i++)
		slab_system.magazine_caches[i] =
			boot_cache_make(magazine_names[i], magazine_bytes(i),
					CACHE_LINE_BYTES, NULL);
	slab_system.internal_caches[SLAB_CPU_ARRAY] =
		boot_cache_make("cpu_array", sizeof(struct cpu_array), CACHE_LINE_BYTES, NULL);
	slab_system.internal_caches[SLAB_ALIEN_ARRAY] =
		boot_cache_make("alien_array", sizeof(struct alien_array), CACHE_LINE_BYTES, NULL);
	slab_system.internal_caches[SLAB_ALIEN_TABLE] =
		boot_cache_make("alien_table",
				slab_system.nr_nodes * sizeof(struct alien_array *), BOOT_ALIGN,
				NULL);
}

void slab_init(const struct slab_setup *setup)
{
	ASSERT(setup->nr_nodes <= MAX_NODES);
	ASSERT(setup->nr_cpus <= MAX_CPUS);
	ASSERT(setup->nr_nodes >= 1);
	ASSERT(setup->nr_cpus >= 1);
	assume_unshared(&slab_system.lock);
	slab_system.setup = *setup;
	slab_system.end_pa = pfn_to_pa(setup->end_pfn);
	slab_system.nr_nodes = setup->nr_nodes;
	slab_system.nr_cpus = setup->nr_cpus;
	slab_system.nr_caches = 0;
	memset(slab_system.nr_kept_pages, 0, sizeof(slab_system.nr_kept_pages));
	list_init(&slab_system.caches);
	memset(slab_system.descriptor_caches, 0, sizeof(slab_system.descriptor_caches));
	slab_no_array_init();

	node_cache = NULL;
	cache_cache = first_cache_memory(setup->first_nid);
	boot_cache_set_up(cache_cache, "kmem_cache", cache_struct_bytes(), BOOT_ALIGN,
			  &boot_nodes[0]);
	node_cache = boot_cache_make("kmem_cache_node", sizeof(struct cache_node),
				     CACHE_LINE_BYTES, &boot_nodes[1]);
	make_internal_caches();
}
