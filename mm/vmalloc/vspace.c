/*
 * Address-space allocator of one range.
 *
 * Model
 *   The space is a row of allocated ranges with gaps between them. Only the
 *   ranges have nodes: a gap belongs to the range before it, and an empty head
 *   node at the start of the space owns the first gap. So allocating needs no
 *   memory but the caller's node, freeing cannot fail, and neighbouring gaps
 *   are one gap by construction: there is nothing to merge.
 *
 *   The nodes form a list by address and, over the same order, an AVL tree
 *   whose every node knows the largest gap of its subtree. One descent finds
 *   the lowest gap that is large enough; one finds the node of an address.
 *
 * Policy
 *   Lowest address first. With best fit it is the policy that fragments least
 *   under real traces (Johnstone and Wilson, The Memory Fragmentation Problem:
 *   Solved?, 1998), and of the two it keeps the used addresses together, so
 *   that page-table pages are shared by many areas and found empty at the top.
 *
 * Invariants
 *   VSPACE-1  ranges are page-aligned, not empty, inside the space, ascending and disjoint
 *   VSPACE-2  list and tree hold the same nodes in the same order; links agree both ways
 *   VSPACE-3  a node's max_gap_bytes is the largest gap of its subtree
 *   VSPACE-4  a node's height is one more than its higher child's; children differ by at most 1
 *   VSPACE-5  nr_nodes counts the ranges and used_bytes adds them up; the head is not among them
 *
 * Locking
 *   The caller serialises. Nothing here takes a lock or calls out.
 */

#include "mm/vspace.h"

#include "lib/align.h"

static unsigned height_of(const struct vspace_node *node)
{
	return node ? node->height : 0;
}

static uint64_t max_gap_of(const struct vspace_node *node)
{
	return node ? node->max_gap_bytes : 0;
}

static uint64_t gap_after(const struct vspace *space, const struct vspace_node *node)
{
	return (node->next ? node->next->start : space->end) - node->end;
}

static uint64_t expected_max_gap(const struct vspace *space, const struct vspace_node *node)
{
	return max_u64(gap_after(space, node),
		       max_u64(max_gap_of(node->left), max_gap_of(node->right)));
}

static unsigned expected_height(const struct vspace_node *node)
{
	unsigned left = height_of(node->left), right = height_of(node->right);

	return 1 + (left > right ? left : right);
}

static void summarize(const struct vspace *space, struct vspace_node *node)
{
	node->max_gap_bytes = expected_max_gap(space, node);
	node->height = expected_height(node);
}

/* Lets @child, or nothing, hang where @node hangs. */
static void replace_in_parent(struct vspace *space, struct vspace_node *node,
			      struct vspace_node *child)
{
	struct vspace_node *parent = node->parent;

	if (!parent)
		space->root = child;
	else if (parent->left == node)
		parent->left = child;
	else
		parent->right = child;
	if (child)
		child->parent = parent;
}

/* Turns @node down to the left; its right child takes its place and is returned. */
static struct vspace_node *rotate_left(struct vspace *space, struct vspace_node *node)
{
	struct vspace_node *up = node->right;

	replace_in_parent(space, node, up);
	node->right = up->left;
	if (node->right)
		node->right->parent = node;
	up->left = node;
	node->parent = up;
	summarize(space, node);
	summarize(space, up);
	return up;
}

static struct vspace_node *rotate_right(struct vspace *space, struct vspace_node *node)
{
	struct vspace_node *up = node->left;

	replace_in_parent(space, node, up);
	node->left = up->right;
	if (node->left)
		node->left->parent = node;
	up->right = node;
	node->parent = up;
	summarize(space, node);
	summarize(space, up);
	return up;
}

/* Restores VSPACE-4 at @node, whose subtrees obey it; returns what now stands there. */
static struct vspace_node *rebalance(struct vspace *space, struct vspace_node *node)
{
	unsigned left = height_of(node->left), right = height_of(node->right);

	if (left > right + 1) {
		if (height_of(node->left->left) < height_of(node->left->right))
			rotate_left(space, node->left);
		return rotate_right(space, node);
	}
	if (right > left + 1) {
		if (height_of(node->right->right) < height_of(node->right->left))
			rotate_right(space, node->right);
		return rotate_left(space, node);
	}
	return node;
}

