#ifndef EFI_CAPTURE_H
#define EFI_CAPTURE_H

/*
 * Saving what the firmware says, as raw bytes, to \slabstick\capture\ on the
 * stick: build/host/replay runs it through the same code anywhere.
 */

#define GNU_EFI_USE_MS_ABI 1
#include <efi.h>

#include "efi/acpi.h"
#include "efi/memory_map.h"

struct capture_file {
	const char *name;		/* plain ASCII, no folder */
	struct bytes content;		/* absent: a file of an earlier capture is removed */
};

/* What machine.json tells. */
struct capture_facts {
	uint64_t descriptor_bytes;
	uint32_t descriptor_version;
	struct held_range self;
	uint32_t running_apic_id;
	const char *vendor;
	uint32_t firmware_revision;
};

/*
 * Writes the files and machine.json below @root, the stick's root folder. What
 * goes wrong is one line in the log and on the screen; half-written files are
 * removed. machine.json comes last: where it is, the capture is whole.
 *
 * Context: boot services are there.
 */
void capture_save(EFI_FILE_HANDLE root, const struct capture_facts *facts,
		  const struct capture_file *files, unsigned nr_files);

/* The name that CPUID gives this CPU; empty when it gives none. */
#define CPU_NAME_BYTES	49u
void read_cpu_name(char name[CPU_NAME_BYTES]);

/*
 * Writes @content to \slabstick\@folder\@name of the stick at @root, whose folders are
 * made if they are not there. A file that could not be written whole is taken away.
 */
EFI_STATUS save_stick_file(EFI_FILE_HANDLE root, const char *folder, const char *name,
			   struct bytes content);

/* Whether there is such a file. */
bool has_stick_file(EFI_FILE_HANDLE root, const char *folder, const char *name);

#endif
