#ifndef TESTS_ABANDONED_H
#define TESTS_ABANDONED_H

/* Cleaning up after CHECK_PANICS, which leaves the panicking code's locks held. */

#include "mm/lock.h"
#include "tests/test.h"

/* Releases @lock, which an abandoned function took: clang cannot see that it is held. */
static inline void release_abandoned(struct spinlock *lock) NO_LOCK_ANALYSIS
{
	CHECK(spin_is_locked(lock));
	/* CHECK_PANICS has taken the mask away. */
	__atomic_store_n(&lock->is_held, 0, __ATOMIC_RELEASE);
}

#endif