/*
 * Brings @node and what is above it up to date after a change of its gap or its
 * children. Stops where nothing changed any more: what is above was computed
 * from the same values.
 */
static void update_upwards(struct vspace *space, struct vspace_node *node)
{
	while (node) {
		uint64_t old_max_gap_bytes = node->max_gap_bytes;
		unsigned old_height = node->height;

		summarize(space, node);
		node = rebalance(space, node);
		if (node->max_gap_bytes == old_max_gap_bytes && node->height == old_height)
			return;
		node = node->parent;
	}
}

/* The node with the lowest address whose gap is at least @nr_bytes, or NULL. */
static struct vspace_node *lowest_gap(const struct vspace *space, uint64_t nr_bytes)
{
	struct vspace_node *node = space->root;

	if (node->max_gap_bytes < nr_bytes)
		return NULL;
	for (;;) {
		if (max_gap_of(node->left) >= nr_bytes)
			node = node->left;
		else if (gap_after(space, node) >= nr_bytes)
			return node;
		else
			node = node->right;
	}
}

static bool gap_fits(const struct vspace *space, const struct vspace_node *node,
		     uint64_t nr_bytes, uint64_t align)
{
	uint64_t pad_bytes = -node->end & (align - 1);
	uint64_t gap_bytes = gap_after(space, node);

	return pad_bytes < gap_bytes && gap_bytes - pad_bytes >= nr_bytes;
}

static struct vspace_node *find_gap(struct vspace *space, uint64_t nr_bytes, uint64_t align)
{
	uint64_t pad_bytes = align - PAGE_SIZE;
	struct vspace_node *node;

	if (nr_bytes > UINT64_MAX - pad_bytes)
		return NULL;
	node = lowest_gap(space, nr_bytes + pad_bytes);
	if (node || !pad_bytes || space->root->max_gap_bytes < nr_bytes)
		return node;
	for (node = &space->head; node; node = node->next)
		if (gap_fits(space, node, nr_bytes, align))
			return node;
	return NULL;
}

/* Makes @node the successor of @prev in list and tree. */
static void insert_after(struct vspace *space, struct vspace_node *prev,
			 struct vspace_node *node)
{
	struct vspace_node *next = prev->next;

	node->prev = prev;
	node->next = next;
	prev->next = node;
	if (next)
		next->prev = node;

	node->left = NULL;
	node->right = NULL;
	node->height = 0;
	node->max_gap_bytes = 0;
	if (!prev->right) {
		prev->right = node;
		node->parent = prev;
	} else {
		/* The successor of prev is the leftmost node right of it: no left child. */
		next->left = node;
		node->parent = next;
	}
	update_upwards(space, node);
	update_upwards(space, prev);	/* its gap ends at node now */
}

/* Puts the successor of @node, which has two children, in the place of @node. */
static void replace_by_successor(struct vspace *space, struct vspace_node *node)
{
	struct vspace_node *heir = node->next;
	struct vspace_node *changed = heir->parent == node ? heir : heir->parent;

	replace_in_parent(space, heir, heir->right);
	replace_in_parent(space, node, heir);
	heir->left = node->left;
	heir->right = node->right;
	heir->left->parent = heir;
	if (heir->right)
		heir->right->parent = heir;
	/* What is above still remembers the subtree as node summed it up. */
	heir->height = node->height;
	heir->max_gap_bytes = node->max_gap_bytes;
	update_upwards(space, changed);
	update_upwards(space, heir);
}

static void unlink_from_tree(struct vspace *space, struct vspace_node *node)
{
	struct vspace_node *parent = node->parent;

	if (node->left && node->right) {
		replace_by_successor(space, node);
		return;
	}
	replace_in_parent(space, node, node->left ? node->left : node->right);
	update_upwards(space, parent);
}

void vspace_init(struct vspace *space, uintptr_t start, uintptr_t end)
{
	ASSERT(start < end);
	ASSERT(is_aligned(start, PAGE_SIZE));
	ASSERT(is_aligned(end, PAGE_SIZE));

	*space = (struct vspace){ .start = start, .end = end };
	space->head.start = start;
	space->head.end = start;
	space->root = &space->head;
	summarize(space, &space->head);
}

