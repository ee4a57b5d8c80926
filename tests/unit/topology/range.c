/*
 * Lists of ranges: examples, settling and retyping against a model that knows
 * the type of every page, one breach per rule.
 */

#include "mm/range.h"

#include "lib/string.h"
#include "mm/assert.h"
#include "tests/test.h"

#define KIB(n)		((uint64_t)(n) << 10)
#define NR_RANGES	24u
#define NR_PAGES	64u
#define NOTHING		NR_MEM_TYPES

static struct mem_range list[2 * NR_RANGES + 8], settled[2 * NR_RANGES + 8];
static uint32_t heap[NR_RANGES];
static uint32_t nr_settled;

static struct mem_range range(uint64_t start, uint64_t end, enum mem_type type)
{
	return (struct mem_range){ .start = start, .end = end, .type = type };
}

static bool settle(uint32_t nr)
{
	range_sort(list, nr);
	return range_settle(list, nr, heap, settled, ARRAY_SIZE(settled), &nr_settled) == STATUS_OK;
}

static bool is_range(uint32_t index, uint64_t start, uint64_t end, enum mem_type type)
{
	return index < nr_settled && settled[index].start == start && settled[index].end == end &&
	       settled[index].type == type;
}

static void unsorted_ranges_are_sorted_and_merged(void)
{
	list[0] = range(KIB(16), KIB(20), MEM_USABLE);
	list[1] = range(KIB(8), KIB(16), MEM_USABLE);
	list[2] = range(KIB(0), KIB(4), MEM_RESERVED);
	CHECK(settle(3));
	CHECK_EQ(nr_settled, 2);
	CHECK(is_range(0, KIB(0), KIB(4), MEM_RESERVED));
	CHECK(is_range(1, KIB(8), KIB(20), MEM_USABLE));
}

static void what_is_not_usable_wins(void)
{
	list[0] = range(KIB(0), KIB(64), MEM_USABLE);
	list[1] = range(KIB(16), KIB(32), MEM_RESERVED);
	list[2] = range(KIB(24), KIB(40), MEM_MMIO);
	CHECK(settle(3));
	CHECK_EQ(nr_settled, 4);
	CHECK(is_range(0, KIB(0), KIB(16), MEM_USABLE));
	CHECK(is_range(1, KIB(16), KIB(32), MEM_RESERVED));
	CHECK(is_range(2, KIB(32), KIB(40), MEM_MMIO));
	CHECK(is_range(3, KIB(40), KIB(64), MEM_USABLE));
}

static void what_the_kernel_holds_is_not_usable(void)
{
	list[0] = range(KIB(0), KIB(64), MEM_USABLE);
	list[1] = range(KIB(16), KIB(32), MEM_KERNEL);
	list[2] = range(KIB(24), KIB(40), MEM_LOW);
	list[3] = range(KIB(12), KIB(20), MEM_USABLE);
	CHECK(settle(4));
	CHECK_EQ(nr_settled, 4);
	CHECK(is_range(0, KIB(0), KIB(16), MEM_USABLE));
	CHECK(is_range(1, KIB(16), KIB(32), MEM_KERNEL));
	CHECK(is_range(2, KIB(32), KIB(40), MEM_LOW));
	CHECK(is_range(3, KIB(40), KIB(64), MEM_USABLE));
}

static void settling_needs_room_for_twice_as_many(void)
{
	list[0] = range(0, KIB(4), MEM_USABLE);
	list[1] = range(KIB(4), KIB(8), MEM_MMIO);
	CHECK_EQ(range_settle(list, 2, heap, settled, 3, &nr_settled), STATUS_TOO_MANY);
	CHECK_EQ(range_settle(list, 0, heap, settled, 0, &nr_settled), STATUS_OK);
	CHECK_EQ(nr_settled, 0);
}

static void usable_shrinks_and_the_rest_grows(void)
{
	list[0] = range(KIB(4) + 1, KIB(16) - 1, MEM_USABLE);	/* one whole page */
	list[1] = range(KIB(16) + 1, KIB(20) - 1, MEM_USABLE);	/* none */
	list[2] = range(KIB(24) + 1, KIB(24) + 2, MEM_RESERVED);
	list[3] = range(UINT64_MAX - 5, UINT64_MAX, MEM_USABLE);
	list[4] = range(UINT64_MAX - 8191, UINT64_MAX, MEM_MMIO);
	CHECK_EQ(range_align(list, 5), 3);
	CHECK_EQ(list[0].start, KIB(8));
	CHECK_EQ(list[1].start, KIB(24));
	CHECK_EQ(list[1].end, KIB(28));
	CHECK_EQ(list[2].end, UINT64_MAX - 4095);
}

static void retyping_splits_at_the_edges(void)
{
	nr_settled = 1;
	settled[0] = range(0, KIB(64), MEM_USABLE);
	CHECK_EQ(range_retype(settled, &nr_settled, 2, KIB(8), KIB(16), MEM_USABLE, MEM_KERNEL),
		 STATUS_TOO_MANY);
	CHECK_EQ(nr_settled, 1);
	CHECK_EQ(range_retype(settled, &nr_settled, 3, KIB(8), KIB(16), MEM_USABLE, MEM_KERNEL),
		 STATUS_OK);
	CHECK(is_range(0, 0, KIB(8), MEM_USABLE));
	CHECK(is_range(1, KIB(8), KIB(16), MEM_KERNEL));
	CHECK(is_range(2, KIB(16), KIB(64), MEM_USABLE));
	/* Only what has the type changes. */
	CHECK_EQ(range_retype(settled, &nr_settled, 3, 0, KIB(64), MEM_USABLE, MEM_LOW), STATUS_OK);
	CHECK(is_range(1, KIB(8), KIB(16), MEM_KERNEL));
	CHECK(is_range(2, KIB(16), KIB(64), MEM_LOW));
	CHECK_EQ(range_bytes_of(settled, nr_settled, MEM_LOW), KIB(56));
}

