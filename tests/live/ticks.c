/*
 * Handlers that allocate: what a kernel's timer, network and disk interrupts do to mm.
 *
 * Model
 *   A tick picks a kind of allocation at random, takes one, writes stamps to both ends of
 *   it, and looks at those and gives it back: at once, or a random number of ticks later
 *   when it may keep some. What another CPU's handler took it frees now and then, and areas
 *   that threads leave it.
 *
 * Bounds
 *   A handler that needs longer than its CPU has between two ticks would leave nothing for
 *   the thread: after each it does nothing for as long as it took.
 *
 * Locking
 *   None: what is a CPU's is its handler's, and the thread's while all are quiet. Then the
 *   other CPUs stay in their handlers, and so hold no lock and change nothing; they answer
 *   flushes by mm_port_spin_hint(). An idle CPU that went on would empty its stacks when it
 *   has been asked to, at every interrupt, under the eyes of the verifier.
 */

#include "tests/live/ticks.h"

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "lib/align.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"
#include "tests/test.h"

#define GFP_TICK	(GFP_ATOMIC | __GFP_NOWARN | __GFP_NO_INJECTION)
#define NR_PLACES	48u
#define NR_MAILBOXES	8u
#define NR_AREAS	8u
#define NR_BULK		8u
#define OBJECT_BYTES	168u
#define MAX_TICK_BYTES	(32u << 10)
#define RUN_MS		10000u

enum kind { KIND_NONE, KIND_PAGES, KIND_SIZE, KIND_OBJECT, NR_KINDS };

struct taken {
	enum kind kind;
	unsigned order;
	size_t bytes;
	uint64_t stamp;
	void *at;
};

struct tick_cpu {
	uint64_t random;
	uint64_t rests_until_ns;
	bool is_parked;
	struct tick_totals did;
	struct taken places[NR_PLACES];
} __attribute__((aligned(CACHE_LINE_BYTES)));

static struct {
	struct tick_cpu *cpus;		/* NULL: no ticks */
	unsigned nr_cpus;
	unsigned hz;
	struct kmem_cache *cache;
	unsigned nr_quiet;		/* how often it is wanted, by one thread */
	unsigned quiet_cpu;		/* where that thread runs */
	bool keeps;
	bool is_paused;
	void *objects[NR_MAILBOXES];	/* of the cache: taken on one CPU, freed on any */
	void *areas[NR_AREAS];
} ticks;

static uint64_t draw(struct tick_cpu *cpu)
{
	uint64_t x = cpu->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	cpu->random = x;
	return (x * 0x2545f4914f6cdd1dull) >> 16;
}

/* ---- One allocation ---- */

static void stamp(const struct taken *taken)
{
	uint64_t *words = taken->at;

	words[0] = taken->stamp;
	words[taken->bytes / sizeof(uint64_t) - 1] = taken->stamp;
}

static bool is_intact(const struct taken *taken)
{
	const uint64_t *words = taken->at;

	return words[0] == taken->stamp &&
	       words[taken->bytes / sizeof(uint64_t) - 1] == taken->stamp;
}

static void take(struct tick_cpu *cpu, struct taken *taken)
{
	taken->kind = (enum kind)(1 + draw(cpu) % (NR_KINDS - 1));
	taken->order = 0;
	if (taken->kind == KIND_PAGES) {
		/* Now and then 2 MiB. */
		taken->order = draw(cpu) % 64 ? (unsigned)(draw(cpu) % 5) : PAGEBLOCK_ORDER;
		taken->bytes = PAGE_SIZE << taken->order;
		taken->at = (void *)__get_free_pages(GFP_TICK, taken->order);
	} else if (taken->kind == KIND_SIZE) {
		uint64_t scale = (uint64_t)MAX_TICK_BYTES >> draw(cpu) % 13;

		taken->bytes = align_up(scale / 2 + draw(cpu) % (scale / 2 + 1), sizeof(uint64_t));
		taken->at = kmalloc(taken->bytes, GFP_TICK);
	} else {
		taken->bytes = OBJECT_BYTES;
		taken->at = kmem_cache_alloc(ticks.cache, GFP_TICK);
	}
	cpu->did.nr_taken++;
	cpu->did.nr_refused += !taken->at;
	if (!taken->at) {
		taken->kind = KIND_NONE;
		return;
	}
	taken->stamp = draw(cpu);
	stamp(taken);
}

