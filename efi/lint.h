#ifndef EFI_LINT_H
#define EFI_LINT_H

/* What the owner of a machine should know about its firmware. */

#include "boot_info.h"
#include "mm/topology.h"

typedef void lint_report(void *arg, const struct finding *finding);

/*
 * Hands every finding to @report(@arg): first those that were made while
 * reading, then what shows when tables, map and topology are seen together.
 * Labels are stable once released.
 */
void lint_run(const struct boot_info *info, const struct topology *topology, lint_report *report,
	      void *arg);

/* Runs lint to the log: a readable line and an "@finding" record each. */
void lint_show(const struct boot_info *info, const struct topology *topology);

#endif
