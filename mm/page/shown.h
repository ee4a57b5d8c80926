#ifndef MM_PAGE_SHOWN_H
#define MM_PAGE_SHOWN_H

/*
 * What this room shows to those behind it: pages in bulk for vmalloc, compound
 * pages for kmalloc, and the verifiers and counts that mm/report asks. All else
 * is reached through include/mm/page_alloc.h.
 */

#include "mm/page/bulk.h"
#include "mm/page/compact.h"
#include "mm/page/compound.h"
#include "mm/page/grow.h"
#include "mm/page/isolate.h"
#include "mm/page/noted.h"
#include "mm/page/pageblock.h"
#include "mm/page/reclaim.h"
#include "mm/page/section.h"
#include "mm/page/zonelist.h"

#endif
