#ifndef LIB_COMPILER_H
#define LIB_COMPILER_H

/*
 * What the C11 standard has no word for, and both gcc and clang have.
 *
 * Thread-safety annotations are checked by clang (-Wthread-safety) and vanish
 * elsewhere.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

#define NOINLINE	__attribute__((noinline))
#define ALWAYS_INLINE	inline __attribute__((always_inline))
#define COLD		__attribute__((cold, noinline))
#define PACKED		__attribute__((packed))
#define MUST_CHECK	__attribute__((warn_unused_result))
#define NORETURN	__attribute__((noreturn))
#define UNUSED		__attribute__((unused))
/* On the declaration of a variable that fast paths read: no detour through the GOT. */
#define HIDDEN		__attribute__((visibility("hidden")))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* The compiler knows no more what @lvalue holds: what follows reads it from memory. */
#define FORGET(lvalue)	__asm__("" : "+m"(lvalue))

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* The structure of @type whose @member is at @ptr. */
#define container_of(ptr, type, member) \
	((type *)(uintptr_t)((uintptr_t)(ptr) - offsetof(type, member)))

#if defined(__clang__)
#define CAPABILITY(name)	__attribute__((capability(name)))
#define GUARDED_BY_GLOBAL(lock)	__attribute__((guarded_by(lock)))
#define HOLDS(lock)		__attribute__((requires_capability(lock)))
#define ACQUIRES(lock)		__attribute__((acquire_capability(lock)))
#define RELEASES(lock)		__attribute__((release_capability(lock)))
#define ASSUMES(lock)		__attribute__((assert_capability(lock)))
#define TRY_ACQUIRES(ok, lock)	__attribute__((try_acquire_capability(ok, lock)))
#define NO_LOCK_ANALYSIS	__attribute__((no_thread_safety_analysis))
#else
#define CAPABILITY(name)
#define GUARDED_BY_GLOBAL(lock)
#define HOLDS(lock)
#define ACQUIRES(lock)
#define RELEASES(lock)
#define ASSUMES(lock)
#define TRY_ACQUIRES(ok, lock)
#define NO_LOCK_ANALYSIS
#endif

/*
 * On a field: it is read and written by who holds @lock, a field of the same structure; of
 * which object clang does not ask. C lets an attribute name a field from clang 19 on, with
 * an option: `make lock-check`.
 */
#if defined(CHECK_GUARDED_FIELDS)
#define GUARDED_BY(lock)	__attribute__((guarded_by(&lock)))
#else
#define GUARDED_BY(lock)
#endif

#endif
