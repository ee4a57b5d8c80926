#ifndef LIB_LIST_H
#define LIB_LIST_H

/*
 * Circular doubly linked lists whose links live in the listed objects.
 *
 * An empty head points to itself. An unlinked node holds NULL links, so that
 * unlinking twice faults instead of corrupting a neighbour.
 */

#include "lib/compiler.h"

struct list_head {
	struct list_head *next, *prev;
};

static inline void list_init(struct list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_is_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline void list_insert_between(struct list_head *node, struct list_head *prev,
				       struct list_head *next)
{
	node->prev = prev;
	node->next = next;
	prev->next = node;
	next->prev = node;
}

/* Makes @node the first of @head. */
static inline void list_add(struct list_head *node, struct list_head *head)
{
	list_insert_between(node, head, head->next);
}

/* Makes @node the last of @head. */
static inline void list_add_tail(struct list_head *node, struct list_head *head)
{
	list_insert_between(node, head->prev, head);
}

/* True when both neighbours of @node point back to it: false means corruption. */
static inline bool list_is_linked(const struct list_head *node)
{
	return node->next && node->prev && node->next->prev == node && node->prev->next == node;
}

static inline void list_del(struct list_head *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = NULL;
	node->prev = NULL;
}

static inline void list_move(struct list_head *node, struct list_head *head)
{
	list_del(node);
	list_add(node, head);
}

/* Makes @node, of @head, its first; those before it become the last ones, in their order. */
static inline void list_rotate_to(struct list_head *head, struct list_head *node)
{
	head->prev->next = head->next;
	head->next->prev = head->prev;
	list_add_tail(head, node);
}

#define list_entry(node, type, member)	container_of(node, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)

#define list_for_each(pos, head) \
	for (struct list_head *pos = (head)->next; pos != (head); pos = pos->next)

/* @pos may be unlinked or freed by the body. */
#define list_for_each_safe(pos, head)						\
	for (struct list_head *pos = (head)->next, *pos##_next = pos->next;	\
	     pos != (head); pos = pos##_next, pos##_next = pos->next)

#endif
