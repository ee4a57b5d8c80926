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
#include "tests/suites.h"

static void write_to_stdout(const char *text, size_t bytes)
{
	/* A program that cannot write has nobody left to tell. */
	if (fwrite(text, 1, bytes, stdout) != bytes || fflush(stdout) != 0)
		abort();
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
	totals = test_run(unit_suites, nr_unit_suites, globs, mm_verify_all);
	if (!mm_print_ledger())
		return 1;
	return totals.nr_failed ? 1 : 0;
}
