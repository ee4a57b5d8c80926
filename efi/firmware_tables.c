/*
 * Copies of the firmware's tables.
 *
 * Model
 *   Tables are copied twice: to loader data at once, because what is in them
 *   decides how large the arena must be; and into the arena, where show=acpi
 *   finds them after the exit.
 *
 * Rules
 *   - a physical address from a table is read only where the page tables in
 *     force map it one to one; below 1 MiB, where they map what nothing answers
 *     at, only in the legacy region or where the memory map has it
 *
 * Locking
 *   None: boot services, one CPU.
 */

#include "efi/firmware_state.h"

#include "arch.h"
#include "lib/string.h"
#include "mm/types.h"

struct wanted_table wanted_tables[NR_WANTED] = {
	[WANTED_SRAT] = { .signature = "SRAT", .file = "srat.bin" },
	[WANTED_SRAT2] = { .signature = "SRAT", .file = "srat2.bin", .index = 1 },
	[WANTED_SLIT] = { .signature = "SLIT", .file = "slit.bin" },
	[WANTED_MADT] = { .signature = "APIC", .file = "madt.bin" },
	[WANTED_HMAT] = { .signature = "HMAT", .file = "hmat.bin" },
	[WANTED_SPCR] = { .signature = "SPCR", .file = "spcr.bin" },
	[WANTED_DBG2] = { .signature = "DBG2", .file = "dbg2.bin" },
	[WANTED_MSCT] = { .signature = "MSCT", .file = "msct.bin" },
	[WANTED_CEDT] = { .signature = "CEDT", .file = "cedt.bin" },
	[WANTED_FADT] = { .signature = "FACP", .file = "fadt.bin" },
};

/* Firmware's legacy region: seldom listed, always mapped; the screen's window is left out. */
#define LOW_START		0x1000u
#define LOW_END			0x100000u
#define VGA_START		0xA0000u
#define VGA_END			0xC0000u

/* Where tables lie on sound firmware. */
#define EXPECTED_TYPES		(1u << EfiReservedMemoryType | 1u << EfiACPIReclaimMemory | \
				 1u << EfiACPIMemoryNVS | 1u << EfiRuntimeServicesData | \
				 1u << EfiBootServicesData)

#define MAP_TYPE_NONE		UINT32_MAX

/* The type of the memory-map entry that has @pa, and its end; none: MAP_TYPE_NONE and 0. */
static uint32_t mapped_type(uint64_t pa, uint64_t *end)
{
	*end = 0;
	for (uint64_t at = 0; at + DESCRIPTOR_MIN_BYTES <= firmware.map.bytes.length;
	     at += firmware.map.descriptor_bytes) {
		uint64_t start = read_le64(firmware.map_buffer + at + 8);
		uint64_t nr_pages = read_le64(firmware.map_buffer + at + 24);

		if (pa >= start && (pa - start) >> PAGE_SHIFT < nr_pages) {
			*end = start + pages_to_bytes(nr_pages);
			return read_le32(firmware.map_buffer + at);
		}
	}
	return MAP_TYPE_NONE;
}

static bool is_in_map(uint64_t pa, uint64_t bytes)
{
	uint64_t at = pa, end;

	for (; at < pa + bytes; at = end)
		if (mapped_type(at, &end) == MAP_TYPE_NONE || end <= at)
			return false;
	return true;
}

static bool is_low(uint64_t pa, uint64_t bytes)
{
	return pa >= LOW_START && pa < LOW_END && bytes <= LOW_END - pa &&
	       (pa + bytes <= VGA_START || pa >= VGA_END);
}

/* The rule above. */
static const uint8_t *access_physical(void *arg, uint64_t pa, uint64_t bytes)
{
	(void)arg;
	if (pa + bytes < pa || (pa < LOW_END && !is_low(pa, bytes) && !is_in_map(pa, bytes)))
		return NULL;
	return arch_firmware_maps(pa, bytes) ? (const uint8_t *)pa : NULL;
}

static const struct acpi_memory physical_memory = { access_physical, NULL };

