#ifndef EFI_SHOW_H
#define EFI_SHOW_H

/* What the firmware said, for people and for tools. */

#include "boot_info.h"
#include "efi/acpi.h"
#include "mm/topology.h"

/*
 * One table in acpidump's format: acpixtract recovers it byte for byte from a
 * log. @pa is where the firmware had it. (It reads on until the next table: distances as
 * numactl prints them, behind the last one, become bytes of it.)
 */
void show_acpi_table(const char *signature, uint64_t pa, struct bytes table);

/* All tables of @info; @to_virtual makes a physical address readable. */
void show_acpi(const struct boot_info *info, void *(*to_virtual)(uint64_t pa));

/* "What the firmware said" beside "what we made of it". */
void show_firmware(const struct boot_info *info, const struct topology *topology,
		   void *(*to_virtual)(uint64_t pa));

#endif
