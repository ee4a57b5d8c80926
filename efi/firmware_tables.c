/*
 * Copies of the firmware's tables.
 *
 * Model
 *   Tables are copied twice: to loader data at once, because what is in them
 *   decides how large the arena must be; and into the arena, where show=acpi
 *   finds them after the exit.
 *
 * Rules
 *   - a physical address from a table is read only where the memory map has it
 *
 * Locking
 *   None: boot services, one CPU.
 */

#include "efi/firmware_state.h"

#include "lib/string.h"
#include "mm/types.h"

struct wanted_table wanted_tables[NR_WANTED] = {
	[WANTED_SRAT] = { .signature = "SRAT", .file = "srat.bin" },
	[WANTED_SRAT2] = { .signature = "SRAT", .file = "srat2.bin", .index = 1 },
	[WANTED_SLIT] = { .signature = "SLIT", .file = "slit.bin" },
	[WANTED_MADT] = { .signature = "APIC", .file = "madt.bin" },
	[WANTED_HMAT] = { .signature = "HMAT", .file = "hmat.bin" },
	[WANTED_SPCR] = { .signature = "SPCR", .file = "spcr.bin" },
	[WANTED_MSCT] = { .signature = "MSCT", .file = "msct.bin" },
	[WANTED_CEDT] = { .signature = "CEDT", .file = "cedt.bin" },
	[WANTED_FADT] = { .signature = "FACP", .file = "fadt.bin" },
};

/* The end of the memory-map entry that has @pa, or 0. */
static uint64_t mapped_end(uint64_t pa)
{
	for (uint64_t at = 0; at + DESCRIPTOR_MIN_BYTES <= firmware.map.bytes.length;
	     at += firmware.map.descriptor_bytes) {
		uint64_t start = read_le64(firmware.map_buffer + at + 8);
		uint64_t nr_pages = read_le64(firmware.map_buffer + at + 24);

		if (pa >= start && (pa - start) >> PAGE_SHIFT < nr_pages)
			return start + pages_to_bytes(nr_pages);
	}
	return 0;
}

/* Rule F2. Firmware's page tables map what its memory map has, one to one. */
static const uint8_t *access_physical(void *arg, uint64_t pa, uint64_t bytes)
{
	uint64_t at = pa;

	(void)arg;
	while (at < pa + bytes) {
		uint64_t end = mapped_end(at);

		if (end <= at)
			return NULL;
		at = end;
	}
	return (const uint8_t *)pa;
}

static bool is_same_guid(const EFI_GUID *a, const EFI_GUID *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

uint64_t find_rsdp(void)
{
	static const EFI_GUID acpi20 = ACPI_20_TABLE_GUID;
	static const EFI_GUID acpi10 = ACPI_TABLE_GUID;
	uint64_t rsdp_pa = 0;

	for (UINTN i = 0; i < firmware.system->NumberOfTableEntries; i++) {
		const EFI_CONFIGURATION_TABLE *entry = &firmware.system->ConfigurationTable[i];

		if (is_same_guid(&entry->VendorGuid, &acpi20))
			return (uint64_t)entry->VendorTable;
		if (is_same_guid(&entry->VendorGuid, &acpi10))
			rsdp_pa = (uint64_t)entry->VendorTable;
	}
	return rsdp_pa;
}

/* Copies @wanted if it is there; absent ones are normal. */
static void copy_table(const struct acpi_memory *memory, const struct acpi_root *root,
		       struct wanted_table *wanted)
{
	struct acpi_location found;
	uint8_t *to;

	if (acpi_find_table(memory, root, wanted->signature, wanted->index, &found) != STATUS_OK)
		return;
	to = take_pool(found.length);
	if (!to) {
		announce(LOG_WARN, "ACPI: %s: no memory for a copy of %u bytes", wanted->signature,
			 found.length);
		return;
	}
	memcpy(to, (const void *)found.pa, found.length);
	wanted->copy = (struct bytes){ to, found.length };
	wanted->firmware_pa = found.pa;
	log_line(LOG_INFO, "ACPI: %s 0x%016llX %06X", wanted->signature,
		 (unsigned long long)found.pa, found.length);
}

void copy_tables(uint64_t rsdp_pa)
{
	const struct acpi_memory memory = { access_physical, NULL };
	struct acpi_root root;
	enum status status = STATUS_ABSENT;

	if (rsdp_pa != 0)
		status = acpi_open_root(&memory, rsdp_pa, &root);
	if (status != STATUS_OK) {
		announce(LOG_WARN, "ACPI: no tables: %s", status_text(status));
		return;
	}
	log_line(LOG_INFO, "ACPI: RSDP 0x%016llX, %s with %u entries", (unsigned long long)rsdp_pa,
		 root.entry_bytes == 8 ? "XSDT" : "RSDT", root.nr_entries);
	for (unsigned i = 0; i < NR_WANTED; i++)
		copy_table(&memory, &root, &wanted_tables[i]);
}

/* The DSDT, where firmware has it: it is read once and not kept. */
static struct bytes find_dsdt(void)
{
	struct power_info power;
	uint64_t pa;
	const uint8_t *header;
	uint32_t table_bytes;

	if (fadt_read(wanted_tables[WANTED_FADT].copy, &power, &pa) != STATUS_OK || pa == 0 ||
	    pa > UINT64_MAX - UINT32_MAX)
		return (struct bytes){ NULL, 0 };
	header = access_physical(NULL, pa, ACPI_HEADER_BYTES);
	table_bytes = header ? read_le32(header + ACPI_LENGTH_OFFSET) : 0;
	if (!table_bytes || !access_physical(NULL, pa, table_bytes))
		return (struct bytes){ NULL, 0 };
	return (struct bytes){ header, table_bytes };
}

struct firmware_tables found_tables(void)
{
	return (struct firmware_tables){
		.fadt = wanted_tables[WANTED_FADT].copy, .dsdt = find_dsdt(),
		.srat = wanted_tables[WANTED_SRAT].copy, .srat2 = wanted_tables[WANTED_SRAT2].copy,
		.slit = wanted_tables[WANTED_SLIT].copy, .madt = wanted_tables[WANTED_MADT].copy,
		.hmat = wanted_tables[WANTED_HMAT].copy, .spcr = wanted_tables[WANTED_SPCR].copy,
	};
}

uint64_t kept_tables_bytes(void)
{
	uint64_t bytes = arena_bytes_for(NR_WANTED, sizeof(struct table_copy));

	for (unsigned i = 0; i < NR_WANTED; i++)
		bytes += arena_bytes_for(wanted_tables[i].copy.length, 1);
	return bytes;
}

void keep_tables(struct boot_info *info)
{
	info->tables = arena_take(&firmware.arena, NR_WANTED, sizeof(*info->tables));
	for (unsigned i = 0; info->tables && i < NR_WANTED; i++) {
		const struct wanted_table *wanted = &wanted_tables[i];
		struct table_copy *kept = &info->tables[info->nr_tables];
		void *to = arena_take(&firmware.arena, wanted->copy.length, 1);

		if (!wanted->copy.bytes || !to)
			continue;
		memcpy(to, wanted->copy.bytes, wanted->copy.length);
		kept->length = (uint32_t)wanted->copy.length;
		kept->firmware_pa = wanted->firmware_pa;
		kept->copy_pa = (uint64_t)to;
		memcpy(kept->signature, wanted->signature, sizeof(kept->signature));
		info->nr_tables++;
	}
}
