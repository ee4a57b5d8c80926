/*
 * build/host/frag_host [SEED]: how fragmented single pages leave memory.
 *
 * Model
 *   Of 4 GiB, 90 % are allocated as single pages, and of these a random half is
 *   freed. Then each of NR_ROUNDS rounds gives a random tenth of the live pages
 *   back and allocates as many again. What counts is the share of memory that
 *   lies in wholly free 2 MiB blocks, of the 55 % that is free; nothing is moved
 *   (compaction has no part in it). An allocator that gives the last freed page
 *   out first keeps the 10 % that were never touched.
 *
 *   In the first variant a round frees all of its pages before it allocates, in
 *   the second ("single") page after page, as LLFree's benchmark of the same
 *   name does: a stack of pages then gives back the very page that was freed.
 *
 * The stacks of the CPU are drained before blocks are counted: what lies there
 * is free, but no part of a block.
 */

#include <stdio.h>
#include <stdlib.h>

#include "mm/live.h"
#include "mm/page/grow.h"
#include "mm/page_alloc.h"
#include "tests/host/lib/slabstick.h"

#define ARENA_BYTES	((size_t)4 << 30)
#define NR_ROUNDS	100u
#define DEFAULT_SEED	1u
#define MAX_PAGES	(ARENA_BYTES / PAGE_SIZE)

static struct page *pages[MAX_PAGES];
static uint32_t nr_live;
static uint64_t random_state;

/* xorshift64*, as elsewhere; the high half is the better one. */
static uint32_t random_below(uint32_t bound)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)(((random_state * 0x2545f4914f6cdd1du >> 32) * bound) >> 32);
}

static void take_page(void)
{
	pages[nr_live] = alloc_page(GFP_KERNEL);
	if (!pages[nr_live++]) {
		fprintf(stderr, "frag_host: no page left\n");
		exit(2);
	}
}

static void free_random_page(void)
{
	uint32_t at = random_below(nr_live);

	__free_page(pages[at]);
	pages[at] = pages[--nr_live];
}

/* Of the memory there is, in hundredths of a per cent. */
static uint64_t share_of(uint64_t nr_pages)
{
	return nr_pages * 10000 / live.nr_usable_pages;
}

static uint64_t nr_pages_in_free_blocks(void)
{
	uint64_t nr_pages = 0;

	drain_all_pages();
	for_each_populated_zone(zone)
		for (unsigned order = PAGEBLOCK_ORDER; order < NR_ORDERS; order++)
			nr_pages += zone->free_area[order].nr_free << order;
	return nr_pages;
}

/* All of memory is on the lists from the start, or what waits would not be counted. */
static void bring_up_sections(void)
{
	for_each_populated_zone(zone)
		while (zone->nr_pending_pages > 0 && zone_grow(zone))
			;
}

static void start(uint64_t seed)
{
	if (!slabstick_start(ARENA_BYTES, 1))
		exit(2);
	bring_up_sections();
	random_state = seed;
	nr_live = 0;
	while (nr_live < live.nr_usable_pages / 10 * 9)
		take_page();
	for (uint32_t nr = nr_live / 2; nr > 0; nr--)
		free_random_page();
}

static void run_round_in_bulk(void)
{
	uint32_t nr = nr_live / 10;

	for (uint32_t i = 0; i < nr; i++)
		free_random_page();
	for (uint32_t i = 0; i < nr; i++)
		take_page();
}

static void run_round_singly(void)
{
	for (uint32_t nr = nr_live / 10; nr > 0; nr--) {
		free_random_page();
		take_page();
	}
}

static void print_share(const char *key, uint64_t share)
{
	printf(" %s=%llu.%02llu", key, (unsigned long long)(share / 100),
	       (unsigned long long)(share % 100));
}

static void run(const char *row, uint64_t seed, void (*run_round)(void))
{
	uint64_t first;

	start(seed);
	first = share_of(nr_pages_in_free_blocks());
	for (unsigned round = 0; round < NR_ROUNDS; round++)
		run_round();
	printf("@host row=%s allocator=ours", row);
	print_share("percent", share_of(nr_pages_in_free_blocks()));
	print_share("possible", share_of(live.nr_usable_pages - nr_live));
	print_share("before", first);
	printf(" rounds=%u seed=%llu\n", NR_ROUNDS, (unsigned long long)seed);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : DEFAULT_SEED;

	if (argc > 2 || seed == 0) {
		fprintf(stderr, "usage: frag_host [SEED], not 0\n");
		return 2;
	}
	run("frag", seed, run_round_in_bulk);
	run("frag-single", seed, run_round_singly);
	return 0;
}
