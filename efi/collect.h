#ifndef EFI_COLLECT_H
#define EFI_COLLECT_H

/*
 * From copies of what firmware says to boot_info. Pure: the image runs it on
 * the live machine, build/host/replay and the fuzzers on captures.
 */

#include "efi/acpi.h"
#include "efi/arena.h"
#include "efi/memory_map.h"

/* Copies of the tables; an absent one has bytes == NULL. */
struct firmware_tables {
	struct bytes srat, srat2, slit, madt, hmat, spcr, dbg2, fadt, dsdt;
};

#define FINDINGS_MAX	256u

/* Bytes of arena that collect_tables() takes. Checks each table on the way. */
uint64_t collect_arena_bytes(const struct firmware_tables *tables);

/*
 * Fills all of @info that comes from tables: CPUs with @running_apic_id first,
 * affinity, distances, performance, UART, findings behind those it has. A table that breaks its
 * format counts as absent and leaves a message. STATUS_NO_MEMORY when @arena
 * is smaller than collect_arena_bytes() says.
 */
enum status collect_tables(const struct firmware_tables *tables, uint32_t running_apic_id,
			   struct arena *arena, struct boot_info *info) MUST_CHECK;

/* Adds a finding for each kind of oddity in @report. */
void collect_map_findings(const struct map_report *report, struct boot_info *info);

#endif
