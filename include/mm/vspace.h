#ifndef MM_VSPACE_H
#define MM_VSPACE_H

/*
 * Address-space allocator: hands out disjoint ranges of one half-open range of
 * addresses. It never touches the addresses, so a test may use any. Nodes are
 * the callers', usually embedded in what the range is for.
 *
 * Context: the caller serialises all calls on one space. Nothing is called out.
 */

#include "mm/assert.h"
#include "mm/types.h"

struct vspace_node {
	uintptr_t start, end;		/* the allocated range */
	struct vspace_node *prev, *next;	/* by address */
	struct vspace_node *parent, *left, *right;
	uint64_t max_gap_bytes;		/* largest gap after any node of this subtree */
	unsigned height;		/* of this subtree; a leaf has 1 */
};

struct vspace {
	uintptr_t start, end;
	struct vspace_node *root;
	struct vspace_node head;	/* empty, at start: its gap is the first one */
	uint64_t nr_nodes;		/* allocated ranges */
	uint64_t used_bytes;		/* their sum */
};

/* Makes @space the empty space [@start, @end), page-aligned and not empty. */
void vspace_init(struct vspace *space, uintptr_t start, uintptr_t end);

/*
 * Allocates @nr_bytes (a multiple of the page size, not 0) at a multiple of
 * @align (a power of two, at least a page) and describes them in @node.
 *
 * The lowest place that has room for any alignment is taken; only when no such
 * gap is left, the lowest that happens to fit. Returns false when no gap fits.
 * O(log n); an @align above a page can cost O(n) where the first search fails.
 */
bool vspace_alloc(struct vspace *space, struct vspace_node *node, uint64_t nr_bytes,
		  uint64_t align) MUST_CHECK;

/* Gives the range of @node, which is allocated in @space, back. O(log n). */
void vspace_free(struct vspace *space, struct vspace_node *node);

/* The node with the highest start not above @va, or NULL. O(log n). */
struct vspace_node *vspace_find(const struct vspace *space, uintptr_t va);

/* The node with the lowest address, or NULL; then follow ->next. */
static inline struct vspace_node *vspace_first(const struct vspace *space)
{
	return space->head.next;
}

/* The largest range that can be had now. */
static inline uint64_t vspace_largest_gap(const struct vspace *space)
{
	return space->root->max_gap_bytes;
}

/* Checks every rule of mm/vmalloc/vspace.c. O(n). */
bool vspace_verify(const struct vspace *space, struct violation *out);

#endif
