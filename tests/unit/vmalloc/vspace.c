/*
 * The address-space allocator against the plainest model: one byte per page,
 * searched from the start.
 */

#include "mm/vspace.h"

#include "lib/string.h"
#include "tests/test.h"

#define SPACE_START	0x100000ull
#define NR_PAGES	1024u
#define NR_NODES	128u

static struct vspace space;
static struct vspace_node nodes[NR_NODES];
static uint8_t is_used[NR_PAGES];

static uint64_t page_of(uintptr_t va)
{
	return (va - SPACE_START) / PAGE_SIZE;
}

static void setup(void)
{
	memset(is_used, 0, sizeof(is_used));
	memset(nodes, 0, sizeof(nodes));
	vspace_init(&space, SPACE_START, SPACE_START + NR_PAGES * PAGE_SIZE);
}

static bool breaks(const char *rule)
{
	struct violation violation = { 0 };

	return !vspace_verify(&space, &violation) && strcmp(violation.rule, rule) == 0;
}

static void check_verifies(void)
{
	struct violation violation = { 0 };

	if (!vspace_verify(&space, &violation))
		test_fail(__FILE__, __LINE__, "%s broken at 0x%llx: %s", violation.rule,
			  (unsigned long long)violation.at, violation.condition);
}

static bool alloc_pages_of(struct vspace_node *node, uint64_t nr_pages, uint64_t align_pages)
{
	return vspace_alloc(&space, node, nr_pages * PAGE_SIZE, align_pages * PAGE_SIZE);
}

static bool model_is_free(uint64_t first, uint64_t nr_pages)
{
	for (uint64_t i = first; i < first + nr_pages; i++)
		if (is_used[i])
			return false;
	return true;
}

/* The lowest page where @nr_pages fit, or NR_PAGES. SPACE_START is aligned enough. */
static uint64_t model_lowest_fit(uint64_t nr_pages, uint64_t align_pages)
{
	for (uint64_t first = 0; first + nr_pages <= NR_PAGES; first += align_pages)
		if (model_is_free(first, nr_pages))
			return first;
	return NR_PAGES;
}

static void the_lowest_gap_that_fits_is_taken(void)
{
	setup();
	for (unsigned i = 0; i < 6; i++)
		CHECK(alloc_pages_of(&nodes[i], 4, 1));
	vspace_free(&space, &nodes[1]);
	vspace_free(&space, &nodes[3]);
	vspace_free(&space, &nodes[4]);
	CHECK(alloc_pages_of(&nodes[6], 5, 1));
	CHECK_EQ(page_of(nodes[6].start), 12);
	CHECK(alloc_pages_of(&nodes[7], 3, 1));
	CHECK_EQ(page_of(nodes[7].start), 4);
	CHECK(alloc_pages_of(&nodes[8], 2, 1));
	CHECK_EQ(page_of(nodes[8].start), 17);
	check_verifies();
}

static void the_whole_space_can_be_had_and_not_one_page_more(void)
{
	setup();
	CHECK(!alloc_pages_of(&nodes[0], NR_PAGES + 1, 1));
	CHECK(alloc_pages_of(&nodes[0], NR_PAGES, 1));
	CHECK_EQ(vspace_largest_gap(&space), 0);
	CHECK(!alloc_pages_of(&nodes[1], 1, 1));
	vspace_free(&space, &nodes[0]);
	CHECK_EQ(vspace_largest_gap(&space), NR_PAGES * PAGE_SIZE);
	check_verifies();
}

static void absurd_sizes_and_alignments_fail(void)
{
	setup();
	CHECK(!vspace_alloc(&space, &nodes[0], UINT64_MAX & ~(PAGE_SIZE - 1), PAGE_SIZE));
	CHECK(!vspace_alloc(&space, &nodes[0], UINT64_MAX & ~(PAGE_SIZE - 1), 1ull << 63));
	CHECK(!vspace_alloc(&space, &nodes[0], PAGE_SIZE, 1ull << 63));
	check_verifies();
}

