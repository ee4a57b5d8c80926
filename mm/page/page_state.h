#ifndef MM_PAGE_STATE_H
#define MM_PAGE_STATE_H

/*
 * What mm's own files do with a struct page: bringing a block into and out of
 * use, and reports. See mm/page/page.c.
 */

#include "mm/page/zone.h"

const char *page_type_name(enum page_type type);

/* Makes the allocated block of @order at @page a compound page. @order is not 0. */
void page_make_compound(struct page *page, unsigned order);

/* Takes that back, tails included: the block may be freed. */
void page_clear_compound(struct page *page);

/*
 * The allocated plain block of several pages at @page, whose only reference is
 * the caller's, becomes a compound page of type PAGE_LARGE: in one pass what
 * page_make_compound() and page_set_type() do.
 */
void page_make_large(struct page *page);

/*
 * Takes that back: the block is plain and may be freed. False when there are
 * other references: then nothing has changed.
 */
bool page_unmake_large(struct page *page) MUST_CHECK;

/* Zeroes the 2^@order pages at @page. */
void page_zero(struct page *page, unsigned order);

/* The first page of the block that @pfn, of a section that is up, lies in. */
struct page *page_block_of(pfn_t pfn);

/* Panics: freeing @page as a block of @order is wrong. Says why and all about the page. */
void page_report_bad_free(struct page *page, unsigned order) COLD;

/* Panics: @page was cached or free and has been written to meanwhile. */
void page_report_corrupt(struct page *page) COLD;

/* True when freeing @page with @order is in order. O(1). */
bool page_may_be_freed(const struct page *page, unsigned order);

/* Checks the rules of mm/page/page.c for the allocated block that @page, number @pfn, heads. */
bool page_verify_block(const struct page *page, uint64_t pfn, struct violation *out);

#endif
