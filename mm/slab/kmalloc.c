/*
 * kmalloc: memory of any size from a table of caches, or whole pages.
 *
 * Model
 *   Each class has a cache, and there is a row of them for each kind of memory:
 *   ordinary, reclaimable, DMA. A size that is not constant finds its class in
 *   index_of[], one byte per 8 bytes of size, which agrees with kmalloc_class(). A
 *   request beyond the classes is whole pages (mm/slab/large.c).
 *
 * Invariants
 *   KMALLOC-1  the cache of class c has objects of kmalloc_class_bytes(c)
 *   KMALLOC-2  objects of a power-of-two class are aligned to their size
 */

#include "mm/kmalloc.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/slab/core.h"
#include "mm/slab/cpu.h"
#include "mm/slab/debug/guard.h"
#include "mm/slab/debug/guarded.h"
#include "mm/slab/debug/object.h"
#include "mm/slab/debug/report.h"
#include "mm/slab/large.h"

struct kmem_cache *kmalloc_caches[NR_KMALLOC_TYPES][NR_KMALLOC_CLASSES];

#define CLASS_GRAIN_SHIFT	3
#define NR_GRAINS		((KMALLOC_MAX_CACHE_SIZE >> CLASS_GRAIN_SHIFT) + 1)

/* By size in grains of 8 bytes, rounded up: array_index of the class, KMALLOC_NORMAL. */
static uint8_t index_of[NR_GRAINS];

_Static_assert(KMALLOC_ARRAYS_BEGIN + 1 + NR_KMALLOC_CLASSES <= UINT8_MAX, "index_of[] has bytes");

static inline unsigned class_of(size_t size_bytes)
{
	return index_of[(size_bytes + 7) >> CLASS_GRAIN_SHIFT] -
		kmalloc_array_index(KMALLOC_NORMAL, 0);
}

static const char *const class_names[NR_KMALLOC_TYPES][NR_KMALLOC_CLASSES] = {
#define NAMES(prefix) {								\
	prefix "8", prefix "16", prefix "32", prefix "48", prefix "64",		\
	prefix "80", prefix "96", prefix "112", prefix "128",			\
	prefix "160", prefix "192", prefix "224", prefix "256",			\
	prefix "320", prefix "384", prefix "448", prefix "512",			\
	prefix "640", prefix "768", prefix "896", prefix "1k",			\
	prefix "1280", prefix "1536", prefix "1792", prefix "2k",		\
	prefix "2560", prefix "3k", prefix "3584", prefix "4k",			\
	prefix "5k", prefix "6k", prefix "7k", prefix "8k" }
	[KMALLOC_NORMAL] = NAMES("kmalloc-"),
	[KMALLOC_RECLAIM] = NAMES("kmalloc-rcl-"),
	[KMALLOC_DMA] = NAMES("dma-kmalloc-"),
#undef NAMES
};

static const slab_flags_t type_flags[NR_KMALLOC_TYPES] = {
	[KMALLOC_RECLAIM] = SLAB_RECLAIM_ACCOUNT,
	[KMALLOC_DMA] = SLAB_CACHE_DMA,
};

/* Below 16 MiB is below 4 GiB, too: requests for the latter are too rare for a row of caches. */
static enum kmalloc_type type_for(gfp_t gfp)
{
	if (likely(!(gfp & (__GFP_DMA | __GFP_DMA32 | __GFP_RECLAIMABLE))))
		return KMALLOC_NORMAL;
	return gfp & (__GFP_DMA | __GFP_DMA32) ? KMALLOC_DMA : KMALLOC_RECLAIM;
}

static inline struct kmem_cache *cache_for(size_t size_bytes, gfp_t gfp)
{
	return kmalloc_caches[type_for(gfp)][class_of(size_bytes)];
}

/* ---- Allocating ---- */

/* No object of the class is at hand. Apart, so that the fast paths keep nothing for it. */
static NOINLINE void *alloc_ordinary_slow(size_t size_bytes, gfp_t gfp)
{
	return kmalloc_slow(cache_for(size_bytes, 0), gfp, size_bytes);
}

/* @gfp has flags that choose the memory or what is done to it; @size_bytes has a class. */
static NOINLINE void *alloc_special(size_t size_bytes, gfp_t gfp, const void *caller)
{
	struct kmem_cache *cache = cache_for(size_bytes, gfp);

	if ((gfp & KMALLOC_SPECIAL_GFP) == __GFP_ZERO) {
		void *object = kmalloc_pop(cache->array_index);

		if (likely(object != NULL))
			return memset(object, 0, cache->object_bytes);
	}
	return slab_alloc_sized(cache, gfp, NID_NONE, size_bytes, caller);
}

