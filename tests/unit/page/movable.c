/* Movable pages: owners, pins, and what one move does to its two blocks. */

#include "mm/page/movable.h"
#include "mm/page/movable_owner.h"

#include "lib/string.h"
#include "mm/live.h"
#include "mm/page/page_state.h"
#include "mm/page_alloc.h"
#include "tests/test.h"

#define ORDER		1u
#define MAX_REGISTERED	64u

enum answer { MOVE_IT, REFUSE, FREE_AND_REFUSE };

static enum answer answer;
static unsigned nr_calls;
static struct page *block, *target;	/* what the owner has; and where it may go */
static uint16_t owner_index;

static bool migrate(struct page *from, struct page *to, void *arg)
{
	CHECK(arg == &nr_calls);
	CHECK(from == block);
	CHECK(to == target);
	CHECK_EQ(from->refcount, 2);
	CHECK_EQ(to->refcount, 2);
	CHECK(!movable_pin(from));	/* nobody else gets hold of either */
	CHECK(!movable_pin(to));
	CHECK_EQ(to->type, PAGE_MOVABLE);
	nr_calls++;
	if (answer == MOVE_IT)
		block = to;
	if (answer == FREE_AND_REFUSE)
		put_page(from);
	return answer == MOVE_IT;
}

static const struct movable_owner owner = { "mover", migrate, &nr_calls };

static bool setup(void)
{
	nr_calls = 0;
	owner_index = register_movable_owner(&owner);
	CHECK(owner_index != 0);
	block = alloc_pages(GFP_KERNEL | __GFP_MOVABLE, ORDER);
	target = alloc_pages(GFP_KERNEL | __GFP_MOVABLE, ORDER);
	if (!block || !target)
		return false;
	page_set_owner(block, owner_index);
	block->caller = 0x1234;
	return true;
}

static void teardown(void)
{
	if (block)
		__free_pages(block, ORDER);
	unregister_movable_owner(owner_index);
}

static void a_move_leaves_the_target_to_the_owner(void)
{
	struct page *from;

	if (!setup())
		SKIP("no memory");
	answer = MOVE_IT;
	from = block;
	CHECK(movable_pin(block));
	CHECK(movable_migrate(block, target));
	CHECK_EQ(nr_calls, 1);
	CHECK(block == target);
	CHECK_EQ(block->type, PAGE_MOVABLE);
	CHECK_EQ(block->owner, owner_index);
	CHECK_EQ(block->refcount, 1);
	CHECK_EQ(block->caller, 0x1234);
	CHECK(from->type != PAGE_MOVABLE);
	CHECK_EQ(from->refcount, 0);
	CHECK_EQ(from->owner, 0);
	teardown();
}

static void a_refusal_leaves_both_as_they_were(void)
{
	if (!setup())
		SKIP("no memory");
	answer = REFUSE;
	CHECK(movable_pin(block));
	CHECK(!movable_migrate(block, target));
	CHECK_EQ(block->refcount, 1);
	CHECK_EQ(block->type, PAGE_MOVABLE);
	CHECK_EQ(target->refcount, 1);
	CHECK_EQ(target->type, PAGE_USER);
	CHECK_EQ(target->owner, 0);
	CHECK(movable_pin(block));	/* another time, perhaps */
	movable_unpin(block);
	__free_pages(target, ORDER);
	teardown();
}

/* A pinned block that its owner frees is not reused before the pin goes. */
static void an_owner_may_free_what_is_being_moved(void)
{
	struct page *from;

	if (!setup())
		SKIP("no memory");
	answer = FREE_AND_REFUSE;
	from = block;
	CHECK(movable_pin(from));
	CHECK(!movable_migrate(from, target));
	CHECK_EQ(from->refcount, 0);
	CHECK(from->type != PAGE_MOVABLE);
	__free_pages(target, ORDER);
	block = NULL;
	teardown();
}

static void only_movable_blocks_without_other_users_are_pinned(void)
{
	if (!setup())
		SKIP("no memory");
	CHECK(!movable_pin(target));
	CHECK(movable_pin(block));
	CHECK_EQ(block->refcount, 2);
	CHECK(!movable_pin(block));
	movable_unpin(block);
	CHECK_EQ(block->refcount, 1);
	page_set_owner(block, 0);
	CHECK(!movable_pin(block));
	CHECK_EQ(block->type, PAGE_USER);
	__free_pages(target, ORDER);
	teardown();
}

