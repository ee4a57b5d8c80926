/* What the pages of the live system are for, as others ask it. */

#include "mm/page_use.h"

#include "mm/kmalloc.h"
#include "mm/page.h"
#include "mm/page_alloc.h"
#include "tests/test.h"

static enum page_use use_of(pfn_t pfn)
{
	enum page_use use;

	CHECK(mm_page_use(pfn, &use) >= 1);
	return use;
}

static void every_page_of_a_block_says_what_the_block_is_for(void)
{
	struct page *page = alloc_pages_any(GFP_KERNEL, 4);
	pfn_t pfn = page_to_pfn(page);
	enum page_use use;

	CHECK_EQ(mm_page_use(pfn, &use), 16);
	CHECK_EQ(use, USE_USER);
	CHECK_EQ(mm_page_use(pfn + 5, &use), 11);
	CHECK_EQ(use, USE_USER);
	page_set_type(page, PAGE_VMALLOC);
	CHECK_EQ(use_of(pfn + 15), USE_VMALLOC);
	page_set_type(page, PAGE_TABLE);
	CHECK_EQ(use_of(pfn), USE_TABLES);
	page_set_type(page, PAGE_USER);
	__free_pages(page, 4);
	CHECK(use_of(pfn) >= USE_FREE_PENDING && use_of(pfn) <= USE_STACKS);
}

static void compound_pages_answer_from_their_tails(void)
{
	struct page *page = alloc_pages_any(GFP_KERNEL | __GFP_COMP, 3);
	enum page_use use;

	CHECK_EQ(mm_page_use(page_to_pfn(page) + 3, &use), 5);
	CHECK_EQ(use, USE_USER);
	__free_pages(page, 3);
}

static void objects_are_slab_or_large(void)
{
	void *object = kmalloc(100, GFP_KERNEL);
	void *large = kmalloc(100 * PAGE_SIZE, GFP_KERNEL);

	CHECK_EQ(use_of(page_to_pfn(virt_to_page(object))), USE_SLAB);
	CHECK_EQ(use_of(page_to_pfn(virt_to_page(large)) + 77), USE_LARGE);
	kfree(large);
	kfree(object);
}

static void memory_that_nobody_has_is_the_kernels(void)
{
	CHECK_EQ(use_of(UINT64_MAX >> 13), USE_KERNEL);
}

static const struct test_case cases[] = {
	{"every page of a block says what the block is for",
	 every_page_of_a_block_says_what_the_block_is_for},
	{"compound pages answer from their tails", compound_pages_answer_from_their_tails},
	{"objects are slab or large", objects_are_slab_or_large},
	{"memory that nobody has is the kernel's", memory_that_nobody_has_is_the_kernels},
};

TEST_SUITE(page_use, cases);
