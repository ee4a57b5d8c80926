#ifndef MM_OFFLINE_H
#define MM_OFFLINE_H

/*
 * Pages whose memory is bad, out of service. See mm/page/offline.c.
 *
 * What is known to be bad before mm starts does not come here: it is a range of
 * MEM_UNUSABLE in struct boot_info, of which mm uses nothing.
 *
 * Context: as mm/page_alloc.h; owners of movable pages are called.
 */

#include "lib/compiler.h"
#include "mm/types.h"

enum offline_result {
	OFFLINE_DONE,		/* out of service */
	OFFLINE_NOTED,		/* still used; goes out of service when it is freed */
	OFFLINE_REFUSED,	/* not a page that could be allocated, now or ever */
	OFFLINE_FULL		/* too many pages of the zone wait to be freed: 64 */
};

/* "done", "noted", ... Never NULL. */
const char *offline_result_name(enum offline_result result);

/*
 * Takes page @pfn out of service: once it is, nobody gets it from the page allocator any
 * more. That is at once when the page is free, rests on a stack, or has an owner that
 * moves it. Else it is noted: a page in use stays with its users and goes when the last
 * frees it (the rest of its block stays in service); one in a section that is not up
 * goes when that comes up. A page that another CPU takes from its stack at this very
 * moment is in use. Waits no longer than some 2 ms for what rests on other CPUs' stacks.
 *
 * Refused: holes, what boot took, mem_map and its tables.
 */
enum offline_result offline_page(pfn_t pfn) MUST_CHECK;

/*
 * Takes that back: the page may be allocated again. False when @pfn neither is out of
 * service nor noted.
 */
bool online_page(pfn_t pfn) MUST_CHECK;

/* Pages out of service, and those noted, of all zones. */
uint64_t nr_offline_pages(void);
uint64_t nr_noted_pages(void);

#endif