/* Between pin and move the owner takes its mark off, or frees all but the first page. */
static void a_block_that_is_not_what_it_was_stays(void)
{
	struct page *small;

	if (!setup())
		SKIP("no memory");
	answer = MOVE_IT;
	CHECK(movable_pin(block));
	__atomic_store_n(&block->owner, 0, __ATOMIC_RELAXED);
	CHECK(!movable_migrate(block, target));
	CHECK_EQ(block->refcount, 1);
	CHECK_EQ(target->type, PAGE_USER);
	page_set_owner(block, owner_index);
	small = alloc_pages(GFP_KERNEL | __GFP_MOVABLE, 0);
	if (small) {
		CHECK(movable_pin(block));
		CHECK(!movable_migrate(block, small));
		CHECK_EQ(block->refcount, 1);
		__free_pages(small, 0);
	}
	CHECK_EQ(nr_calls, 0);
	__free_pages(target, ORDER);
	teardown();
}

static void the_table_of_owners_is_bounded_and_reused(void)
{
	uint16_t indices[MAX_REGISTERED];
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned nr = 0;
	uint16_t again;

	while (nr < MAX_REGISTERED) {
		indices[nr] = register_movable_owner(&owner);
		if (indices[nr] == 0)
			break;
		nr++;
	}
	CHECK(nr >= 16);
	CHECK(nr < MAX_REGISTERED);
	if (nr < 2 || !page)
		return;
	page_set_owner(page, indices[nr - 1]);	/* the last is as good as any */
	CHECK(strcmp(movable_owner_name(page), "mover") == 0);
	__free_page(page);
	CHECK(indices[1] != indices[0]);
	unregister_movable_owner(indices[1]);
	again = register_movable_owner(&owner);
	CHECK_EQ(again, indices[1]);
	for (unsigned i = 0; i < nr; i++)
		unregister_movable_owner(indices[i]);
}

static void reports_name_the_owner(void)
{
	if (!setup())
		SKIP("no memory");
	CHECK(strcmp(movable_owner_name(block), "mover") == 0);
	CHECK(strcmp(movable_owner_name(target), "none") == 0);
	__free_pages(target, ORDER);
	teardown();
}

static void owners_must_be_registered(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct movable_owner none = { "none", NULL, NULL };

	CHECK_PANICS("owner->migrate", register_movable_owner(&none));
	CHECK_PANICS("movable_owner_at(index)", page_set_owner(page, 31));
	CHECK_PANICS("index <= MAX_OWNERS", page_set_owner(page, 33));
	CHECK_PANICS("index >= 1", unregister_movable_owner(0));
	CHECK_PANICS("index <= MAX_OWNERS", unregister_movable_owner(33));
	page_set_type(page, PAGE_TABLE);
	CHECK_PANICS("page->type == PAGE_USER", page_set_owner(page, 0));
	page_set_type(page, PAGE_USER);
	__free_page(page);
	CHECK_PANICS("refcount != 0", page_set_owner(page, 0));
}

static void moves_need_a_pin_and_a_plain_target(void)
{
	if (!setup())
		SKIP("no memory");
	CHECK(movable_pin(block));
	get_page(target);
	CHECK_PANICS("page_users(to->refcount) == 1", (void)!movable_migrate(block, target));
	put_page(target);
	page_set_owner(target, owner_index);
	CHECK_PANICS("to->type == PAGE_USER", (void)!movable_migrate(block, target));
	page_set_owner(target, 0);
	movable_unpin(block);
	__free_pages(target, ORDER);
	teardown();
}

static bool breaks(struct page *page, const char *rule)
{
	struct violation violation = { .rule = "none" };

	return !page_verify_block(page, page_to_pfn(page), &violation) &&
	       strcmp(violation.rule, rule) == 0;
}

static void verify_notices_MOVABLE_1(void)
{
	struct violation violation;

	if (!setup())
		SKIP("no memory");
	CHECK(page_verify_block(block, page_to_pfn(block), &violation));
	target->owner = 1;
	CHECK(breaks(target, "MOVABLE-1"));
	target->owner = 0;
	block->owner = 0;
	CHECK(breaks(block, "MOVABLE-1"));
	block->owner = owner_index;
	__free_pages(target, ORDER);
	teardown();
}

static const struct test_case cases[] = {
	{ "a move leaves the target to the owner", a_move_leaves_the_target_to_the_owner },
	{ "a refusal leaves both as they were", a_refusal_leaves_both_as_they_were },
	{ "an owner may free what is being moved", an_owner_may_free_what_is_being_moved },
	{ "only movable blocks without other users are pinned",
	  only_movable_blocks_without_other_users_are_pinned },
	{ "a block that is not what it was stays", a_block_that_is_not_what_it_was_stays },
	{ "the table of owners is bounded and reused", the_table_of_owners_is_bounded_and_reused },
	{ "reports name the owner", reports_name_the_owner },
	{ "owners must be registered", owners_must_be_registered },
	{ "moves need a pin and a plain target", moves_need_a_pin_and_a_plain_target },
	{ "verify notices MOVABLE-1", verify_notices_MOVABLE_1 },
};

TEST_SUITE(movable, cases);
