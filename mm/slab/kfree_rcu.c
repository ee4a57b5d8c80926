/*
 * kfree_rcu(): objects that are freed when their readers have ended.
 *
 * Model
 *   What is to be freed gathers in `pending` while a batch is on its way; one callback of
 *   call_rcu() frees the batch and sends the next. So any number of objects costs one
 *   callback for each grace period, and a head has room for the object's address where
 *   others have their function.
 *
 *   An object's address is kept disguised until it is freed, which no user of the memory
 *   writes there by chance: who gives an object twice meets it.
 *
 * Locking
 *   batches.lock guards all of it; objects are freed without it.
 */

#include "mm/rcu.h"

#include "mm/kmalloc.h"
#include "mm/lock.h"

#define DISGUISE	0x6b66726565726375ull	/* no address: bits 47 to 63 differ */

static struct {
	struct spinlock lock;		/* guards the rest */
	struct rcu_head callback;	/* for the batch on its way */
	bool is_on_its_way GUARDED_BY(lock);
	struct rcu_head *pending GUARDED_BY(lock), *batch GUARDED_BY(lock);
	uint64_t nr_given, nr_freed;	/* objects so far; atomic */
} batches;

void kfree_rcu_init(void)
{
	assume_unshared(&batches.lock);
	batches.callback.disguised = 0;
	batches.is_on_its_way = false;
	batches.pending = NULL;
	batches.batch = NULL;
	batches.nr_given = 0;
	batches.nr_freed = 0;
}

static void free_all(struct rcu_head *head)
{
	uint64_t nr = 0;

	for (; head; nr++) {
		struct rcu_head *next = head->next;
		void *object = (void *)(uintptr_t)(head->disguised ^ DISGUISE);

		head->disguised = 0;
		kfree(object);
		head = next;
	}
	/* Release: who waits for them sees that they are free. */
	__atomic_fetch_add(&batches.nr_freed, nr, __ATOMIC_RELEASE);
}

/* What is pending becomes the batch. False: there is none. */
static bool send_next(void) HOLDS(batches.lock)
{
	batches.batch = batches.pending;
	batches.pending = NULL;
	batches.is_on_its_way = batches.batch != NULL;
	return batches.is_on_its_way;
}

static void free_batch(struct rcu_head *callback)
{
	struct rcu_head *ready;
	bool has_next;

	spin_lock(&batches.lock);
	ready = batches.batch;
	has_next = send_next();
	spin_unlock(&batches.lock);
	if (has_next)
		call_rcu(callback, free_batch);
	free_all(ready);
}

void kfree_call_rcu(struct rcu_head *head, void *object)
{
	bool is_first;

	if (unlikely(head->disguised == ((uintptr_t)object ^ DISGUISE)))
		mm_port_panic(__FILE__, __LINE__, "kfree_rcu: object %p is freed already", object);
	head->disguised = (uintptr_t)object ^ DISGUISE;
	__atomic_fetch_add(&batches.nr_given, 1, __ATOMIC_RELAXED);
	spin_lock(&batches.lock);
	head->next = batches.pending;
	batches.pending = head;
	is_first = !batches.is_on_its_way && send_next();
	spin_unlock(&batches.lock);
	if (is_first)
		call_rcu(&batches.callback, free_batch);
}

bool kfree_rcu_barrier(void)
{
	const uint64_t nr_given = __atomic_load_n(&batches.nr_given, __ATOMIC_RELAXED);
	const uint64_t started_ns = mm_port_now_ns();

	/* Each barrier ends with the batch on its way: two of them, as a rule. */
	while (__atomic_load_n(&batches.nr_freed, __ATOMIC_ACQUIRE) < nr_given) {
		if (!rcu_barrier() || mm_port_now_ns() - started_ns > rcu_patience_ns)
			return false;
		mm_port_spin_hint();
	}
	return true;
}
