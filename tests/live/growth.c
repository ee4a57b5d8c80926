/*
 * All CPUs make memory theirs at once: slabs are made, sections brought up and mapped, and
 * in between each waits until all others have flushed a translation.
 *
 * What it is for: who makes slabs or brings up sections while interrupts are off does not
 * answer a flush, and two such CPUs wait for each other for ever. In the image whose local
 * lock keeps interrupts away that lock must not be held across growth.
 */

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "kthread.h"
#include "lib/align.h"
#include "mm/kmalloc.h"
#include "mm/live.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"
#include "tests/test.h"

#define JOIN_MS			120000u
#define MAX_GROWING_CPUS	8u
#define OBJECT_BYTES		4096u
#define OBJECTS_MAX		100000u		/* of a CPU: 400 MiB, in six sections */
#define FLUSH_INTERVAL		2048u		/* objects */
#define SHARE_SHIFT		3u		/* of RAM, what all CPUs take */

struct grower {
	void **objects;
	uint64_t nr_wanted, nr_taken;
	unsigned nr_failed_areas;
};

static bool are_all_here;

/* An area comes and goes, and no CPU keeps its translation. */
static void flush_everywhere(struct grower *grower)
{
	void *area = vmalloc(PAGE_SIZE);

	grower->nr_failed_areas += !area;
	vfree(area);
	vmalloc_purge();
}

static void grow(void *arg)
{
	struct grower *grower = arg;

	while (!__atomic_load_n(&are_all_here, __ATOMIC_ACQUIRE))
		thread_yield();
	while (grower->nr_taken < grower->nr_wanted) {
		void *object = kmalloc(OBJECT_BYTES, GFP_KERNEL | __GFP_NO_INJECTION);

		if (!object)
			break;
		grower->objects[grower->nr_taken++] = object;
		if (grower->nr_taken % FLUSH_INTERVAL == 0)
			flush_everywhere(grower);
	}
	for (uint64_t i = 0; i < grower->nr_taken; i++)
		kfree(grower->objects[i]);
}

/* What a kernel's own objects may lie in. */
static uint64_t nr_unmovable_pages(void)
{
	uint64_t nr_pages = 0;

	for_each_populated_zone(zone)
		nr_pages += zone->index % MAX_NR_ZONES == ZONE_MOVABLE ? 0 : zone->managed_pages;
	return nr_pages;
}

static void all_cpus_grow_at_once(void)
{
	const unsigned nr_cpus = (unsigned)min_u64(cpu_nr_running(), MAX_GROWING_CPUS);
	const uint64_t nr_wanted = min_u64((nr_unmovable_pages() >> SHARE_SHIFT) / nr_cpus,
					   OBJECTS_MAX);
	struct grower growers[MAX_GROWING_CPUS] = { 0 };
	struct thread *threads[MAX_GROWING_CPUS] = { NULL };

	__atomic_store_n(&are_all_here, false, __ATOMIC_RELAXED);
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		growers[cpu].objects = vmalloc(nr_wanted * sizeof(growers[cpu].objects[0]));
		CHECK(growers[cpu].objects != NULL);
		if (!growers[cpu].objects)
			continue;
		growers[cpu].nr_wanted = nr_wanted;
		threads[cpu] = thread_start("grower", cpu, grow, &growers[cpu]);
		CHECK(threads[cpu] != NULL);
	}
	__atomic_store_n(&are_all_here, true, __ATOMIC_RELEASE);
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		enum status status = threads[cpu] ? thread_join(threads[cpu], JOIN_MS) : STATUS_OK;

		CHECK_EQ(status, STATUS_OK);
		if (status != STATUS_OK)
			continue;	/* it may still write there */
		CHECK_EQ(growers[cpu].nr_taken, nr_wanted);
		CHECK_EQ(growers[cpu].nr_failed_areas, 0);
		vfree(growers[cpu].objects);
	}
}

static const struct test_case cases[] = {
	{ "all CPUs grow at once", all_cpus_grow_at_once },
};

TEST_SUITE(growth, cases);