static void alignment_is_kept(void)
{
	setup();
	CHECK(alloc_pages_of(&nodes[0], 1, 1));
	CHECK(alloc_pages_of(&nodes[1], 3, 64));
	CHECK_EQ(page_of(nodes[1].start), 64);
	CHECK(alloc_pages_of(&nodes[2], 63, 1));	/* the padding is usable */
	CHECK_EQ(page_of(nodes[2].start), 1);
	check_verifies();
}

static void an_aligned_request_finds_a_gap_that_just_fits(void)
{
	setup();
	CHECK(alloc_pages_of(&nodes[0], NR_PAGES, 1));
	vspace_free(&space, &nodes[0]);
	CHECK(alloc_pages_of(&nodes[0], 128, 1));
	CHECK(alloc_pages_of(&nodes[1], 64, 1));
	CHECK(alloc_pages_of(&nodes[2], NR_PAGES - 192, 1));
	vspace_free(&space, &nodes[1]);
	CHECK(alloc_pages_of(&nodes[3], 64, 64));
	CHECK_EQ(page_of(nodes[3].start), 128);
	check_verifies();
}

static void find_names_the_range_at_or_before_an_address(void)
{
	setup();
	CHECK(vspace_find(&space, SPACE_START) == NULL);
	CHECK(alloc_pages_of(&nodes[0], 2, 1));
	CHECK(alloc_pages_of(&nodes[1], 2, 8));
	CHECK(vspace_find(&space, SPACE_START - 1) == NULL);
	CHECK(vspace_find(&space, SPACE_START) == &nodes[0]);
	CHECK(vspace_find(&space, SPACE_START + 8 * PAGE_SIZE - 1) == &nodes[0]);
	CHECK(vspace_find(&space, SPACE_START + 8 * PAGE_SIZE) == &nodes[1]);
	CHECK(vspace_find(&space, UINTPTR_MAX) == &nodes[1]);
	CHECK(vspace_first(&space) == &nodes[0]);
}

static void mark_model(const struct vspace_node *node, uint8_t value)
{
	memset(is_used + page_of(node->start), value, page_of(node->end) - page_of(node->start));
}

/* Page-aligned requests must land exactly where the model puts them. */
static void alloc_like_model(struct vspace_node *node)
{
	uint64_t nr_pages = 1 + test_random_below(test_random_below(8) ? 8 : 96);
	uint64_t align_pages = test_random_below(4) ? 1 : 1ull << test_random_below(6);
	uint64_t expected = model_lowest_fit(nr_pages, align_pages);
	bool is_allocated = alloc_pages_of(node, nr_pages, align_pages);

	CHECK_EQ(is_allocated, expected != NR_PAGES);
	if (!is_allocated)
		return;
	CHECK_EQ(page_of(node->end) - page_of(node->start), nr_pages);
	CHECK_EQ(page_of(node->start) % align_pages, 0);
	CHECK(model_is_free(page_of(node->start), nr_pages));
	if (align_pages == 1)
		CHECK_EQ(page_of(node->start), expected);
	mark_model(node, 1);
}

static void random_operations_agree_with_the_model(void)
{
	setup();
	for (unsigned step = 0; step < 20000; step++) {
		struct vspace_node *node = &nodes[test_random_below(NR_NODES)];

		if (node->end) {
			mark_model(node, 0);
			vspace_free(&space, node);
		} else {
			alloc_like_model(node);
		}
		if (step % 16 == 0)
			check_verifies();
	}
	for (unsigned i = 0; i < NR_NODES; i++)
		if (nodes[i].end)
			vspace_free(&space, &nodes[i]);
	check_verifies();
	CHECK_EQ(space.nr_nodes, 0);
	CHECK_EQ(vspace_largest_gap(&space), NR_PAGES * PAGE_SIZE);
}

