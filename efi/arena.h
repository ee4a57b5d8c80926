#ifndef EFI_ARENA_H
#define EFI_ARENA_H

/* Memory for the arrays of a boot_info: taken front to back, never given back. */

#include "lib/compiler.h"

/* One piece of memory that is handed out from front to back. */
struct arena {
	unsigned char *base;		/* 8-byte aligned */
	uint64_t size_bytes;
	uint64_t used_bytes;
};

/*
 * Takes zeroed room for @count items. NULL when there is not enough left, or
 * the size is more than 64 bits can tell.
 */
void *arena_take(struct arena *arena, uint64_t count, uint64_t item_bytes);

/* What arena_take() will use up. For small counts that were checked before. */
uint64_t arena_bytes_for(uint64_t count, uint64_t item_bytes);

#endif