bool vspace_alloc(struct vspace *space, struct vspace_node *node, uint64_t nr_bytes,
		  uint64_t align)
{
	struct vspace_node *prev;

	ASSERT(nr_bytes != 0);
	ASSERT(is_aligned(nr_bytes, PAGE_SIZE));
	ASSERT(is_power_of_two(align));
	ASSERT(align >= PAGE_SIZE);

	prev = find_gap(space, nr_bytes, align);
	if (!prev)
		return false;
	node->start = align_up(prev->end, align);
	node->end = node->start + nr_bytes;
	insert_after(space, prev, node);
	space->nr_nodes++;
	space->used_bytes += nr_bytes;
	return true;
}

void vspace_free(struct vspace *space, struct vspace_node *node)
{
	struct vspace_node *prev = node->prev;

	ASSERT(prev != NULL);
	ASSERT(prev->next == node);
	ASSERT(space->nr_nodes != 0);

	prev->next = node->next;
	if (node->next)
		node->next->prev = prev;
	unlink_from_tree(space, node);
	update_upwards(space, prev);	/* it has inherited the range and its gap */
	space->nr_nodes--;
	space->used_bytes -= node->end - node->start;
	*node = (struct vspace_node){ 0 };
}

struct vspace_node *vspace_find(const struct vspace *space, uintptr_t va)
{
	struct vspace_node *node = space->root;
	struct vspace_node *found = NULL;

	while (node) {
		if (node->start > va) {
			node = node->left;
		} else {
			found = node;
			node = node->right;
		}
	}
	/* An area at the very start follows the head, which has the same start. */
	return found == &space->head ? NULL : found;
}

/* The node after @node in the tree's order. */
static const struct vspace_node *tree_successor(const struct vspace_node *node)
{
	if (node->right) {
		node = node->right;
		while (node->left)
			node = node->left;
		return node;
	}
	while (node->parent && node->parent->right == node)
		node = node->parent;
	return node->parent;
}

static bool verify_links(const struct vspace *space, const struct vspace_node *node,
			 struct violation *out)
{
	REQUIRE("VSPACE-2", node->start, !node->left || node->left->parent == node);
	REQUIRE("VSPACE-2", node->start, !node->right || node->right->parent == node);
	REQUIRE("VSPACE-2", node->start, node->parent || space->root == node);
	REQUIRE("VSPACE-2", node->start, !node->next || node->next->prev == node);
	REQUIRE("VSPACE-2", node->start, tree_successor(node) == node->next);
	return true;
}

static bool verify_node(const struct vspace *space, const struct vspace_node *node,
			struct violation *out)
{
	unsigned left = height_of(node->left), right = height_of(node->right);

	REQUIRE("VSPACE-1", node->start, is_aligned(node->start | node->end, PAGE_SIZE));
	REQUIRE("VSPACE-1", node->start, node == &space->head || node->start < node->end);
	REQUIRE("VSPACE-1", node->start,
		node->end <= (node->next ? node->next->start : space->end));
	if (!verify_links(space, node, out))
		return false;
	REQUIRE("VSPACE-3", node->start, node->max_gap_bytes == expected_max_gap(space, node));
	REQUIRE("VSPACE-4", node->start, node->height == expected_height(node));
	REQUIRE("VSPACE-4", node->start, left <= right + 1 && right <= left + 1);
	return true;
}

bool vspace_verify(const struct vspace *space, struct violation *out)
{
	uint64_t nr_nodes = 0, used_bytes = 0;

	REQUIRE("VSPACE-2", space->start, space->root && !space->root->parent);
	REQUIRE("VSPACE-1", space->start, space->head.start == space->start);
	REQUIRE("VSPACE-5", space->start, space->head.end == space->start);
	for (const struct vspace_node *node = &space->head; node; node = node->next) {
		/* A list that has become a ring ends here. */
		REQUIRE("VSPACE-5", node->start, nr_nodes <= space->nr_nodes);
		if (!verify_node(space, node, out))
			return false;
		used_bytes += node->end - node->start;
		nr_nodes++;
	}
	REQUIRE("VSPACE-5", space->start, nr_nodes == space->nr_nodes + 1);
	REQUIRE("VSPACE-5", space->start, used_bytes == space->used_bytes);
	return true;
}