static void give(struct tick_cpu *cpu, struct taken *taken)
{
	cpu->did.nr_broken += !is_intact(taken);
	if (taken->kind == KIND_PAGES)
		free_pages((uintptr_t)taken->at, taken->order);
	else if (taken->kind == KIND_SIZE)
		kfree(taken->at);
	else
		kmem_cache_free(ticks.cache, taken->at);
	taken->kind = KIND_NONE;
}

/* ---- A tick ---- */

static void take_bulk(struct tick_cpu *cpu)
{
	struct page *pages[NR_BULK];
	void *objects[NR_BULK];
	size_t nr_objects = kmem_cache_alloc_bulk(ticks.cache, GFP_TICK, NR_BULK, objects);
	unsigned nr_pages = alloc_pages_bulk(GFP_TICK, NID_NONE, NR_BULK, pages);

	cpu->did.nr_taken += nr_objects + nr_pages;
	free_pages_bulk(nr_pages, pages);
	kmem_cache_free_bulk(ticks.cache, nr_objects, objects);
}

/* Leaves an object for any CPU's handler to free, and frees the one it finds. */
static void exchange(struct tick_cpu *cpu)
{
	void *object = kmem_cache_alloc(ticks.cache, GFP_TICK);

	cpu->did.nr_taken++;
	object = __atomic_exchange_n(&ticks.objects[draw(cpu) % NR_MAILBOXES], object,
				     __ATOMIC_ACQ_REL);
	if (object)
		kmem_cache_free(ticks.cache, object);
}

static void free_area(struct tick_cpu *cpu)
{
	void *area = __atomic_exchange_n(&ticks.areas[draw(cpu) % NR_AREAS], NULL,
					 __ATOMIC_ACQ_REL);

	cpu->did.nr_areas += area != NULL;
	vfree(area);
}

static void work_at_once(struct tick_cpu *cpu)
{
	struct taken taken;

	take(cpu, &taken);
	if (taken.kind != KIND_NONE)
		give(cpu, &taken);
	if (draw(cpu) % 8 == 0)
		take_bulk(cpu);
}

static void work_and_keep(struct tick_cpu *cpu)
{
	struct taken *place = &cpu->places[draw(cpu) % NR_PLACES];

	if (place->kind == KIND_NONE)
		take(cpu, place);
	else
		give(cpu, place);
	if (draw(cpu) % 8 == 0)
		exchange(cpu);
	free_area(cpu);
}

/* Stays here while quiet is wanted, but on the CPU that wants it. */
static void park(struct tick_cpu *cpu)
{
	if (cpu == &ticks.cpus[ticks.quiet_cpu])
		return;
	__atomic_store_n(&cpu->is_parked, true, __ATOMIC_RELEASE);
	while (__atomic_load_n(&ticks.nr_quiet, __ATOMIC_ACQUIRE))
		mm_port_spin_hint();
	__atomic_store_n(&cpu->is_parked, false, __ATOMIC_RELEASE);
}

static void tick(void)
{
	struct tick_cpu *cpu = &ticks.cpus[mm_port_cpu()];
	uint64_t begin_ns = arch_now_ns(), end_ns;

	cpu->did.nr_ticks++;
	if (__atomic_load_n(&ticks.nr_quiet, __ATOMIC_ACQUIRE)) {
		park(cpu);
		return;
	}
	if (begin_ns < cpu->rests_until_ns)
		return;
	work_at_once(cpu);
	if (__atomic_load_n(&ticks.keeps, __ATOMIC_RELAXED))
		work_and_keep(cpu);
	end_ns = arch_now_ns();
	cpu->rests_until_ns = end_ns + (end_ns - begin_ns);
}

/* ---- All CPUs ---- */

static void wait_until(bool is_parked)
{
	uint64_t end_ns = arch_now_ns() + RUN_MS * 1000000ull;

	for (unsigned i = 0; i < ticks.nr_cpus; i++) {
		while (i != ticks.quiet_cpu &&
		       __atomic_load_n(&ticks.cpus[i].is_parked, __ATOMIC_ACQUIRE) != is_parked) {
			if (arch_now_ns() > end_ns)
				panic_at(__FILE__, __LINE__, "CPU %u has no timer interrupt", i);
			mm_port_spin_hint();
		}
	}
}