/* Whether @gfp may have flags of KMALLOC_SPECIAL_GFP is known to the compiler. */
static ALWAYS_INLINE void *alloc_sized(size_t size_bytes, gfp_t gfp, bool may_be_special)
{
	void *object;

	/* One comparison for both ends: 0 wraps. */
	if (unlikely(size_bytes - 1 >= KMALLOC_MAX_CACHE_SIZE))
		return kmalloc_large(size_bytes, gfp, NID_NONE, __builtin_return_address(0));
	if (may_be_special && unlikely(gfp & KMALLOC_SPECIAL_GFP))
		return alloc_special(size_bytes, gfp, __builtin_return_address(0));
	object = kmalloc_pop(index_of[(size_bytes + 7) >> CLASS_GRAIN_SHIFT]);
	return likely(object != NULL) ? object : alloc_ordinary_slow(size_bytes, gfp);
}

void *kmalloc_any(size_t size_bytes, gfp_t gfp)
{
	return alloc_sized(size_bytes, gfp, true);
}

void *kmalloc_ordinary(size_t size_bytes, gfp_t gfp)
{
	return alloc_sized(size_bytes, gfp, false);
}

void *kmalloc_node(size_t size_bytes, gfp_t gfp, unsigned nid)
{
	ASSERT(nid == NID_NONE || nid < slab_system.nr_nodes);
	if (unlikely(size_bytes - 1 >= KMALLOC_MAX_CACHE_SIZE))
		return kmalloc_large(size_bytes, gfp, nid, __builtin_return_address(0));
	return slab_alloc_sized(cache_for(size_bytes, gfp), gfp, nid, size_bytes,
				__builtin_return_address(0));
}

/* ---- Built on these ---- */

size_t kmalloc_size_roundup(size_t size_bytes)
{
	if (size_bytes - 1 >= KMALLOC_MAX_SIZE)
		return size_bytes;
	if (size_bytes <= KMALLOC_MAX_CACHE_SIZE)
		return kmalloc_class_bytes(kmalloc_class(size_bytes));
	return PAGE_SIZE << order_for_pages(bytes_to_pages(size_bytes));
}

/* @object is an allocated one of its slab. */
static bool is_allocated(const struct page *page, const void *object)
{
	const struct slab *slab = page_slab(page);
	uint64_t at = slab_index(page_cache(page), slab, object);

	return at < page_cache(page)->nr_objects && slab->bufctl[at] == 0;
}

/* The cache of @object, NULL for a block of pages; anything else is a broken contract. */
static struct kmem_cache *cache_of(const void *object, const void *caller)
{
	const struct page *page = virt_to_page(object);

	if (is_kmalloc_large(object))
		return NULL;
	if (!has_page(object) || page->type != PAGE_SLAB ||
	    (page_cache(page)->flags & SLAB_INTERNAL) || !is_allocated(page, object))
		slab_report_bad_use(object, caller);
	return page_cache(page);
}

/* The cache of @object, which may be freed; NULL for a block of pages. Else told as a bad free. */
static const struct kmem_cache *freeable_cache(const void *object, const void *caller)
{
	struct guarded guarded;
	const struct page *page;

	if (!has_page(object) && guarded_find(object, &guarded))
		return guarded.cache;
	if (is_kmalloc_large(object))
		return NULL;
	page = virt_to_page(object);
	if (!has_page(object) || page->type != PAGE_SLAB ||
	    (page_cache(page)->flags & SLAB_INTERNAL) || !is_allocated(page, object))
		slab_report_bad_free(object, caller);
	return page_cache(page);
}

void slab_require_object(const void *object, const struct kmem_cache *cache, const void *caller)
{
	if (freeable_cache(object, caller) != cache)
		slab_report_wrong_cache(cache, object, caller);
}

void kmalloc_require_object(const void *object, size_t bytes, const void *caller)
{
	const struct kmem_cache *cache = freeable_cache(object, caller);
	const size_t usable = cache ? cache->object_bytes :
				      PAGE_SIZE << virt_to_page(object)->order;

	if ((cache && cache->array_index == KMALLOC_NO_ARRAY) ||
	    usable != kmalloc_size_roundup(bytes))
		mm_port_panic(__FILE__, __LINE__,
			      "slab: %p, given back by %p, is no object of kmalloc of %llu bytes",
			      object, caller, (unsigned long long)bytes);
}

/* Of an object: they differ in debug caches only. */
struct sizes {
	size_t used;			/* bytes that hold what the user wrote */
	size_t usable;			/* bytes that can */
	struct kmem_cache *debug;	/* where `used` is kept; NULL: nowhere */
};

static struct sizes sizes_of(const void *object, const void *caller)
{
	struct sizes sizes = { .debug = NULL };
	struct kmem_cache *cache;

