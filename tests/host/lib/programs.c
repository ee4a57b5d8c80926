/*
 * What programs do to the hosted library that uses it as a malloc: one word chooses.
 * Each prints what it saw; tests/tools/test_library.py knows what that must be.
 */

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mm/vmalloc.h"
#include "slabstick.h"

#define MIB		((size_t)1 << 20)
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
		      { "areas", try_areas } };

	if (argc != 2 || !slabstick_start(1024 * MIB, 1))
		return 2;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		if (strcmp(argv[1], tries[i].name) == 0)
			tries[i].work();
	return 0;
}
