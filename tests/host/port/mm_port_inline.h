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

/* The local lock keeps nobody out; debug builds count it, so that tests see what is left locked. */
extern _Thread_local unsigned host_local_depth;
extern _Thread_local unsigned long host_nr_local_locks;

/* Proof of holding the local lock, and how often its holder held it before. */
struct mm_local {
	unsigned depth;
};

static inline struct mm_local mm_port_local_lock(void)
{
	struct mm_local local = { 0 };

	if (MM_DEBUG) {
		host_nr_local_locks++;
		local.depth = host_local_depth++;
	}
	return local;
}

static inline void mm_port_local_unlock(struct mm_local local)
{
	if (MM_DEBUG)
		host_local_depth = local.depth;
}

static inline bool mm_port_is_local_locked(void)
{
	return MM_DEBUG && host_local_depth != 0;
}

#endif
