/*
 * build/host/unit [GLOB,...] [seed=N] [debug=WORD,...] [show=TABLE]: the unit suites as
 * a Linux program. debug= is that of the image: for kmalloc's caches too; show= prints
 * one of mm's tables, of the pretended machine after the cases, as often as it is given.
 *
 * Exit status 0: everything passed; 1: a case failed or none was chosen; a
 * panic or a sanitizer's report ends the program with another one.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mm/init.h"
#include "mm/slab.h"
#include "mm/tables.h"
#include "tests/host/machine.h"
#include "tests/host/suites_host.h"
#include "tests/suites.h"

#define NR_JOINED_SUITES	64

/* Those that start machines of their own come last: local_lock needs the one of all before. */
static const struct test_suite *const host_suites[] = {
	&suite_local_lock,
	&suite_machines,
	&suite_reclaim_machines,
	&suite_soak,
};

static void write_to_stdout(const char *text, size_t bytes)
{
	/* A program that cannot write has nobody left to tell. */
	if (fwrite(text, 1, bytes, stdout) != bytes || fflush(stdout) != 0)
		abort();
}

/* After each case: mm's rules hold, and nobody left this CPU locked. */
static bool is_all_in_order(void)
{
	if (host_local_depth == 0)
		return mm_verify_all();
	log_raw("  # the local lock is still held\n");
	host_local_depth = 0;
	return false;
}

static struct test_totals run_all(const char *globs)
{
	const struct test_suite *all[NR_JOINED_SUITES];
	unsigned nr = 0;

	if (nr_unit_suites + ARRAY_SIZE(host_suites) > NR_JOINED_SUITES)
		abort();
	for (unsigned i = 0; i < nr_unit_suites; i++)
		all[nr++] = unit_suites[i];
	for (unsigned i = 0; i < ARRAY_SIZE(host_suites); i++)
		all[nr++] = host_suites[i];
	return test_run(all, nr, globs, is_all_in_order);
}

static void set_seed(const char *text)
{
	uint64_t seed = strtoull(text, NULL, 0);

	slab_set_seed(seed);
	test_set_seed(seed);
}

/* Before any machine starts: kmalloc's caches are then debug caches too. */
static void set_debug(const char *words)
{
	if (slab_set_debug(words))
		return;
	fprintf(stderr, "debug=%s has a word that is no debug option\n", words);
	exit(1);
}

/* Before any case runs, so that a misspelt name costs no time. */
static void check_table(const char *name)
{
	for (unsigned i = 0; i < nr_mm_tables; i++)
		if (strcmp(name, mm_tables[i].name) == 0)
			return;
	fprintf(stderr, "show=%s: there are", name);
	for (unsigned i = 0; i < nr_mm_tables; i++)
		fprintf(stderr, " %s", mm_tables[i].name);
	fputc('\n', stderr);
	exit(1);
}

/* What follows @key in @argument, or NULL when that begins otherwise. */
static const char *value_of(const char *argument, const char *key)
{
	return strncmp(argument, key, strlen(key)) == 0 ? argument + strlen(key) : NULL;
}

int main(int argc, char **argv)
{
	const char *globs = NULL;
	struct test_totals totals;

	log_add_sink(write_to_stdout);
	slab_set_seed(1);	/* shuffles need one */
	for (int i = 1; i < argc; i++) {
		const char *debug = value_of(argv[i], "debug=");
		const char *seed = value_of(argv[i], "seed=");
		const char *tests = value_of(argv[i], "tests=");

		if (value_of(argv[i], "show="))
			check_table(value_of(argv[i], "show="));
		else if (debug)
			set_debug(debug);
		else if (seed)
			set_seed(seed);
		else
			globs = tests ? tests : argv[i];
	}
	host_start_machine(&machine_four_nodes);
	totals = run_all(globs);
	for (int i = 1; i < argc; i++)
		if (value_of(argv[i], "show="))
			mm_show_table(value_of(argv[i], "show="));
	if (!mm_print_ledger())
		return 1;
	return totals.nr_failed ? 1 : 0;
}
