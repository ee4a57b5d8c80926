#ifndef TESTS_HOST_STRESS_OBJECTS_H
#define TESTS_HOST_STRESS_OBJECTS_H

/* Stress of caches and kmalloc, from threads that are CPUs of a pretended machine. */

#include "lib/compiler.h"

#define OBJECTS_STRESS_MAX_THREADS	32u

struct objects_stress {
	uint64_t nr_ops;			/* of all threads together */
	unsigned nr_threads, nr_nodes;
	uint64_t seed;
	bool (*start_thread)(unsigned index);	/* the thread becomes a CPU; false: cannot */
	void (*end_thread)(void);		/* and is none any more; its arrays are empty */
};

struct objects_totals {
	uint64_t nr_bad;	/* damaged objects, and frees that went otherwise than they must */
	uint64_t nr_failed;	/* requests refused */
	uint64_t nr_twice;	/* objects freed twice, and told of */
	uint64_t nr_reads;	/* sections of readers */
};

/* False: something is wrong, which totals or standard output tell. */
bool objects_stress_run(const struct objects_stress *stress, struct objects_totals *totals)
	MUST_CHECK;

#endif