/* ---- The model: one type per page ---- */

static enum mem_type model[NR_PAGES];

static unsigned model_rank(enum mem_type type)
{
	if (type == NOTHING || type == MEM_USABLE)
		return type == NOTHING ? 0 : 1;
	return type == MEM_LOW ? 2 : 3 + (unsigned)type;
}

static void model_claim(const struct mem_range *claim)
{
	for (uint64_t page = claim->start >> 12; page < claim->end >> 12; page++)
		if (model_rank(claim->type) > model_rank(model[page]))
			model[page] = claim->type;
}

static bool matches_model(void)
{
	enum mem_type got[NR_PAGES];

	for (unsigned i = 0; i < NR_PAGES; i++)
		got[i] = NOTHING;
	for (uint32_t i = 0; i < nr_settled; i++)
		for (uint64_t page = settled[i].start >> 12; page < settled[i].end >> 12; page++)
			got[page] = settled[i].type;
	return memcmp(got, model, sizeof(got)) == 0;
}

static enum mem_type random_type(void)
{
	static const enum mem_type types[] = { MEM_USABLE, MEM_RESERVED, MEM_ACPI_NVS, MEM_MMIO };

	return types[test_random_below(ARRAY_SIZE(types))];
}

static void make_random_list(uint32_t nr)
{
	for (unsigned i = 0; i < NR_PAGES; i++)
		model[i] = NOTHING;
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t start = test_random_below(NR_PAGES - 1);
		uint64_t end = start + 1 + test_random_below(NR_PAGES - start - 1);

		list[i] = range(start << 12, end << 12, random_type());
		model_claim(&list[i]);
	}
}

static void retype_in_model(uint64_t start, uint64_t end, enum mem_type from, enum mem_type to)
{
	for (uint64_t page = start; page < end; page++)
		if (model[page] == from)
			model[page] = to;
}

static void random_lists_agree_with_the_model(void)
{
	for (unsigned round = 0; round < 300; round++) {
		struct violation violation = { "", "", 0 };
		uint32_t nr = (uint32_t)test_random_below(NR_RANGES + 1);
		uint64_t start = test_random_below(NR_PAGES), end = test_random_below(NR_PAGES);

		make_random_list(nr);
		CHECK(settle(nr));
		CHECK(range_verify(settled, nr_settled, &violation));
		CHECK(matches_model());
		retype_in_model(start, end, MEM_USABLE, MEM_KERNEL);
		CHECK_EQ(range_retype(settled, &nr_settled, ARRAY_SIZE(settled), start << 12,
				      end << 12, MEM_USABLE, MEM_KERNEL),
			 STATUS_OK);
		nr_settled = range_merge(settled, nr_settled);
		CHECK(range_verify(settled, nr_settled, &violation));
		CHECK(matches_model());
	}
}

/* ---- A breach per rule ---- */

static void setup(void)
{
	list[0] = range(KIB(0), KIB(16), MEM_USABLE);
	list[1] = range(KIB(16), KIB(32), MEM_MMIO);
	list[2] = range(KIB(40), KIB(64), MEM_USABLE);
	CHECK(settle(3));
}

static bool breaks(const char *rule)
{
	struct violation violation = { "", "", 0 };

	return !range_verify(settled, nr_settled, &violation) && strcmp(violation.rule, rule) == 0;
}

static void verify_notices_RANGE_1(void)
{
	setup();
	settled[2] = range(KIB(8), KIB(12), MEM_USABLE);
	CHECK(breaks("RANGE-1"));
}

static void verify_notices_RANGE_2(void)
{
	setup();
	settled[1].end = KIB(44);
	CHECK(breaks("RANGE-2"));
}

static void verify_notices_RANGE_3(void)
{
	setup();
	settled[1].end--;
	CHECK(breaks("RANGE-3"));
}

static void verify_notices_RANGE_4(void)
{
	setup();
	settled[1].end = settled[1].start;
	CHECK(breaks("RANGE-4"));
}

static void verify_notices_RANGE_5(void)
{
	setup();
	settled[1].type = MEM_USABLE;
	CHECK(breaks("RANGE-5"));
}

static void retyping_to_the_same_type_panics(void)
{
	setup();
	CHECK_PANICS("from != to",
		     (void)!range_retype(settled, &nr_settled, 8, 0, KIB(4), MEM_LOW, MEM_LOW));
}

static const struct test_case cases[] = {
	{ "unsorted ranges are sorted and merged", unsorted_ranges_are_sorted_and_merged },
	{ "what is not usable wins", what_is_not_usable_wins },
	{ "what the kernel holds is not usable", what_the_kernel_holds_is_not_usable },
	{ "settling needs room for twice as many", settling_needs_room_for_twice_as_many },
	{ "usable shrinks and the rest grows", usable_shrinks_and_the_rest_grows },
	{ "retyping splits at the edges", retyping_splits_at_the_edges },
	{ "random lists agree with the model", random_lists_agree_with_the_model },
	{ "verify notices RANGE-1", verify_notices_RANGE_1 },
	{ "verify notices RANGE-2", verify_notices_RANGE_2 },
	{ "verify notices RANGE-3", verify_notices_RANGE_3 },
	{ "verify notices RANGE-4", verify_notices_RANGE_4 },
	{ "verify notices RANGE-5", verify_notices_RANGE_5 },
	{ "retyping to the same type panics", retyping_to_the_same_type_panics },
};

TEST_SUITE(range, cases);
