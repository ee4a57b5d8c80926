#ifndef MM_PORT_INLINE_H
#define MM_PORT_INLINE_H

/* The inlined part of mm's port on Linux: every thread is a CPU. */

#include "mm/config.h"

/*
 * The maps stand where Linux puts nothing of its own, so that their addresses are
 * constants as in most kernels. Sanitizers have other plans for these.
 */
#ifdef HOST_FLOATING_MAPS
extern uintptr_t mm_port_direct_map;
extern uintptr_t mm_port_vmemmap;
#else
#define mm_port_direct_map	((uintptr_t)0x200000000000)
#define mm_port_vmemmap		(mm_port_direct_map / 128)
#endif

/* Part of the program, not of a shared library: found without a table. */
#define HOST_THREAD_LOCAL	_Thread_local __attribute__((tls_model("local-exec")))

extern HOST_THREAD_LOCAL unsigned host_cpu;

static inline unsigned mm_port_cpu(void)
{
	return host_cpu;
}

extern HOST_THREAD_LOCAL void *host_cpu_data;

static inline void *mm_port_cpu_data(void)
{
	return host_cpu_data;
}

static inline void mm_port_set_cpu_data(void *data)
{
	host_cpu_data = data;
}

static inline void mm_port_spin_hint(void)
{
	__builtin_ia32_pause();
}

/*
 * The local lock and masking keep nobody out. Debug builds note them, so that tests see what
 * is left locked, and interrupt where a CPU could be (tests/host/interrupt.h): while it is
 * open, with neither the local lock nor a spin lock held.
 */
extern _Thread_local unsigned host_local_depth;
extern _Thread_local bool host_is_masked;
extern _Thread_local unsigned long host_nr_local_locks;
extern _Thread_local unsigned host_nr_handlers;		/* that run now, on this CPU */

/* Called at the last moment before an open CPU is closed, and at the first after it. */
extern void (*host_open_hook)(void);

/* Reports a mask that was taken away before a lock that needs it was released. */
void host_unmasked_early(void) NORETURN;

static inline bool host_is_open(void)
{
	return host_local_depth == 0 && !host_is_masked;
}

static inline void host_open_point(void)
{
	if (MM_DEBUG && unlikely(host_open_hook != NULL) && host_is_open())
		host_open_hook();
}

/*
 * Programs built with HOST_CPUS_MAY_BE_SHARED may say that threads share CPUs, as a thread of
 * higher priority does: then the local lock is the CPU's mutex.
 */
#ifndef HOST_CPUS_MAY_BE_SHARED
#define HOST_CPUS_MAY_BE_SHARED	0
#endif
extern bool host_cpus_are_shared;
void host_lock_cpu(void);
void host_unlock_cpu(void);

/* Those that share and debug builds count it; tests see what is left locked. */
#define HOST_COUNTS_LOCAL_LOCKS	(MM_DEBUG || HOST_CPUS_MAY_BE_SHARED)

/* Proof of holding the local lock, and how often its holder held it before. */
struct mm_local {
	unsigned depth;
};

static inline struct mm_local mm_port_local_lock(void)
{
	struct mm_local local = { 0 };

	host_open_point();
	if (HOST_COUNTS_LOCAL_LOCKS) {
		host_nr_local_locks++;
		local.depth = host_local_depth++;
	}
	if (HOST_CPUS_MAY_BE_SHARED && local.depth == 0)
		host_lock_cpu();
	return local;
}

static inline void mm_port_local_unlock(struct mm_local local)
{
	if (HOST_COUNTS_LOCAL_LOCKS)
		host_local_depth = local.depth;
	if (HOST_CPUS_MAY_BE_SHARED && local.depth == 0)
		host_unlock_cpu();
	host_open_point();
}

static inline bool mm_port_is_local_locked(void)
{
	return HOST_COUNTS_LOCAL_LOCKS && host_local_depth != 0;
}

#define MM_PORT_MASKS	MM_DEBUG

static inline bool mm_port_mask(void)
{
	bool was_open;

	host_open_point();
	was_open = MM_DEBUG && !host_is_masked;
	if (MM_DEBUG)
		host_is_masked = true;
	return was_open;
}

static inline void mm_port_unmask(bool was_open)
{
	if (MM_DEBUG && unlikely(!host_is_masked))
		host_unmasked_early();
	if (was_open)
		host_is_masked = false;
	host_open_point();
}

static inline bool mm_port_is_in_handler(void)
{
	return MM_DEBUG && host_nr_handlers != 0;
}

#endif
