#ifndef TESTS_WITH_LOCAL_H
#define TESTS_WITH_LOCAL_H

/* Runs @statement under the local lock, with @local as the proof of it. */

#include "mm/port.h"

#define WITH_LOCAL(local, statement) do {					\
	struct mm_local local = mm_port_local_lock();				\
										\
	statement;								\
	mm_port_local_unlock(local);						\
} while (0)

#endif
