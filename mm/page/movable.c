/*
 * Movable pages: owners that can move what they hold, and one move.
 *
 * Model
 *   An owner registers once and gets an index; page_set_owner() notes it in the
 *   first page of an allocated plain block, whose type becomes PAGE_MOVABLE. To
 *   move a block it is pinned first: one compare-and-exchange of the whole state
 *   turns "movable, one user" into "movable, two users". The owner may still
 *   free it meanwhile, but the frame is not reused before the pin goes. Then the
 *   owner's callback copies it, redirects every reference and says so.
 *
 *   The callback cannot rely on the block still being the owner's: what was
 *   freed, or never got that far, it refuses. It decides under its own lock.
 *
 *   While the callback runs, its two blocks have one reference more than users:
 *   nobody else pins them.
 *
 * Locking
 *   References are atomic. A callback is called without any lock.
 */

#include "mm/page/movable.h"

#include "mm/live.h"
#include "mm/page/harden.h"
#include "mm/page/movable_owner.h"
#include "mm/page/noted.h"

bool movable_pin(struct page *page)
{
	uint64_t state = page_state(page);
	struct page seen = { .state = state };

	if (seen.type != PAGE_MOVABLE || seen.refcount != 1)
		return false;
	return __atomic_compare_exchange_n(&page->state, &state,
					   make_page_state(PAGE_MOVABLE, seen.order,
							   seen.zone_index, 2),
					   false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void movable_unpin(struct page *page)
{
	put_page(page);
}

/*
 * Drops the pin and the reference that the owner had. Straight to the lists: on
 * a stack the block would be used again at once, and not join its buddies.
 */
static void release_source(struct page *page)
{
	struct zone *zone = page_zone(page);
	unsigned order = page->order;

	if (page_users(__atomic_sub_fetch(&page->refcount, 2, __ATOMIC_ACQ_REL)) != 0)
		return;
	page->owner = 0;
	if (page_hardening)
		harden_freed(page, pages_in(order));
	spin_lock(&zone->lock);
	zone_give(zone, page, order);
	spin_unlock(&zone->lock);
}

bool movable_migrate(struct page *from, struct page *to)
{
	uint16_t index = __atomic_load_n(&from->owner, __ATOMIC_RELAXED);
	const struct movable_owner *owner = movable_owner_at(index);

	ASSERT(to->type == PAGE_USER);
	ASSERT(page_users(to->refcount) == 1);
	ASSERT(from->refcount >= 1);

	/* Meanwhile its owner may have taken the block's mark off, or freed all but our page. */
	if (!owner || to->order != from->order) {
		movable_unpin(from);
		return false;
	}
	if (page_hardening)
		harden_verify(to, pages_in(to->order));
	to->caller = from->caller;
	/* The owner may publish @to, and others free it, before the callback returns. */
	get_page(to);
	page_set_owner(to, index);
	if (!owner->migrate(from, to, owner->arg)) {
		page_set_owner(to, 0);
		put_page(to);
		movable_unpin(from);
		return false;
	}
	put_page(to);
	release_source(from);
	return true;
}
