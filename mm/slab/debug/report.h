#ifndef MM_SLAB_DEBUG_REPORT_H
#define MM_SLAB_DEBUG_REPORT_H

/* What was found wrong; but for one these do not return. See mm/slab/debug/report.c. */

#include "mm/slab/core.h"

void slab_report_bad_free(const void *object, const void *caller) COLD NORETURN;
/* The same, not NORETURN: fast paths jump to it and need no stack frame of their own. */
void slab_refuse_free(const void *object, const void *caller) COLD;

/* As slab_report_bad_free(), where @object was not freed but resized or asked for its size. */
void slab_report_bad_use(const void *object, const void *caller) COLD NORETURN;

void slab_report_wrong_cache(const struct kmem_cache *cache, const void *object,
			     const void *caller) COLD NORETURN;
void slab_report_twice(const struct kmem_cache *cache, const void *object) COLD NORETURN;
void slab_report_corrupt(const struct kmem_cache *cache, const struct slab *slab,
			 const char *what) COLD NORETURN;

/* @kind, such as "overflow": @nr_bytes at @at are not what they must be. */
void slab_report_object(const struct kmem_cache *cache, const void *object, const char *kind,
			const uint8_t *at, unsigned nr_bytes) COLD NORETURN;

#endif
