#ifndef EFI_FIRMWARE_H
#define EFI_FIRMWARE_H

/* Everything that calls the firmware, up to and including leaving it. */

#include <efi.h>

#include "boot_info.h"

/*
 * Learns all there is to know from the firmware, takes the memory the kernel
 * starts with, and leaves boot services. Returns a filled boot_info in
 * identity-mapped memory; firmware's page tables are still live.
 *
 * Where the machine cannot be used, tells why on screen and serial line and
 * does not return.
 */
struct boot_info *firmware_collect(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table);

/* As the file VERSION has it. */
extern const char slabstick_version[];

#endif
