#ifndef MM_PORT_INLINE_H
#define MM_PORT_INLINE_H

/* The inlined part of mm's port on Linux: every thread is a CPU. */

extern _Thread_local unsigned host_cpu;

static inline unsigned mm_port_cpu(void)
{
	return host_cpu;
}

extern _Thread_local void *host_cpu_data;

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

typedef struct { char nothing; } mm_port_local_state;

static inline mm_port_local_state mm_port_local_lock(void)
{
	return (mm_port_local_state){ 0 };
}

static inline void mm_port_local_unlock(mm_port_local_state state)
{
	(void)state;
}

#endif