void ticks_quiet(bool is_quiet)
{
	unsigned nr = ticks.nr_quiet;

	if (!ticks.cpus || ticks.is_paused)
		return;
	if (nr == 0)
		ticks.quiet_cpu = mm_port_cpu();
	__atomic_store_n(&ticks.nr_quiet, is_quiet ? nr + 1 : nr - 1, __ATOMIC_RELEASE);
	if (nr == !is_quiet)
		wait_until(is_quiet);
}

bool ticks_take_area(void *area)
{
	void *expected = NULL;

	return __atomic_load_n(&ticks.keeps, __ATOMIC_RELAXED) &&
	       __atomic_compare_exchange_n(&ticks.areas[(uintptr_t)area / PAGE_SIZE % NR_AREAS],
					   &expected, area, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* While all are quiet. */
static void give_all_kept(void)
{
	for (unsigned i = 0; i < ticks.nr_cpus; i++)
		for (unsigned k = 0; k < NR_PLACES; k++)
			if (ticks.cpus[i].places[k].kind != KIND_NONE)
				give(&ticks.cpus[i], &ticks.cpus[i].places[k]);
	for (unsigned i = 0; i < NR_MAILBOXES; i++) {
		if (ticks.objects[i])
			kmem_cache_free(ticks.cache, ticks.objects[i]);
		ticks.objects[i] = NULL;
	}
	for (unsigned i = 0; i < NR_AREAS; i++)
		vfree(__atomic_exchange_n(&ticks.areas[i], NULL, __ATOMIC_ACQ_REL));
}

void ticks_keep(bool is_wanted)
{
	if (!ticks.cpus)
		return;
	__atomic_store_n(&ticks.keeps, is_wanted, __ATOMIC_RELAXED);
	if (is_wanted)
		return;
	ticks_quiet(true);
	give_all_kept();
	ticks_quiet(false);
}

static void start_here(void *arg)
{
	(void)arg;
	arch_timer_start(ticks.hz, tick);
}

static void stop_here(void *arg)
{
	(void)arg;
	arch_timer_stop();
}

static bool run_on_all(void (*work)(void *))
{
	bool is_ok = true;

	for (unsigned cpu = 0; cpu < ticks.nr_cpus; cpu++)
		is_ok &= arch_run_on(cpu, work, NULL, RUN_MS) == STATUS_OK;
	return is_ok;
}

void ticks_pause(bool is_wanted)
{
	if (!ticks.cpus || is_wanted == ticks.is_paused)
		return;
	if (!run_on_all(is_wanted ? stop_here : start_here))
		panic_at(__FILE__, __LINE__, "a CPU's timer cannot be reached");
	ticks.is_paused = is_wanted;
}

bool ticks_start(unsigned hz)
{
	ticks.nr_cpus = cpu_nr_running();
	ticks.hz = hz;
	ticks.cpus = vzalloc(ticks.nr_cpus * sizeof(ticks.cpus[0]));
	if (!ticks.cpus)
		return false;
	for (unsigned i = 0; i < ticks.nr_cpus; i++)
		ticks.cpus[i].random = 0x9e3779b97f4a7c15ull * (i + 1);
	ticks.cache = kmem_cache_create("ticks", OBJECT_BYTES, 0, SLAB_PANIC, NULL);
	test_quiet_hook = ticks_quiet;
	return run_on_all(start_here);
}

void ticks_stop(struct tick_totals *totals)
{
	*totals = (struct tick_totals){ 0 };
	ticks_keep(false);
	if (!run_on_all(stop_here))
		panic_at(__FILE__, __LINE__, "a CPU does not stop its timer");
	for (unsigned i = 0; i < ticks.nr_cpus; i++) {
		const struct tick_totals *did = &ticks.cpus[i].did;

		totals->nr_ticks += did->nr_ticks;
		totals->nr_taken += did->nr_taken;
		totals->nr_refused += did->nr_refused;
		totals->nr_broken += did->nr_broken;
		totals->nr_areas += did->nr_areas;
		totals->nr_silent_cpus += did->nr_ticks == 0;
	}
	test_quiet_hook = NULL;
	kmem_cache_destroy(ticks.cache);
	vfree(ticks.cpus);
	ticks.cpus = NULL;
}
