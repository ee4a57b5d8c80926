/*
 * What programs do to the hosted library that uses it as a malloc: one word chooses.
 * Each prints what it saw; tests/tools/test_library.py knows what that must be.
 */

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"
#include "slabstick.h"

#define MIB		((size_t)1 << 20)
#define SMALL_MIB	((size_t)128)
#define ARENA_PAGES	(long)(SMALL_MIB * MIB / 4096)
#define NR_IDLE		60
#define NR_BLOCKS	16u
#define NR_OBJECTS	200u
#define NR_AREAS	20000
#define NR_MORE		300000
#define NR_OTHERS	(SLABSTICK_MAX_THREADS + 6)

static int child_that(void (*work)(char *text), char *text)
{
	int status = -1;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		work(text);
		fflush(stdout);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void use_arena(char *text)
{
	slabstick_free(text);
}

static void begin_anew(char *text)
{
	(void)text;
	if (slabstick_start(64 * MIB, 1))
		printf("own: %s\n", strcpy(slabstick_malloc(100), "child"));
}

static void try_fork(void)
{
	char *text = strcpy(slabstick_malloc(100), "parent");

	printf("signal %d\n", child_that(use_arena, text));
	printf("signal %d\n", child_that(begin_anew, text));
	printf("%s\n", text);
	slabstick_free(text);
}

static void *free_it(void *object)
{
	slabstick_free(object);
	return slabstick_malloc(64);
}

static void try_threads(void)
{
	pthread_t thread;
	void *got = NULL;

	for (int i = 0; i < 500; i++) {
		pthread_create(&thread, NULL, free_it, slabstick_malloc(100));
		pthread_join(thread, &got);
		if (!got)
			printf("nothing for thread %d\n", i);
		slabstick_free(got);
	}
	printf("done\n");
}

static pthread_barrier_t all_are_here;

static void *allocate_and_wait(void *object)
{
	void *got = slabstick_malloc(64);

	pthread_barrier_wait(&all_are_here);
	slabstick_free(object);
	pthread_barrier_wait(&all_are_here);
	return got;
}

/* More threads at once than there are CPUs: those that are too many get nothing, lose nothing. */
static void try_many(void)
{
	pthread_t threads[NR_OTHERS];
	int nr_got = 0;

	pthread_barrier_init(&all_are_here, NULL, NR_OTHERS);
	for (int i = 0; i < NR_OTHERS; i++)
		pthread_create(&threads[i], NULL, allocate_and_wait, slabstick_malloc(100));
	for (int i = 0; i < NR_OTHERS; i++) {
		void *got;

		pthread_join(threads[i], &got);
		nr_got += got != NULL;
		slabstick_free(got);
	}
	slabstick_trim();
	printf("%d got memory\n", nr_got);
}

/* Leaves behind what a thread keeps: pages of each order, objects of each size. */
static void *use_and_idle(void *unused)
{
	struct page *pages[NR_BLOCKS];
	void *objects[NR_OBJECTS];

	slabstick_thread_start();
	for (unsigned order = 0; order <= 5; order++) {
		for (unsigned i = 0; i < NR_BLOCKS; i++)
			pages[i] = alloc_pages(GFP_KERNEL | __GFP_NOWARN, order);
		for (unsigned i = 0; i < NR_BLOCKS; i++)
			if (pages[i])
				__free_pages(pages[i], order);
	}
	for (size_t bytes = 8; bytes <= 4096; bytes = bytes * 5 / 4 + 1) {
		for (unsigned i = 0; i < NR_OBJECTS; i++)
			objects[i] = kmalloc(bytes, GFP_KERNEL | __GFP_NOWARN);
		for (unsigned i = 0; i < NR_OBJECTS; i++)
			kfree(objects[i]);
	}
	pthread_barrier_wait(&all_are_here);
	pthread_barrier_wait(&all_are_here);
	return unused;
}

/* Pages that this thread can have at once. */
static long pages_to_be_had(void)
{
	static struct page *pages[ARENA_PAGES];
	long nr = 0;

	while (nr < ARENA_PAGES && (pages[nr] = alloc_pages(GFP_KERNEL | __GFP_NOWARN, 0)))
		nr++;
	for (long i = 0; i < nr; i++)
		__free_pages(pages[i], 0);
	return nr;
}

/* What threads keep that sleep, of all that was to be had: under pressure, and after a trim. */
static void try_idle(void)
{
	pthread_t threads[NR_IDLE];
	long nr_before = pages_to_be_had(), nr_pressed, nr_trimmed;

	pthread_barrier_init(&all_are_here, NULL, NR_IDLE + 1);
	for (int i = 0; i < NR_IDLE; i++)
		pthread_create(&threads[i], NULL, use_and_idle, NULL);
	pthread_barrier_wait(&all_are_here);
	nr_pressed = pages_to_be_had();
	slabstick_trim();
	nr_trimmed = pages_to_be_had();
	fprintf(stderr, "pages: %ld before, %ld, after a trim %ld\n", nr_before, nr_pressed,
		nr_trimmed);
	printf("%s\n", nr_before - nr_pressed <= nr_before / 10 ? "little" : "much");
	printf("%s\n", nr_before - nr_trimmed <= nr_before / 10 ? "little" : "much");
	pthread_barrier_wait(&all_are_here);
	for (int i = 0; i < NR_IDLE; i++)
		pthread_join(threads[i], NULL);
}

static void try_areas(void)
{
	static void *areas[NR_AREAS];
	int nr = 0, nr_more = 0;

	for (; nr < NR_AREAS && (areas[nr] = vmalloc(4096)) != NULL; nr++)
		memset(areas[nr], nr, 4096);
	printf("%d areas\n", nr);
	while (nr_more < NR_MORE && vmalloc(4096))
		nr_more++;
	printf("%s\n", nr_more < NR_MORE ? "then NULL" : "no end");
	for (int i = 0; i < nr; i++)
		vfree(areas[i]);
	printf("%s\n", vmalloc(4096) ? "then more" : "then nothing");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*work)(void);
	} tries[] = { { "fork", try_fork }, { "threads", try_threads }, { "many", try_many },
		      { "areas", try_areas }, { "idle", try_idle } };

	if (argc != 2)
		return 2;
	if (!slabstick_start((strcmp(argv[1], "idle") == 0 ? SMALL_MIB : 1024) * MIB, 1))
		return 2;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		if (strcmp(argv[1], tries[i].name) == 0)
			tries[i].work();
	return 0;
}
