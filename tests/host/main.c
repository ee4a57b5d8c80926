/*
 * build/host/unit [GLOB,...] [seed=N]: the unit suites as a Linux program.
 *
 * Exit status 0: everything passed; 1: a case failed or none was chosen; a
 * panic or a sanitizer's report ends the program with another one.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mm/init.h"
#include "tests/host/machine.h"
#include "tests/host/suites_host.h"
#include "tests/suites.h"

#define NR_JOINED_SUITES	64

/* Those that start machines of their own come last. */
static const struct test_suite *const host_suites[] = {
	&suite_machines,
	&suite_soak,
};

static void write_to_stdout(const char *text, size_t bytes)
{
	/* A program that cannot write has nobody left to tell. */
	if (fwrite(text, 1, bytes, stdout) != bytes || fflush(stdout) != 0)
		abort();
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
	return test_run(all, nr, globs, mm_verify_all);
}

int main(int argc, char **argv)
{
	const char *globs = NULL;
	struct test_totals totals;

	log_add_sink(write_to_stdout);
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "seed=", strlen("seed=")) == 0)
			test_set_seed(strtoull(argv[i] + strlen("seed="), NULL, 0));
		else if (strncmp(argv[i], "tests=", strlen("tests=")) == 0)
			globs = argv[i] + strlen("tests=");
		else
			globs = argv[i];
	}
	host_start_machine(&machine_four_nodes);
	totals = run_all(globs);
	if (!mm_print_ledger())
		return 1;
	return totals.nr_failed ? 1 : 0;
}
