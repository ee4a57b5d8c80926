#ifndef EFI_SCREEN_END_H
#define EFI_SCREEN_END_H

/* The last screen of a run: its verdict, or its panic. See end.c. */

#include "boot_info.h"
#include "efi/screen/running.h"

struct verdict_facts {
	bool is_passed;
	const char *reason; /* why not, beyond failed tests; NULL: none */
	uint64_t elapsed_s;
	const struct finding *findings;
	uint32_t nr_findings;
};

/* What a QR code and a file say of a run: short, lines of ASCII. Returns its length. */
size_t end_summary(char *to, size_t size, const struct screen_facts *facts,
		   const struct progress *progress, const struct verdict_facts *verdict);

/* The same of a panic: what, and where. */
size_t end_panic_summary(char *to, size_t size, const struct screen_facts *facts,
			 const struct progress *progress);

/* PASS or FAIL for the whole room, failures, findings, a code, what to do now. */
void end_draw_verdict(const struct canvas *canvas, const struct screen_facts *facts,
		      const struct progress *progress, const struct verdict_facts *verdict);

/* What happened and where, on red. */
void end_draw_panic(const struct canvas *canvas, const struct screen_facts *facts,
		    const struct progress *progress);

#endif
