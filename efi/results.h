#ifndef EFI_RESULTS_H
#define EFI_RESULTS_H

/*
 * The log of a run in memory that a warm reset leaves alone, and what the next start
 * makes of it for the stick. See results.c. No firmware call: built on the host too.
 */

#include "lib/compiler.h"

/* What is set aside, and how much of the log it keeps. */
#define RESULTS_BYTES (512u * 1024)

/* Begins an empty record in the RESULTS_BYTES at @memory. */
void results_start(void *memory);

/* Log sink. Harmless before results_start(). */
void results_write(const char *text, size_t bytes);

/* The next start shall write the record and stop, instead of running again. */
void results_ask_for_report(void);

/* For tests, which make records of their own: puts another one in, returns the former. */
struct results_state {
	void *record;
};
struct results_state results_swap(struct results_state state);

struct results_found {
	const char *text;
	size_t nr_bytes;
	bool is_report_wanted;
};

/* Whether there is an intact record in the RESULTS_BYTES at @memory; then it is in @found. */
bool results_find(const void *memory, struct results_found *found);

/* There is none from now on: nothing is written twice. */
void results_forget(void *memory);

enum results_verdict { RESULTS_PASSED, RESULTS_FAILED, RESULTS_PANICKED, RESULTS_UNFINISHED };

/* How the run went whose log is @text. */
enum results_verdict results_judge(const char *text, size_t nr_bytes);

/* "PASS", "FAIL", "PANIC", "UNFINISHED". */
const char *results_verdict_name(enum results_verdict verdict);

/*
 * The run as JSON, and as a page of HTML with the log in it. Return the length; what does
 * not fit into @size is left out of the log, never of the rest if @size is 32 KiB or more.
 */
size_t results_json(char *to, size_t size, const char *text, size_t nr_bytes);
size_t results_html(char *to, size_t size, const char *text, size_t nr_bytes);

#endif
