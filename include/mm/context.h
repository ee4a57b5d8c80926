#ifndef MM_CONTEXT_H
#define MM_CONTEXT_H

/*
 * Which calls of mm may be made from where. Every public header refers to this one.
 *
 * Contexts
 *   thread	code that may be interrupted: it holds no lock of mm, nor the local lock, nor
 *		a lock that a handler takes, and mm has not called it
 *   atomic	an interrupt handler, a thread with interrupts off, or one that holds such a
 *		lock; it may be inside any call of mm that it interrupted. Never an exception, an
 *		NMI or a machine check: those come where mm's locks are held
 *   callback	what mm calls: constructors, shrinkers, a movable page's owner, and those
 *		functions of the port that say so
 *
 * Calls that every context may make, in a port that masks (below):
 *   alloc_pages() and all of mm/page_alloc.h, with flags without __GFP_DIRECT_RECLAIM
 *   (GFP_ATOMIC, GFP_NOWAIT) but in a thread or a callback; all that frees or refers to
 *   pages; kmalloc() and its relations, kmem_cache_alloc() and its relations, with flags as
 *   above; kfree(), ksize(), kmem_cache_free() and its relations; vfree(), which leaves
 *   the flush to the next thread. An atomic request starts no reclaim or compaction and
 *   waits for nobody but the holders of spin locks; it may wake kswapd, and bring memory up
 *   that mm has not touched yet. NULL is an ordinary answer: the reserve that GFP_ATOMIC may
 *   use ends, too. A constructor runs in the context of the request that makes its slab.
 *
 * Calls for threads, which others report (ASSERT_THREAD):
 *   requests with __GFP_DIRECT_RECLAIM that memory at hand does not serve; vmalloc(), vmap(),
 *   ioremap() and their relations, vunmap(), iounmap(), and kvmalloc() of what kmalloc() does
 *   not give; alloc_contig_range(), _pages() and _limited(); kmem_cache_create(), _shrink(),
 *   _destroy(), _set_limit() and _set_reserve()
 * and without a check: registering shrinkers and owners, shrink_node(), reclaim_node(),
 * verifiers, tables and whatever prints.
 *
 * Callbacks may make all these calls but those that would come back to themselves: no
 * reclaim begins within reclaim, and a constructor allocates nothing of its own cache.
 *
 * What the port gives
 *   A port whose handlers never call mm, and whose threads are not preempted inside it,
 *   defines the local lock and mm_port_mask() empty: all calls are a thread's, and a
 *   preemptive kernel without more disables preemption around each.
 *   A port that masks disables interrupts, or whatever else may call mm on this CPU, in
 *   both, and may then preempt its threads, and move them to other CPUs, wherever neither
 *   is held. Its mm_port_map_vmemmap(), mm_port_barrier_cpus(), mm_port_now_ns(), mm_port_log()
 *   and mm_port_wake_reclaim() are called with interrupts off, too, the first two with
 *   locks held: what they ask of other CPUs, those answer in mm_port_spin_hint() while they
 *   wait for a lock, and as soon as they have interrupts on again.
 */

#include "mm/port.h"

/* An interrupt handler has made @call, which is for threads. */
#define ASSERT_THREAD(call) do {							\
	if (unlikely(mm_port_is_in_handler()))						\
		mm_port_panic(__FILE__, __LINE__, "%s in an interrupt handler", call);	\
} while (0)

#endif
