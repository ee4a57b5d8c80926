#ifndef MM_LOCK_H
#define MM_LOCK_H

/*
 * A spinlock for short sections: one bit, test before test-and-set.
 *
 * Not for use in interrupt handlers. The order in which locks nest stands in
 * mm/README.md, and so do the three that are held across a call out of mm.
 */

#include "lib/compiler.h"
#include "mm/port.h"

struct CAPABILITY("spinlock") spinlock {
	uint32_t is_held;	/* 0 or 1; a word: x86 tests and sets a bit of one in one go */
};

static inline bool spin_try_lock(struct spinlock *lock) TRY_ACQUIRES(true, lock) NO_LOCK_ANALYSIS
{
	return !(__atomic_fetch_or(&lock->is_held, 1u, __ATOMIC_ACQUIRE) & 1u);
}

static inline void spin_lock(struct spinlock *lock) ACQUIRES(lock) NO_LOCK_ANALYSIS
{
	while (unlikely(__atomic_fetch_or(&lock->is_held, 1u, __ATOMIC_ACQUIRE) & 1u))
		while (__atomic_load_n(&lock->is_held, __ATOMIC_RELAXED))
			mm_port_spin_hint();
}

static inline void spin_unlock(struct spinlock *lock) RELEASES(lock) NO_LOCK_ANALYSIS
{
	__atomic_store_n(&lock->is_held, 0, __ATOMIC_RELEASE);
}

/*
 * For clang's analysis alone, and for the rest of the function: nobody else uses what
 * @lock guards, so that it need not be taken. True before others are told of the
 * structure, and while a verifier has it to itself.
 */
static inline void assume_unshared(const struct spinlock *lock) ASSUMES(lock)
{
	(void)lock;
}

/* For assertions and verifiers: somebody holds @lock. */
static inline bool spin_is_locked(const struct spinlock *lock)
{
	return __atomic_load_n(&lock->is_held, __ATOMIC_RELAXED) != 0;
}

#endif
