#ifndef MM_PAGE_HARDEN_H
#define MM_PAGE_HARDEN_H

/*
 * What the slow ways of pages do for hardening. See mm/page/harden.c.
 *
 * Context: the pages are the caller's alone. No lock of a zone held.
 */

#include "mm/gfp.h"
#include "mm/harden.h"
#include "mm/page.h"

/* The HARDEN_ flags in force. Asked on slow ways alone. */
extern unsigned page_hardening;

/* @nr_pages from @page on are about to be free. */
void harden_freed(struct page *page, uint64_t nr_pages);

/*
 * @nr_pages from @page on, whose flags are as they were while free, are about to be used:
 * panics when what was filled has been written to. Zeroes if that is wanted.
 */
void harden_allocated(struct page *page, uint64_t nr_pages);

/* The same for pages that will be written to as a whole. */
void harden_verify(struct page *page, uint64_t nr_pages);

#endif
