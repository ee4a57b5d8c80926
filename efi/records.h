#ifndef EFI_RECORDS_H
#define EFI_RECORDS_H

/* The machine as the firmware described it, for programs: "@kind key=value ..." lines. */

#include "boot_info.h"

/* "@machine": what it is; "@range": what its memory is for, neighbours of a type as one. */
void records_print_machine(const struct boot_info *info, const char *version,
			   const char *cpu_name);

/* "@finding", with its sentence. */
void records_print_finding(const struct finding *finding);

#endif
