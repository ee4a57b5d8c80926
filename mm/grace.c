/*
 * Grace periods by counting.
 *
 * Model
 *   One counter of periods begun. A CPU that is quiescent copies it to its own
 *   word. Period n has passed when no word in use is below n.
 *
 * Invariants
 *   GRACE-1  a CPU's word never decreases and never exceeds the counter
 *
 * Locking
 *   None. The counter is increased with full ordering: what was unlinked before
 *   grace_begin() is seen unlinked by a CPU that copies the new value.
 */

#include "mm/grace.h"

#include "mm/page_alloc.h"

/* By CPU, in pages of words: a table of MAX_CPUS words would weigh on every image. */
#define WORDS_PER_PAGE	(PAGE_SIZE / sizeof(uint64_t))
#define NR_WORD_PAGES	(MAX_CPUS / WORDS_PER_PAGE)

static uint64_t nr_begun;
static uint64_t *words[NR_WORD_PAGES];	/* 0 in a word: the CPU takes no part */

void grace_init(void)
{
	for (unsigned i = 0; i < NR_WORD_PAGES; i++)
		words[i] = NULL;	/* of the machine before, whose memory is gone */
	nr_begun = 1;
}

static uint64_t *word_page(unsigned i)
{
	return __atomic_load_n(&words[i], __ATOMIC_ACQUIRE);
}

static uint64_t *make_word_page(unsigned i)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	uint64_t *expected = NULL;

	if (!page)
		mm_port_panic(__FILE__, __LINE__, "no page for the grace periods of CPU %u",
			      mm_port_cpu());
	if (__atomic_compare_exchange_n(&words[i], &expected, (uint64_t *)page_address(page), false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return page_address(page);
	__free_page(page);
	return expected;
}

void grace_cpu_start(void)
{
	unsigned cpu = mm_port_cpu();
	uint64_t *page = word_page(cpu / WORDS_PER_PAGE);

	if (!page)
		page = make_word_page(cpu / WORDS_PER_PAGE);
	__atomic_store_n(&page[cpu % WORDS_PER_PAGE], __atomic_load_n(&nr_begun, __ATOMIC_ACQUIRE),
			 __ATOMIC_SEQ_CST);
}

void grace_cpu_stop(void)
{
	unsigned cpu = mm_port_cpu();
	uint64_t *page = word_page(cpu / WORDS_PER_PAGE);

	if (page)
		__atomic_store_n(&page[cpu % WORDS_PER_PAGE], 0, __ATOMIC_RELEASE);
}

void grace_note_quiescent(void)
{
	unsigned cpu = mm_port_cpu();
	uint64_t *page = word_page(cpu / WORDS_PER_PAGE);

	if (!page || __atomic_load_n(&page[cpu % WORDS_PER_PAGE], __ATOMIC_RELAXED) == 0)
		return;
	/* Release: this CPU's reads of what may be freed are over. */
	__atomic_store_n(&page[cpu % WORDS_PER_PAGE], __atomic_load_n(&nr_begun, __ATOMIC_ACQUIRE),
			 __ATOMIC_RELEASE);
}

uint64_t grace_begin(void)
{
	return __atomic_add_fetch(&nr_begun, 1, __ATOMIC_SEQ_CST);
}

static bool has_page_passed(const uint64_t *page, uint64_t number)
{
	for (unsigned i = 0; i < WORDS_PER_PAGE; i++) {
		uint64_t word = __atomic_load_n(&page[i], __ATOMIC_ACQUIRE);

		if (word != 0 && word < number)
			return false;
	}
	return true;
}

bool grace_has_passed(uint64_t number)
{
	for (unsigned i = 0; i < NR_WORD_PAGES; i++) {
		const uint64_t *page = word_page(i);

		if (page && !has_page_passed(page, number))
			return false;
	}
	return true;
}
