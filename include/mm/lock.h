#ifndef MM_LOCK_H
#define MM_LOCK_H

/*
 * A spinlock for short sections: one bit, test before test-and-set.
 *
 * While one is held the port keeps away from this CPU whatever of it may call mm, interrupt
 * handlers above all (mm_port_mask()): so a handler finds none of its own CPU's locks held,
 * and may take any. Who waits for one, perhaps with interrupts off, answers by
 * mm_port_spin_hint() what other CPUs ask of it: so one that is held across such a
 * question does no harm. What was found is kept in the lock, and given back with it:
 * locks are released in the opposite order, or all within the first one.
 *
 * The order in which locks nest stands in mm/README.md, and so do the three that are
 * held across a call out of mm.
 */

#include "lib/compiler.h"
#include "mm/port.h"

struct CAPABILITY("spinlock") spinlock {
	uint32_t is_held;	/* SPIN_ bits; a word: x86 tests and sets a bit of one in one go */
};

#define SPIN_HELD	1u
#define SPIN_WAS_OPEN	2u	/* the holder's CPU was not masked when it came */

/* The caller has @lock, and found the CPU masked or not. */
static ALWAYS_INLINE void spin_note_mask(struct spinlock *lock, bool was_open)
{
	if (was_open)
		__atomic_store_n(&lock->is_held, SPIN_HELD | SPIN_WAS_OPEN, __ATOMIC_RELAXED);
}

static inline bool spin_try_lock(struct spinlock *lock) TRY_ACQUIRES(true, lock) NO_LOCK_ANALYSIS
{
	bool was_open = mm_port_mask();

	if (__atomic_fetch_or(&lock->is_held, SPIN_HELD, __ATOMIC_ACQUIRE) & SPIN_HELD) {
		mm_port_unmask(was_open);
		return false;
	}
	spin_note_mask(lock, was_open);
	return true;
}

static inline void spin_lock(struct spinlock *lock) ACQUIRES(lock) NO_LOCK_ANALYSIS
{
	bool was_open = mm_port_mask();

	while (unlikely(__atomic_fetch_or(&lock->is_held, SPIN_HELD, __ATOMIC_ACQUIRE) & SPIN_HELD))
		while (__atomic_load_n(&lock->is_held, __ATOMIC_RELAXED))
			mm_port_spin_hint();
	spin_note_mask(lock, was_open);
}

static inline void spin_unlock(struct spinlock *lock) RELEASES(lock) NO_LOCK_ANALYSIS
{
	bool was_open = MM_PORT_MASKS &&
		(__atomic_load_n(&lock->is_held, __ATOMIC_RELAXED) & SPIN_WAS_OPEN);

	__atomic_store_n(&lock->is_held, 0, __ATOMIC_RELEASE);
	mm_port_unmask(was_open);
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
