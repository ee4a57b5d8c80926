/* Chapter 6: sizes in a table. */

#include "mm/kmalloc.h"
#include "tests/lecture/lecture.h"
#include "tests/unit/slab/room.h"

#define BAR_WIDTH	20u
#define NR_TRIED	6u

/* Every cache of the table: what its slabs lose, and what the worst request loses in it. */
static void show_table(void)
{
	say("  cache   objects  pages  lost a slab    worst request    lost of it        "
	    "in use now");
	for (unsigned i = 0; i < NR_KMALLOC_CLASSES; i++) {
		struct kmem_cache *cache = kmalloc_caches[KMALLOC_NORMAL][i];
		uint64_t bytes = kmalloc_class_bytes(i);
		uint64_t worst = i ? kmalloc_class_bytes(i - 1) + 1 : 1;
		char bar[BAR_WIDTH + 1];

		draw_bar(bar, BAR_WIDTH, bytes - worst, bytes);
		say("  %5llu %8u %6llu %8llu bytes %8llu bytes  |%s| %2llu %% %8llu", (ull)bytes,
		    cache->layout.nr_objects, (ull)pages_in(cache->layout.order),
		    (ull)slab_layout_waste(&cache->layout), (ull)worst, bar,
		    (ull)((bytes - worst) * 100 / bytes), (ull)slab_usage(cache).nr_active);
	}
}

static uint64_t power_of_two_for(uint64_t bytes)
{
	uint64_t power = 8;

	while (power < bytes)
		power *= 2;
	return power;
}

static void show_requests(void)
{
	static const uint64_t sizes[NR_TRIED] = { 1, 33, 100, 1000, 4096, 9000 };

	predict("the slide's table has 32, 64, 128, ...: how many bytes does a request for 100 "
		"get there?");
	reveal("128. Here, asked live, with three sizes between two powers of two:");
	for (unsigned i = 0; i < NR_TRIED; i++) {
		void *object = kmalloc(sizes[i], GFP_KERNEL | __GFP_NO_GUARD);

		step("kmalloc(%4llu) at 0x%llx: %5llu usable bytes; powers of two alone would "
		     "give %5llu",
		     (ull)sizes[i], (ull)(uintptr_t)object, (ull)ksize(object),
		     (ull)power_of_two_for(sizes[i]));
		kfree(object);
	}
}

static void pair(void *arg)
{
	void *object = kmalloc(64, GFP_KERNEL | __GFP_NO_GUARD);

	(void)arg;
	kfree(object);
}

/* All caches of the table together, as this machine uses them now. */
static struct slab_usage usage_of_table(void)
{
	struct slab_usage sum = { 0 };

	for (unsigned i = 0; i < NR_KMALLOC_CLASSES; i++) {
		struct slab_usage usage = slab_usage(kmalloc_caches[KMALLOC_NORMAL][i]);

		sum.nr_objects += usage.nr_objects;
		sum.nr_active += usage.nr_active;
	}
	return sum;
}

void kmalloc_show(void)
{
	struct slab_usage usage;

	uint64_t wasted = 0, asked = 0;

	claim("with a cache for each of a few sizes, any size is served.");
	show_requests();
	show_table();
	for (uint64_t bytes = 1; bytes <= KMALLOC_MAX_CACHE_SIZE; bytes++) {
		asked += bytes;
		wasted += kmalloc_size_roundup(bytes) - bytes;
	}
	say("Over all sizes up to %u the table rounds up by %llu.%llu %% on average.",
	    KMALLOC_MAX_CACHE_SIZE, (ull)(wasted * 100 / asked),
	    (ull)(wasted * 1000 / asked % 10));
	say("kmalloc(64) and kfree(): %llu instructions, checks included; beyond %u bytes: whole "
	    "pages.",
	    (ull)count_instructions(pair, NULL), KMALLOC_MAX_CACHE_SIZE);
	wrong("nothing about size any more. But which memory do the pages come from, on a machine "
	      "where");
	say("some of it is far away?");
	exercise(kmalloc_size_roundup(100) - 100, "bytes", "kmalloc(100): how much is rounded up "
	"here?");
	usage = usage_of_table();
	exercise(usage.nr_objects - usage.nr_active, "places",
		 "on this machine the table's slabs have %llu places, %llu are in use: how many "
		 "are not?",
		 (ull)usage.nr_objects, (ull)usage.nr_active);
}
