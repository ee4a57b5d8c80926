/*
 * Owners of movable pages: who they are, and which page is whose.
 *
 * Model
 *   An owner registers once and gets an index; page_set_owner() notes it in the
 *   first page of an allocated plain block, whose type becomes PAGE_MOVABLE. How a
 *   block is moved: mm/page/movable.c.
 *
 * Invariants
 *   MOVABLE-1  an allocated block has an owner's index exactly when it is PAGE_MOVABLE;
 *       a slab has something else in its place
 *
 * Locking
 *   owners_lock guards the table while it changes. An owner that unregisters has
 *   no pages left and is not being called.
 */

#include "mm/page/movable_owner.h"

#include "mm/assert.h"
#include "mm/lock.h"

/* Indices 1 to MAX_OWNERS; kernels have a handful (page cache, zsmalloc, balloon). */
#define MAX_OWNERS	32u

static struct spinlock owners_lock;
static const struct movable_owner *registry[MAX_OWNERS + 1] GUARDED_BY_GLOBAL(owners_lock);

uint16_t register_movable_owner(const struct movable_owner *owner)
{
	uint16_t index = 1;

	ASSERT(owner->migrate);

	spin_lock(&owners_lock);
	while (index <= MAX_OWNERS && registry[index])
		index++;
	if (index <= MAX_OWNERS)
		__atomic_store_n(&registry[index], owner, __ATOMIC_RELEASE);
	spin_unlock(&owners_lock);
	return index <= MAX_OWNERS ? index : 0;
}

void unregister_movable_owner(uint16_t index)
{
	ASSERT(index >= 1);
	ASSERT(index <= MAX_OWNERS);

	spin_lock(&owners_lock);
	__atomic_store_n(&registry[index], NULL, __ATOMIC_RELAXED);
	spin_unlock(&owners_lock);
}

const struct movable_owner *movable_owner_at(uint16_t index)
{
	return index <= MAX_OWNERS ? __atomic_load_n(&registry[index], __ATOMIC_ACQUIRE) : NULL;
}

const char *movable_owner_name(const struct page *page)
{
	const struct movable_owner *owner = movable_owner_at(page->owner);

	return owner && owner->name ? owner->name : "none";
}

/* Single stores of one byte each: whoever pins exchanges the whole state. */
void page_set_owner(struct page *page, uint16_t index)
{
	ASSERT(page->refcount != 0);
	ASSERT(page->type == PAGE_USER || page->type == PAGE_MOVABLE);
	ASSERT(index <= MAX_OWNERS);
	ASSERT(index == 0 || movable_owner_at(index));

	__atomic_store_n(&page->owner, index, __ATOMIC_RELAXED);
	__atomic_store_n(&page->type, (uint8_t)(index ? PAGE_MOVABLE : PAGE_USER),
			 __ATOMIC_RELEASE);
}