	if (!has_page(object) && guard_usable_bytes(object, &sizes.usable)) {
		sizes.used = sizes.usable;
		return sizes;
	}
	cache = cache_of(object, caller);
	sizes.usable = cache ? cache->object_bytes : PAGE_SIZE << virt_to_page(object)->order;
	sizes.used = sizes.usable;
	if (cache && cache->debug) {
		/* Of a damaged tail no more is believed than fits: the free tells. */
		sizes.used = min_u64(debug_tail_of(cache, object)->requested_bytes, sizes.usable);
		sizes.debug = cache;
	}
	return sizes;
}

/* The user of @object may write to @bytes of it from now on. */
static void note_size(const struct sizes *sizes, const void *object, size_t bytes)
{
	if (sizes->debug)
		debug_resize(sizes->debug, (void *)(uintptr_t)object, bytes);
}

size_t ksize(const void *object)
{
	struct sizes sizes;

	if (ZERO_OR_NULL_PTR(object))
		return 0;
	sizes = sizes_of(object, __builtin_return_address(0));
	note_size(&sizes, object, sizes.usable);	/* the caller may use all of it */
	return sizes.usable;
}

/* Of @object, [@start, @end), which may be empty. */
static void zero_range(const void *object, size_t start, size_t end)
{
	memset((uint8_t *)(uintptr_t)object + start, 0, max_u64(start, end) - start);
}

/* @object from now on holds @size_bytes: who asks for more later finds zeroes if all ask so. */
static void resize(const struct sizes *sizes, const void *object, size_t size_bytes, gfp_t gfp)
{
	if (gfp & __GFP_ZERO)
		zero_range(object, size_bytes, sizes->used);
	note_size(sizes, object, size_bytes);
	if (gfp & __GFP_ZERO)
		zero_range(object, sizes->used, size_bytes);
}

static void *move_to(const void *object, size_t used, size_t size_bytes, gfp_t gfp)
{
	void *moved = kmalloc_any(size_bytes, gfp);

	if (!moved)
		return NULL;
	memcpy(moved, object, used);
	kfree(object);
	return moved;
}

void *krealloc(const void *object, size_t size_bytes, gfp_t gfp)
{
	struct sizes sizes;

	if (ZERO_OR_NULL_PTR(object))
		return kmalloc_any(size_bytes, gfp);
	if (size_bytes == 0) {
		kfree(object);
		return ZERO_SIZE_PTR;
	}
	sizes = sizes_of(object, __builtin_return_address(0));
	if (size_bytes > sizes.usable)
		return move_to(object, sizes.used, size_bytes, gfp);
	resize(&sizes, object, size_bytes, gfp);
	return (void *)(uintptr_t)object;
}

void *kmemdup(const void *from, size_t bytes, gfp_t gfp)
{
	void *copy = kmalloc_any(bytes, gfp);

	if (copy)
		memcpy(copy, from, bytes);
	return copy;
}

char *kstrndup(const char *text, size_t max, gfp_t gfp)
{
	size_t bytes = 0;
	char *copy;

	if (!text)
		return NULL;
	while (bytes < max && text[bytes])
		bytes++;
	copy = kmalloc_any(bytes + 1, gfp);
	if (copy) {
		memcpy(copy, text, bytes);
		copy[bytes] = 0;
	}
	return copy;
}

char *kstrdup(const char *text, gfp_t gfp)
{
	return kstrndup(text, SIZE_MAX, gfp);
}

void kfree_sensitive(const void *object)
{
	if (ZERO_OR_NULL_PTR(object))
		return;
	memset((void *)(uintptr_t)object, 0, ksize(object));
	__asm__ volatile("" : : "r"(object) : "memory");	/* the stores are wanted */
	kfree(object);
}

/* ---- Bring-up ---- */

static void make_class(enum kmalloc_type type, unsigned class)
{
	size_t bytes = kmalloc_class_bytes(class);
	size_t align = bytes & -bytes;	/* what divides it; at least 16 but for class 0 */
	slab_flags_t sampled = slab_system.guard_interval ? SLAB_SAMPLED : 0;

	kmalloc_caches[type][class] = kmem_cache_create(class_names[type][class], bytes,
							min_u64(align, PAGE_SIZE),
							SLAB_PANIC | sampled |
							type_flags[type], NULL);
	kmalloc_caches[type][class]->array_index = (uint16_t)kmalloc_array_index(type, class);
}

static void fill_index_of(void)
{
	unsigned grain = 1;

	for (unsigned class = 0; class < NR_KMALLOC_CLASSES; class++)
		while (grain <= kmalloc_class_bytes(class) >> CLASS_GRAIN_SHIFT)
			index_of[grain++] =
				(uint8_t)kmalloc_array_index(KMALLOC_NORMAL, class);
}

void kmalloc_init(void)
{
	memset(kmalloc_caches, 0, sizeof(kmalloc_caches));	/* of the machine before */
	fill_index_of();
	for (unsigned type = 0; type < NR_KMALLOC_TYPES; type++)
		for (unsigned class = 0; class < NR_KMALLOC_CLASSES; class++)
			make_class((enum kmalloc_type)type, class);
}
