#ifndef TESTS_UNIT_SLAB_ROOM_H
#define TESTS_UNIT_SLAB_ROOM_H

/* All private headers of mm/slab: its tests look everywhere. */

#include "mm/slab/alien.h"
#include "mm/slab/array.h"
#include "mm/slab/bounds.h"
#include "mm/slab/core.h"
#include "mm/slab/cpu.h"
#include "mm/slab/debug/audit.h"
#include "mm/slab/debug/debug.h"
#include "mm/slab/debug/guard.h"
#include "mm/slab/debug/guarded.h"
#include "mm/slab/debug/object.h"
#include "mm/slab/debug/report.h"
#include "mm/slab/debug/verify.h"
#include "mm/slab/depot.h"
#include "mm/slab/drain.h"
#include "mm/slab/keep.h"
#include "mm/slab/large.h"
#include "mm/slab/layout.h"
#include "mm/slab/make.h"
#include "mm/slab/node.h"
#include "mm/slab/rcu.h"
#include "mm/slab/slab.h"
#include "mm/slab/usage.h"

#endif
