#ifndef MM_KMALLOC_H
#define MM_KMALLOC_H

/*
 * Memory of any size: a table of object caches, and whole pages beyond it.
 *
 * Sizes up to 8 KiB come from caches with four sizes per doubling; a constant
 * size finds its cache at compile time. Power-of-two sizes are naturally
 * aligned, others to the largest power of two that divides their cache's size,
 * at least 16 (8 for sizes up to 8). Larger requests are compound pages up to
 * order MAX_ORDER; each CPU keeps some up to 64 KiB ready. A size of 0 gives
 * ZERO_SIZE_PTR, which kfree() takes.
 *
 * Of @gfp, __GFP_DMA and __GFP_RECLAIMABLE choose the kind of memory; __GFP_DMA32 does as
 * __GFP_DMA where the size has a cache. __GFP_MOVABLE and __GFP_COMP are ignored.
 *
 * Context (mm/context.h): any, as for mm/slab.h; kvmalloc() is for threads. Returns NULL
 * when memory ran out.
 */

#include "mm/page_alloc.h"
#include "mm/slab.h"

#define ZERO_SIZE_PTR		((void *)16)
#define ZERO_OR_NULL_PTR(ptr)	((uintptr_t)(ptr) <= (uintptr_t)ZERO_SIZE_PTR)

#define KMALLOC_MAX_CACHE_SIZE	8192u
#define KMALLOC_MAX_READY_SIZE	((size_t)PAGE_SIZE << LARGE_ORDER_MAX)	/* see mm/page/compound.c */
#define KMALLOC_MAX_SIZE	((size_t)PAGE_SIZE << MAX_ORDER)

/* 8 16 32 48 64, then four per doubling up to 8192. */
#define NR_KMALLOC_CLASSES	33

/* gfp chooses the table's row. */
enum kmalloc_type { KMALLOC_NORMAL, KMALLOC_RECLAIM, KMALLOC_DMA, NR_KMALLOC_TYPES };

extern struct kmem_cache *kmalloc_caches[NR_KMALLOC_TYPES][NR_KMALLOC_CLASSES] HIDDEN;

/* The array_index of their caches. */
static ALWAYS_INLINE unsigned kmalloc_array_index(enum kmalloc_type type, unsigned class)
{
	return KMALLOC_ARRAYS_BEGIN + 1 + (unsigned)type * NR_KMALLOC_CLASSES + class;
}

_Static_assert(NR_KMALLOC_ARRAYS == 1 + NR_KMALLOC_TYPES * NR_KMALLOC_CLASSES, "one for each");

/*
 * The class of @size_bytes, 1 to KMALLOC_MAX_CACHE_SIZE. Folds to a constant.
 * Above 64, sizes in (2^k, 2^(k+1)] share four classes 2^(k-2) apart.
 */
static ALWAYS_INLINE unsigned kmalloc_class(size_t size_bytes)
{
	unsigned shift;

	if (size_bytes <= 16)
		return size_bytes > 8;
	if (size_bytes <= 64)
		return (unsigned)((size_bytes - 1) / 16) + 1;
	shift = 61u - (unsigned)__builtin_clzll(size_bytes - 1);
	return (shift - 4) * 4 + (unsigned)((size_bytes - 1) >> shift) + 1;
}

/* Bytes of the objects of @class, below NR_KMALLOC_CLASSES. Folds to a constant, too. */
static ALWAYS_INLINE size_t kmalloc_class_bytes(unsigned class)
{
	size_t base;

	if (class < 3)
		return (size_t)8 << class;
	if (class < 9)
		return (size_t)class * 16;
	base = (size_t)32 << class / 4;
	return base + class % 4 * (base / 4);
}

/* What kmalloc() calls when no object of the class is at hand. */
void *kmalloc_slow(struct kmem_cache *cache, gfp_t gfp, size_t size_bytes);
void *kmalloc_any(size_t size_bytes, gfp_t gfp);

/* The same for @gfp that has no flag of KMALLOC_SPECIAL_GFP. */
void *kmalloc_ordinary(size_t size_bytes, gfp_t gfp);

/* What kmalloc() calls for blocks of pages that are kept ready-made: @offset names the stack. */
void *kmalloc_ready(size_t offset, gfp_t gfp);

#define KMALLOC_SPECIAL_GFP	(SLAB_SPECIAL_GFP | __GFP_DMA | __GFP_DMA32 | __GFP_RECLAIMABLE)

