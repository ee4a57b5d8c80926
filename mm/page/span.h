#ifndef MM_SPAN_H
#define MM_SPAN_H

/* Runs of pages, half-open. */

#include "lib/align.h"
#include "mm/types.h"

/* Pages [start_pfn, end_pfn). */
struct pfn_span {
	pfn_t start_pfn;
	pfn_t end_pfn;
};

static inline uint64_t span_pages(struct pfn_span span)
{
	return span.end_pfn - span.start_pfn;
}

static inline bool span_is_empty(struct pfn_span span)
{
	return span.start_pfn == span.end_pfn;
}

/* What is in both; empty if nothing is. */
static inline struct pfn_span span_intersect(struct pfn_span a, struct pfn_span b)
{
	struct pfn_span both = { max_u64(a.start_pfn, b.start_pfn),
				 min_u64(a.end_pfn, b.end_pfn) };

	if (both.start_pfn >= both.end_pfn)
		both.end_pfn = both.start_pfn;
	return both;
}

/* For the parts of @span before and behind @hole, those that are not empty. */
#define for_each_rest(rest, span, hole)							\
	for (struct pfn_span rest##_parts[2] = {					\
		     span_intersect(span, (struct pfn_span){ 0, (hole).start_pfn }),	\
		     span_intersect(span, (struct pfn_span){ (hole).end_pfn, PFN_NONE }) }, \
		     *rest = rest##_parts; rest < rest##_parts + 2; rest++)		\
		if (!span_is_empty(*rest))

#endif
