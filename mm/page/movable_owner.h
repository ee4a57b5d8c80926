#ifndef MM_MOVABLE_OWNER_H
#define MM_MOVABLE_OWNER_H

/* Who can move a page. See mm/page/movable_owner.c. Takes no lock; in any context. */

#include "mm/page_alloc.h"

/* The owner registered as @index, or NULL: then there is none any more. */
const struct movable_owner *movable_owner_at(uint16_t index);

/* The name the owner of @page gave itself, or "none". */
const char *movable_owner_name(const struct page *page);

#endif