/* @gfp that goes the shortest way when it is a constant: ordinary memory, not zeroed. */
static ALWAYS_INLINE void *kmalloc(size_t size_bytes, gfp_t gfp)
{
	unsigned class;
	void *object;

	if (!__builtin_constant_p(gfp) || (gfp & KMALLOC_SPECIAL_GFP))
		return kmalloc_any(size_bytes, gfp);
	if (!__builtin_constant_p(size_bytes) || size_bytes == 0 ||
	    size_bytes > KMALLOC_MAX_READY_SIZE)
		return kmalloc_ordinary(size_bytes, gfp);
	if (size_bytes > KMALLOC_MAX_CACHE_SIZE) {
		unsigned order = order_for_pages(bytes_to_pages(size_bytes));

		return kmalloc_ready(large_stack_offset(order), gfp);
	}
	class = kmalloc_class(size_bytes);
	object = kmalloc_pop(kmalloc_array_index(KMALLOC_NORMAL, class));
	return likely(object != NULL) ? object :
		kmalloc_slow(kmalloc_caches[KMALLOC_NORMAL][class], gfp, size_bytes);
}

void *kmalloc_node(size_t size_bytes, gfp_t gfp, unsigned nid);

/* NULL and ZERO_SIZE_PTR are ignored. */
void kfree(const void *object);

/*
 * Bytes the caller may use at @object: at least what was asked. 0 for NULL and
 * ZERO_SIZE_PTR. Of what is not allocated, or no start of an object: report, and panic.
 */
size_t ksize(const void *object);

/* What kmalloc(@size_bytes) would make usable. */
size_t kmalloc_size_roundup(size_t size_bytes);

/*
 * Zeroed: all that the class of @size_bytes has, since krealloc() may hand out more of it.
 * As short as kmalloc() plus the zeroing.
 */
static ALWAYS_INLINE void *kzalloc(size_t size_bytes, gfp_t gfp)
{
	if (__builtin_constant_p(size_bytes) && __builtin_constant_p(gfp) &&
	    size_bytes - 1 < KMALLOC_MAX_CACHE_SIZE && !(gfp & KMALLOC_SPECIAL_GFP)) {
		unsigned class = kmalloc_class(size_bytes);
		void *object = kmalloc_pop(kmalloc_array_index(KMALLOC_NORMAL, class));

		if (likely(object != NULL))
			return __builtin_memset(object, 0, kmalloc_class_bytes(class));
	}
	return kmalloc_any(size_bytes, gfp | __GFP_ZERO);
}

static inline void *kzalloc_node(size_t size_bytes, gfp_t gfp, unsigned nid)
{
	return kmalloc_node(size_bytes, gfp | __GFP_ZERO, nid);
}

/* NULL when @nr * @size_bytes does not fit a size_t. */
static inline void *kmalloc_array(size_t nr, size_t size_bytes, gfp_t gfp)
{
	size_t bytes;

	return __builtin_mul_overflow(nr, size_bytes, &bytes) ? NULL : kmalloc_any(bytes, gfp);
}

static inline void *kcalloc(size_t nr, size_t size_bytes, gfp_t gfp)
{
	return kmalloc_array(nr, size_bytes, gfp | __GFP_ZERO);
}

/*
 * Contents up to the smaller size are kept; the object may move. NULL @object:
 * kmalloc(). Size 0: frees, returns ZERO_SIZE_PTR. On failure NULL, and @object
 * is untouched. With __GFP_ZERO, bytes that the old request lacked are zero
 * provided all earlier requests for the object had __GFP_ZERO too.
 */
void *krealloc(const void *object, size_t size_bytes, gfp_t gfp) MUST_CHECK;

/* A copy of @text with its 0; of at most @max bytes of it. NULL gives NULL. */
char *kstrdup(const char *text, gfp_t gfp);
char *kstrndup(const char *text, size_t max, gfp_t gfp);
void *kmemdup(const void *from, size_t bytes, gfp_t gfp);

/* Zeroes ksize() bytes, then frees. */
void kfree_sensitive(const void *object);

/* kmalloc() if that can be had, else vmalloc(): for large tables. */
void *kvmalloc(size_t size_bytes, gfp_t gfp);
void *kvmalloc_node(size_t size_bytes, gfp_t gfp, unsigned nid);
void kvfree(const void *object);

static inline void *kvzalloc(size_t size_bytes, gfp_t gfp)
{
	return kvmalloc(size_bytes, gfp | __GFP_ZERO);
}

/* Makes the table's caches, after slab_init(). Panics when no page can be had. */
void kmalloc_init(void);

#endif
