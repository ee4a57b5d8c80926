#ifndef SLABSTICK_H
#define SLABSTICK_H

/*
 * Slabstick as the allocator of a Linux program: build/host/libslabstick.a.
 *
 *	cc -O2 program.c -Ibuild/host/include build/host/libslabstick.a -pthread
 *
 * The program's memory is an arena reserved with mmap, which Linux fills on
 * first touch; the memory manager runs on it as it does on a machine's RAM, with
 * every check that is always on. Each thread that allocates is a CPU:
 *
 *	slabstick_start(1 << 30, 1);		once, by the main thread
 *	slabstick_thread_start();		in every further thread, or its first call does it
 *	p = slabstick_malloc(100);
 *	slabstick_free(p);			from any thread
 *	slabstick_thread_end();			before the thread ends, if it has called the start
 *
 * A thread that calls slabstick_malloc() or another function of this file without a start
 * starts itself, and ends with itself. Not so with functions of mm/ that are called directly:
 * a thread that uses those begins with slabstick_thread_start().
 *
 * A child of fork() has no arena: its first call here says so and aborts. It may begin anew
 * with slabstick_start(), or exec; its parent's arena is not touched.
 *
 * Where threads read without locks (mm/rcu.h), each calls rcu_note_context_switch() now and
 * then, and rcu_idle_enter() and rcu_idle_exit() around what may wait for long.
 *
 * A double free, a wild free and the like print a report and abort(). It is for
 * executables, not for shared libraries (thread-local variables are found without a
 * table), and wants 16 TiB of address space from 0x200000000000 and what mem_map
 * takes from 0x4000000000, where Linux puts nothing by itself.
 *
 * Whoever wants constant sizes resolved at compile time, caches, or whole pages
 * includes mm/kmalloc.h, mm/slab.h or mm/page_alloc.h, which lie beside this file.
 */

#include <stdbool.h>
#include <stddef.h>

/* At most so many threads at a time. */
#define SLABSTICK_MAX_THREADS	64

/*
 * Reserves @arena_bytes (at least 16 MiB), in @nr_nodes equal nodes (1 to 16)
 * over which threads are spread in turn, and makes the calling thread the first.
 * A later call begins anew: everything allocated before is gone.
 * Returns false for an arena that is too small or too many nodes; exits when
 * Linux refuses the memory.
 */
bool slabstick_start(size_t arena_bytes, unsigned nr_nodes);

/* The calling thread may allocate. False when SLABSTICK_MAX_THREADS do already. */
bool slabstick_thread_start(void);

/* The calling thread gives up what it keeps at hand, and its place. */
void slabstick_thread_end(void);

/*
 * As in C. 16-byte aligned above 8 bytes, power-of-two sizes up to a page to
 * their size. A size of 0 gives a pointer that may be freed, not used. NULL when
 * the arena has no block that large, or @bytes exceed what blocks can have (4 MiB), or
 * SLABSTICK_MAX_THREADS other threads are there.
 */
void *slabstick_malloc(size_t bytes);
void *slabstick_calloc(size_t nr, size_t bytes);
void *slabstick_realloc(void *object, size_t bytes);
void slabstick_free(void *object);
size_t slabstick_usable_size(const void *object);

/* Gives back what lies free in caches; returns how many bytes of the arena that were. */
size_t slabstick_trim(void);

/* Tables as a kernel shows them in /proc, to standard output. */
void slabstick_print_slabinfo(void);

#endif
