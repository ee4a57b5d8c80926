/*
 * Hardening: the bytes of pages that nobody uses.
 *
 * Model
 *   A page that is freed is filled with PAGE_POISON and marked as filled, or zeroed. When
 *   it is allocated again what was filled is compared, byte by byte: who wrote to a page
 *   after it was freed is told of then, with page, offset and byte. A page that was never
 *   freed since its section came up is not marked, and holds what was there before.
 *
 *   The fast paths know nothing of this: with hardening no CPU has stacks of pages
 *   (page_stack_capacity() is 0) and no order is plain (mm_plain_order_max is 0), so every
 *   request and every free ends on a slow way, and those call here.
 *
 * Locking
 *   None: what is wanted is set before a machine starts, and the pages are the caller's.
 */

#include "mm/page/harden.h"

#include "lib/string.h"
#include "mm/event.h"
#include "mm/page/page_state.h"
#include "mm/page_alloc.h"
#include "mm/port.h"

#define REPORT_BYTES	200u

unsigned page_hardening;

void page_set_hardening(unsigned flags)
{
	page_hardening = flags;
	mm_set_plain_order_max(flags ? 0 : MAX_ORDER);
}

void harden_freed(struct page *page, uint64_t nr_pages)
{
	bool is_filled = page_hardening & HARDEN_POISON;

	if (!(page_hardening & (HARDEN_POISON | HARDEN_INIT_ON_FREE)))
		return;
	memset(page_address(page), is_filled ? PAGE_POISON : 0, pages_to_bytes(nr_pages));
	for (uint64_t i = 0; is_filled && i < nr_pages; i++)
		page[i].flags |= PAGE_FILLED;
}

/* @page was filled, and its byte at @offset is another now. */
static NORETURN COLD void report_written(const struct page *page, uint64_t offset)
{
	const uint8_t *bytes = page_address(page);
	char text[REPORT_BYTES];
	unsigned nr_wrong = 0;

	for (uint64_t i = offset; i < PAGE_SIZE; i++)
		nr_wrong += bytes[i] != PAGE_POISON;
	page_whatis(page_to_pfn(page), text, sizeof(text));
	mm_port_panic(__FILE__, __LINE__,
		      "free page 0x%llx was written to: 0x%02x at offset %llu, %u bytes of it: %s",
		      (unsigned long long)page_to_pfn(page), bytes[offset],
		      (unsigned long long)offset, nr_wrong, text);
}

static void verify_filled(const struct page *page)
{
	static const uint64_t filled_word = PAGE_POISON * (UINT64_MAX / 0xff);
	const uint64_t *words = page_address(page);
	const uint8_t *bytes = page_address(page);

	for (uint64_t at = 0; at < PAGE_SIZE; at += sizeof(*words)) {
		uint64_t offset = at;

		if (likely(words[at / sizeof(*words)] == filled_word))
			continue;
		while (bytes[offset] == PAGE_POISON)
			offset++;
		report_written(page, offset);
	}
}

void harden_verify(struct page *page, uint64_t nr_pages)
{
	for (uint64_t i = 0; i < nr_pages; i++) {
		if (!(page[i].flags & PAGE_FILLED))
			continue;
		page[i].flags &= (uint8_t)~PAGE_FILLED;
		verify_filled(&page[i]);
	}
}

void harden_allocated(struct page *page, uint64_t nr_pages)
{
	harden_verify(page, nr_pages);
	if (page_hardening & HARDEN_INIT_ON_ALLOC)
		memset(page_address(page), 0, pages_to_bytes(nr_pages));
}