/* A tree of n nodes is at most 1.44 log2(n + 2) high: 11 for 128 and the head. */
static void ascending_and_descending_frees_keep_the_tree_flat(void)
{
	setup();
	for (unsigned i = 0; i < NR_NODES; i++)
		CHECK(alloc_pages_of(&nodes[i], 1, 1));
	CHECK(space.root->height <= 11);
	for (unsigned i = 0; i < NR_NODES / 2; i++)
		vspace_free(&space, &nodes[i]);
	check_verifies();
	for (unsigned i = NR_NODES; i-- > NR_NODES / 2;)
		vspace_free(&space, &nodes[i]);
	check_verifies();
}

static void setup_three(void)
{
	setup();
	for (unsigned i = 0; i < 3; i++)
		CHECK(alloc_pages_of(&nodes[i], 4, 8));
}

static void verify_notices_VSPACE_1(void)
{
	setup_three();
	nodes[1].end = nodes[2].start + PAGE_SIZE;
	CHECK(breaks("VSPACE-1"));
	setup_three();
	nodes[1].end = nodes[1].start + 1;
	CHECK(breaks("VSPACE-1"));
}

static void verify_notices_VSPACE_2(void)
{
	setup_three();
	nodes[0].next = &nodes[2];
	CHECK(breaks("VSPACE-2"));
	setup_three();
	nodes[2].parent = NULL;
	CHECK(breaks("VSPACE-2"));
}

static void verify_notices_VSPACE_3(void)
{
	setup_three();
	space.root->max_gap_bytes += PAGE_SIZE;
	CHECK(breaks("VSPACE-3"));
}

static void verify_notices_VSPACE_4(void)
{
	setup_three();
	space.root->height++;
	CHECK(breaks("VSPACE-4"));
}

static void verify_notices_VSPACE_5(void)
{
	setup_three();
	space.nr_nodes++;
	CHECK(breaks("VSPACE-5"));
	setup_three();
	space.used_bytes -= PAGE_SIZE;
	CHECK(breaks("VSPACE-5"));
}

static void broken_contracts_panic(void)
{
	setup_three();
	CHECK_PANICS("start < end", vspace_init(&space, PAGE_SIZE, PAGE_SIZE));
	setup_three();
	CHECK_PANICS("nr_bytes != 0", (void)!vspace_alloc(&space, &nodes[3], 0, PAGE_SIZE));
	CHECK_PANICS("is_aligned(nr_bytes, PAGE_SIZE)",
		     (void)!vspace_alloc(&space, &nodes[3], 100, PAGE_SIZE));
	CHECK_PANICS("is_power_of_two(align)",
		     (void)!vspace_alloc(&space, &nodes[3], PAGE_SIZE, 3 * PAGE_SIZE));
	CHECK_PANICS("align >= PAGE_SIZE", (void)!vspace_alloc(&space, &nodes[3], PAGE_SIZE, 64));
	vspace_free(&space, &nodes[1]);
	CHECK_PANICS("prev != NULL", vspace_free(&space, &nodes[1]));
}

static const struct test_case cases[] = {
	{ "the lowest gap that fits is taken", the_lowest_gap_that_fits_is_taken },
	{ "the whole space can be had and not one page more",
	  the_whole_space_can_be_had_and_not_one_page_more },
	{ "absurd sizes and alignments fail", absurd_sizes_and_alignments_fail },
	{ "alignment is kept", alignment_is_kept },
	{ "an aligned request finds a gap that just fits",
	  an_aligned_request_finds_a_gap_that_just_fits },
	{ "find names the range at or before an address",
	  find_names_the_range_at_or_before_an_address },
	{ "random operations agree with the model", random_operations_agree_with_the_model },
	{ "ascending and descending frees keep the tree flat",
	  ascending_and_descending_frees_keep_the_tree_flat },
	{ "verify notices VSPACE-1", verify_notices_VSPACE_1 },
	{ "verify notices VSPACE-2", verify_notices_VSPACE_2 },
	{ "verify notices VSPACE-3", verify_notices_VSPACE_3 },
	{ "verify notices VSPACE-4", verify_notices_VSPACE_4 },
	{ "verify notices VSPACE-5", verify_notices_VSPACE_5 },
	{ "broken contracts panic", broken_contracts_panic },
};

TEST_SUITE(vspace, cases);
