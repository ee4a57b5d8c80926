#ifndef EFI_SCREEN_PROGRESS_H
#define EFI_SCREEN_PROGRESS_H

/*
 * How a run goes, read from its own log as any harness reads it. See progress.c.
 */

#include "lib/compiler.h"

#define PROGRESS_LINE_BYTES   256u
#define PROGRESS_NAME_BYTES   80u
#define PROGRESS_REASON_BYTES 160u
#define PROGRESS_FAILURES_MAX 16u
#define PROGRESS_SUITES_MAX   128u
#define PROGRESS_FRAMES_MAX   16u
#define PROGRESS_LEDGER_MAX   12u

struct progress_failure {
	char name[PROGRESS_NAME_BYTES];	    /* "suite: case" */
	char reason[PROGRESS_REASON_BYTES]; /* the last thing said about it; may be empty */
};

struct progress_suite {
	char name[24];
	bool is_ok;
	uint16_t nr_cases, nr_failed;
};

/* A line of the ledger, such as slab or user. */
struct progress_ledger {
	char name[28];
	uint64_t nr_pages;
};

struct progress {
	unsigned nr_planned; /* suites */
	unsigned nr_suites;  /* done; the first PROGRESS_SUITES_MAX are kept */
	struct progress_suite suites[PROGRESS_SUITES_MAX];
	struct progress_suite running; /* name is empty between suites */
	unsigned nr_planned_cases;     /* of the running suite */
	char last_case[PROGRESS_NAME_BYTES];
	unsigned nr_passed, nr_failed, nr_skipped;
	struct progress_failure failures[PROGRESS_FAILURES_MAX]; /* the first ones */
	struct progress_ledger ledger[PROGRESS_LEDGER_MAX];
	unsigned nr_ledger;
	bool is_ledger_balanced;

	bool has_panicked;
	bool is_panic_told; /* the backtrace is complete */
	char panic[PROGRESS_REASON_BYTES];
	char panic_cpu[PROGRESS_NAME_BYTES];
	char frames[PROGRESS_FRAMES_MAX][PROGRESS_NAME_BYTES];
	unsigned nr_frames;

	char comment[PROGRESS_REASON_BYTES]; /* about the case that runs */
	char line[PROGRESS_LINE_BYTES];	     /* what has come of the current one */
	unsigned nr_line_bytes;
	bool is_line_returned;
	bool is_ledger_open;
};

/* Nothing has been read. */
void progress_init(struct progress *progress);

/* Takes the next piece of the log. True when a line in it changed anything above. */
bool progress_read(struct progress *progress, const char *text, size_t bytes);

/* The case that runs now, if its line stands open. Returns the length of its name, or 0. */
size_t progress_running_case(const struct progress *progress, char *name, size_t size);

#endif