static bool is_same_guid(const EFI_GUID *a, const EFI_GUID *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Opens the roots behind the first sound pointer that firmware lists under @guid. */
static bool open_roots_of(const EFI_GUID *guid, struct boot_info *info, struct acpi_roots *roots)
{
	for (UINTN i = 0; i < firmware.system->NumberOfTableEntries; i++) {
		const EFI_CONFIGURATION_TABLE *entry = &firmware.system->ConfigurationTable[i];
		uint64_t pa = (uint64_t)entry->VendorTable;
		enum status status;

		if (!is_same_guid(&entry->VendorGuid, guid))
			continue;
		status = acpi_open_roots(&physical_memory, pa, info, roots);
		if (status == STATUS_OK) {
			info->rsdp_pa = pa;
			return true;
		}
		boot_info_add_finding(info, "RsdpUnused", SEVERITY_MEDIUM,
				      "the ACPI root pointer at 0x%llx is of no use (%s)",
				      (unsigned long long)pa, status_text(status));
	}
	return false;
}

static bool open_roots(struct boot_info *info, struct acpi_roots *roots)
{
	static const EFI_GUID acpi20 = ACPI_20_TABLE_GUID;
	static const EFI_GUID acpi10 = ACPI_TABLE_GUID;

	return open_roots_of(&acpi20, info, roots) || open_roots_of(&acpi10, info, roots);
}

static void find_odd_place(const struct wanted_table *wanted, struct boot_info *info)
{
	uint64_t end;
	uint32_t type = mapped_type(wanted->firmware_pa, &end);

	if (type == MAP_TYPE_NONE)
		boot_info_add_finding(info, "AcpiTableUnlisted", SEVERITY_LOW,
				      "%s at 0x%llx lies in memory that the map does not list: "
				      "copied before anything else can be there",
				      wanted->signature, (unsigned long long)wanted->firmware_pa);
	else if (type >= 32 || !(EXPECTED_TYPES >> type & 1))
		boot_info_add_finding(info, "AcpiTableMisplaced", SEVERITY_LOW,
				      "%s at 0x%llx lies in memory that the map calls %s: copied "
				      "before anything else can be there",
				      wanted->signature, (unsigned long long)wanted->firmware_pa,
				      efi_type_name(type));
}

/* Copies @wanted if it is there; absent ones are normal. */
static void copy_table(const struct acpi_roots *roots, struct boot_info *info,
		       struct wanted_table *wanted)
{
	struct acpi_location found;
	uint8_t *to;

	if (acpi_find_table(&physical_memory, roots, info, wanted->signature, wanted->index,
			    &found) != STATUS_OK)
		return;
	to = take_pool(found.length);
	if (!to) {
		log_line(LOG_WARN, "ACPI: %s: no memory for a copy of %u bytes", wanted->signature,
			 found.length);
		return;
	}
	memcpy(to, (const void *)found.pa, found.length);
	wanted->copy = (struct bytes){ to, found.length };
	wanted->firmware_pa = found.pa;
	find_odd_place(wanted, info);
	log_line(LOG_INFO, "ACPI: %s 0x%016llX %06X", wanted->signature,
		 (unsigned long long)found.pa, found.length);
}

void copy_tables(struct boot_info *info)
{
	struct acpi_roots roots;

	if (!open_roots(info, &roots)) {
		log_line(LOG_WARN, "ACPI: no tables");
		boot_info_add_finding(info, "AcpiAbsent", SEVERITY_MEDIUM,
				      "there are no ACPI tables: one node, one CPU, and no way to "
				      "switch the machine off");
		return;
	}
	log_line(LOG_INFO, "ACPI: RSDP 0x%016llX, %s with %u entries",
		 (unsigned long long)info->rsdp_pa,
		 roots.root[0].entry_bytes == 8 ? "XSDT" : "RSDT", roots.root[0].nr_entries);
	for (unsigned i = 0; i < NR_WANTED; i++)
		copy_table(&roots, info, &wanted_tables[i]);
}

void drop_table(struct wanted_table *wanted)
{
	firmware.boot->FreePool((void *)(uintptr_t)wanted->copy.bytes);
	wanted->copy = (struct bytes){ NULL, 0 };
}

/* The DSDT, where firmware has it: it is read once and not kept. */
static struct bytes find_dsdt(void)
{
	struct power_info power;
	struct fadt_facts facts;
	struct bytes dsdt = { NULL, 0 };

	if (fadt_read(wanted_tables[WANTED_FADT].copy, &power, &facts) != STATUS_OK)
		return dsdt;
	for (unsigned i = 0; i < ARRAY_SIZE(facts.dsdt_pa); i++)
		if (acpi_read_table(&physical_memory, facts.dsdt_pa[i], "DSDT", &dsdt) == STATUS_OK)
			return dsdt;
	return (struct bytes){ NULL, 0 };
}

struct firmware_tables found_tables(void)
{
	return (struct firmware_tables){
		.fadt = wanted_tables[WANTED_FADT].copy, .dsdt = find_dsdt(),
		.srat = wanted_tables[WANTED_SRAT].copy, .srat2 = wanted_tables[WANTED_SRAT2].copy,
		.slit = wanted_tables[WANTED_SLIT].copy, .madt = wanted_tables[WANTED_MADT].copy,
		.hmat = wanted_tables[WANTED_HMAT].copy, .spcr = wanted_tables[WANTED_SPCR].copy,
		.dbg2 = wanted_tables[WANTED_DBG2].copy,
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
