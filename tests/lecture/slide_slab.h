#ifndef TESTS_LECTURE_SLIDE_SLAB_H
#define TESTS_LECTURE_SLIDE_SLAB_H

/* The slab of the slide: two pages cut in so many objects. See slides_objects.c. */

#include "mm/slab.h"

/* Object 7 of "3, then 1, then 7" needs eight. */
#define SLIDE_OBJECTS_OF_LIST	8u

/* More than a refill brings along, so that one whole slab is ours. */
#define SLIDE_HELD_OBJECTS	128u

/* A cache whose slabs have two pages and @nr_objects objects; NULL: no memory. */
struct kmem_cache *slide_cache_with(unsigned nr_objects);

/* Allocates to @held[SLIDE_HELD_OBJECTS] until one slab is wholly ours, and returns that. */
struct slab *slide_hold_slab(struct kmem_cache *cache, void **held, unsigned *nr_held);

#endif
