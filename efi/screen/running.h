#ifndef EFI_SCREEN_RUNNING_H
#define EFI_SCREEN_RUNNING_H

/* The screen while a run goes on, but for its picture and its log. See running.c. */

#include "efi/screen/layout.h"
#include "efi/screen/progress.h"

#define FACT_BYTES 112u

/* What does not change during a run. */
struct screen_facts {
	char version[24];
	char machine[FACT_BYTES]; /* the CPU's name */
	char memory[FACT_BYTES];  /* CPUs, nodes, RAM, firmware */
};

/* The name, the machine, the time since the start and the verdict so far. */
void running_draw_header(const struct canvas *canvas, const struct layout *layout,
			 const struct screen_facts *facts, const struct progress *progress,
			 uint64_t elapsed_s);

/* The suites: how many, which one runs, and how the last ones went. */
void running_draw_tests(const struct canvas *canvas, const struct layout *layout,
			const struct progress *progress);

#endif
