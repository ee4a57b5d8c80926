/* Chapter 12: many pages, one allocation; how its size is found again. */

#include "lib/align.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page/page_state.h"
#include "tests/lecture/lecture.h"

#define COMPOUND_ORDER	3u
#define COMPOUND_WIDTH	64u
#define HUGE_ORDER	9u	/* 2 MiB */
#define BEYOND_BYTES	20000u
#define ASKED_BYTES	40000u

/* What mem_map says of page @i of a block. */
static char letter_of(const struct page *page, unsigned i)
{
	if (page->type == PAGE_HEAD || page->type == PAGE_LARGE)
		return 'H';
	if (page->type == PAGE_TAIL)
		return "Tt"[i % 2];
	return page->type == PAGE_USER ? 'u' : '.';
}

/* The @nr_pages from @first on, each in the letter of its type. */
static void draw_block(const struct page *first, uint64_t nr_pages)
{
	char map[COMPOUND_WIDTH + 1];

	for (unsigned i = 0; i < COMPOUND_WIDTH; i++) {
		unsigned index = (unsigned)(i * nr_pages / COMPOUND_WIDTH);

		map[i] = letter_of(first + index, index);
	}
	map[COMPOUND_WIDTH] = '\0';
	say("    |%s|", map);
}

static void draw_compound(struct page *head)
{
	draw_block(head, pages_in(COMPOUND_ORDER));
	for (unsigned i = 0; i < pages_in(COMPOUND_ORDER); i++) {
		struct page *page = head + i;

		say("    frame 0x%llx  struct page 0x%llx  %-4s type %2u flags 0x%02x %s 0x%llx",
		    (ull)page_to_pfn(page), (ull)(uintptr_t)page,
		    page->type == PAGE_TAIL ? "tail" : "head", page->type, page->flags,
		    i ? "head ->" : "order ", i ? (ull)(uintptr_t)page->head : (ull)page->order);
	}
}

/* Without __GFP_COMP a block is its first page's: whoever frees it must know its size. */
static void show_plain_block(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, COMPOUND_ORDER);

	if (!page)
		return;
	say("Pages by what mem_map says of them: u first of a plain block, H head, t and T its "
	    "tails, . nothing.");
	step("alloc_pages(%u), a plain block: only its first page, frame 0x%llx, is marked",
	     COMPOUND_ORDER, (ull)page_to_pfn(page));
	draw_block(page, pages_in(COMPOUND_ORDER));
	say("    __free_pages(page, %u) must be told the order: the others do not know whose they "
	    "are", COMPOUND_ORDER);
	__free_pages(page, COMPOUND_ORDER);
}

/* Given a tail alone, twice: what it leads to, and what the last reference gives back. */
static void show_putting(struct page *head)
{
	struct page *last = head + pages_in(COMPOUND_ORDER) - 1;
	unsigned order = head->order;

	predict("put_page() is given the last tail, frame 0x%llx, no size: how much is freed?",
		(ull)page_to_pfn(last));
	step("frame 0x%llx is a tail: its head is 0x%llx, frame 0x%llx", (ull)page_to_pfn(last),
	     (ull)(uintptr_t)compound_head(last), (ull)page_to_pfn(compound_head(last)));
	step("the head's order is %u: 2^%u pages; it has %u reference%s", head->order, head->order,
	     page_users(head->refcount), plural(page_users(head->refcount)));
	get_page(last);
	step("get_page() of the tail: the head has %u", page_users(head->refcount));
	put_page(last);
	step("put_page() of the tail: the head has %u, and nothing is freed",
	     page_users(head->refcount));
	draw_block(head, pages_in(COMPOUND_ORDER));
	put_page(last);
	step("put_page() once more: the head has %u, its type is \"%s\", its flags are 0x%02x",
	     page_users(head->refcount), page_type_name((enum page_type)head->type), head->flags);
	draw_block(head, pages_in(COMPOUND_ORDER));
	reveal("all %llu pages: the tail led to the head, and the head knew its order.",
	       (ull)pages_in(order));
}

/* kmalloc beyond its caches: the same question, asked by kfree(). */
static void show_large(void)
{
	char *object = kmalloc(BEYOND_BYTES, GFP_KERNEL);
	struct page *page = object ? virt_to_page(object) : NULL;

	if (!page || page->type != PAGE_LARGE) {
		kfree(object);
		return;
	}
	predict("kmalloc(%u) gave 0x%llx. kfree() gets no size either: how much comes back?",
		BEYOND_BYTES, (ull)(uintptr_t)object);
	step("its frame 0x%llx is of type %u, \"%s\"; PG_compound is %s; order %u",
	     (ull)page_to_pfn(page), page->type, page_type_name((enum page_type)page->type),
	     page->flags & PAGE_COMPOUND ? "set" : "NOT set", page->order);
	draw_block(page, pages_in(page->order));
	reveal("%llu bytes: %llu pages, of which it had asked for %llu.", (ull)ksize(object),
	       (ull)pages_in(page->order), (ull)bytes_to_pages(BEYOND_BYTES));
	kfree(object);
}

static void show_compound(struct page *head)
{
	step("alloc_pages(__GFP_COMP, %u): the head has PG_compound, flag 0x%02x, each tail its "
	     "head's address", COMPOUND_ORDER, PAGE_COMPOUND);
	draw_compound(head);
	show_putting(head);
}

/* Counted in mem_map, which may end behind the block; 0: no memory. */
static unsigned tails_of(size_t bytes)
{
	void *object = kmalloc(bytes, GFP_KERNEL);
	const struct page *head = object ? virt_to_page(object) : NULL;
	unsigned nr = 0;

	while (head && nr + 1 < pages_in(head->order) && head[nr + 1].type == PAGE_TAIL &&
	       head[nr + 1].head == head)
		nr++;
	kfree(object);
	return nr;
}

void compound_show(void)
{
	struct page *head;

	claim("a block of many pages is one allocation when its pages are linked: a head and its "
	      "tails.");
	show_plain_block();
	head = alloc_pages(GFP_KERNEL | __GFP_COMP, COMPOUND_ORDER);
	if (head)
		show_compound(head);
	else
		say("no block to be had");
	show_large();
	wrong("a block must be contiguous, and in a machine that has run for long none may be "
	      "left.");
	exercise(tails_of(ASKED_BYTES), "tails", "kmalloc(%u): how many tails has its block?",
		 ASKED_BYTES);
	exercise((live.nr_usable_pages >> HUGE_ORDER) * (pages_in(HUGE_ORDER) - 1), "tails",
		 "this machine's %llu pages in compound pages of %llu MiB, as many as there can "
		 "be: how many tails?", (ull)live.nr_usable_pages,
		 (ull)(PAGE_SIZE << HUGE_ORDER >> 20));
}
