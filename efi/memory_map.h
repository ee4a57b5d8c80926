#ifndef EFI_MEMORY_MAP_H
#define EFI_MEMORY_MAP_H

/* The UEFI memory map as plain bytes, and what its types mean to us. */

#include "boot_info.h"
#include "efi/acpi.h"
#include "efi/arena.h"
#include "lib/compiler.h"
#include "status.h"

/* EFI_MEMORY_DESCRIPTORs, @descriptor_bytes apart, which may be more than they fill. */
struct memory_map {
	struct bytes bytes;
	uint64_t descriptor_bytes;
};

/* Bytes of a descriptor that the specification defines (UEFI 2.10, 7.2.3). */
#define DESCRIPTOR_MIN_BYTES	40u

/* What was wrong with the map; each of these was survived. */
struct map_report {
	uint32_t nr_descriptors;
	uint32_t nr_empty;		/* of no page */
	uint32_t nr_wrapping;		/* past 2^64 */
	uint32_t nr_unaligned;		/* start inside a page */
	uint32_t nr_lost_to_alignment;	/* unaligned, and no whole page left */
	uint32_t nr_unknown_types;
	uint32_t nr_not_cached;		/* RAM without write-back */
	uint32_t nr_soft_reserved;
	uint32_t nr_non_volatile;	/* conventional memory that calls itself non-volatile */
	uint64_t tail_bytes;		/* behind the last whole descriptor */
	uint64_t beyond_reach_bytes;	/* usable RAM the direct map has no room for */
	bool is_sorted;
};

/* A piece of RAM that is in use by this program; or of which the user says that it is bad. */
struct held_range {
	uint64_t start, end;
	bool is_bad;
};

/*
 * Number of whole descriptors in @map. STATUS_BAD_LENGTH for a descriptor size
 * of 0 or below the minimum; STATUS_ABSENT for an empty map; STATUS_TOO_MANY
 * past 2^20.
 */
enum status memory_map_measure(const struct memory_map *map, uint32_t *nr_descriptors) MUST_CHECK;

/* Bytes of arena that memory_map_settle() takes for @nr_descriptors and @nr_held. */
uint64_t memory_map_arena_bytes(uint32_t nr_descriptors, uint32_t nr_held);

/*
 * Fills @info's ranges, nr_firmware_pages and nr_overlap_pages from @map: what
 * firmware got wrong is dropped or settled and counted in @report; memory of
 * @held is MEM_KERNEL, or MEM_UNUSABLE where it is bad and no earlier one has it; the first
 * MiB is kept out, and so is RAM from @reach_end on. @info->ranges comes from @arena.
 *
 * STATUS_ABSENT when no usable page is left: fatal for the caller.
 */
enum status memory_map_settle(const struct memory_map *map, const struct held_range *held,
			      uint32_t nr_held, uint64_t reach_end, struct arena *arena,
			      struct boot_info *info, struct map_report *report) MUST_CHECK;

/* "Conventional Memory", ...: what UEFI calls the type. */
const char *efi_type_name(uint32_t efi_type);

/* Whether the firmware itself calls such memory unusable. */
bool efi_type_is_unusable(uint32_t efi_type);

/* Logs @info's ranges in Linux's words: "efi: mem00: ...". */
void memory_map_log(const struct boot_info *info);

#endif
