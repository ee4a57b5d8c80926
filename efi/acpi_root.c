/*
 * From the RSDP to a table: RSDP -> XSDT or RSDT -> table.
 *
 * Model
 *   All memory is read through an access function that may refuse, so that a
 *   wild pointer in a table is a missing table and not a page fault; and so that
 *   the host tests can put a firmware into an array.
 *
 *   The RSDP of ACPI 1.0 (revision 0) has 20 bytes and a 32-bit RSDT. Later ones
 *   have 36 bytes, a second checksum and a 64-bit XSDT (ACPI 6.5, 5.2.5.3).
 *   Both roots are opened. Firmware has been seen with a broken XSDT, and with
 *   one whose entries are empty, beside an RSDT that is whole: what the first
 *   root lacks is looked for in the second.
 *
 * Locking
 *   None.
 */

#include "efi/acpi.h"

#include "lib/string.h"

#define RSDP_V1_BYTES		20u
#define RSDP_V2_BYTES		36u
#define RSDP_REVISION		15u	/* offsets */
#define RSDP_RSDT		16u
#define RSDP_LENGTH		20u
#define RSDP_XSDT		24u
#define HEADER_LENGTH		4u

/* The limit keeps a mad length from a long checksum: real root tables have some 60 entries. */
#define ROOT_ENTRIES_MAX	4096u
#define TABLE_BYTES_MAX		(32u * 1024 * 1024)

static uint8_t sum_of(const uint8_t *bytes, uint64_t length)
{
	uint8_t sum = 0;

	for (uint64_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum;
}

enum status acpi_check_table(struct bytes table, const char *signature, uint32_t min_bytes,
			     uint32_t *table_bytes)
{
	if (!table.bytes)
		return STATUS_ABSENT;
	if (table.length < ACPI_HEADER_BYTES)
		return STATUS_BAD_LENGTH;
	if (memcmp(table.bytes, signature, 4) != 0)
		return STATUS_BAD_TABLE;
	*table_bytes = read_le32(table.bytes + HEADER_LENGTH);
	if (*table_bytes < min_bytes || *table_bytes < ACPI_HEADER_BYTES ||
	    *table_bytes > table.length)
		return STATUS_BAD_LENGTH;
	if (sum_of(table.bytes, *table_bytes) != 0)
		return STATUS_BAD_CHECKSUM;
	return STATUS_OK;
}

static struct bytes read_memory(const struct acpi_memory *memory, uint64_t pa, uint64_t length)
{
	struct bytes got = { NULL, 0 };

	if (pa == 0 || pa > UINT64_MAX - length)
		return got;
	got.bytes = memory->access(memory->arg, pa, length);
	got.length = got.bytes ? length : 0;
	return got;
}

/* Its header first, for the length. */
enum status acpi_read_table(const struct acpi_memory *memory, uint64_t pa, const char *signature,
			    struct bytes *table)
{
	struct bytes header = read_memory(memory, pa, ACPI_HEADER_BYTES);
	uint32_t length;

	if (!header.bytes)
		return STATUS_ABSENT;
	length = read_le32(header.bytes + HEADER_LENGTH);
	if (length < ACPI_HEADER_BYTES || length > TABLE_BYTES_MAX)
		return STATUS_BAD_LENGTH;
	*table = read_memory(memory, pa, length);
	return acpi_check_table(*table, signature, ACPI_HEADER_BYTES, &length);
}

static enum status open_root_table(const struct acpi_memory *memory, uint64_t pa,
				   const char *signature, uint32_t entry_bytes,
				   struct acpi_root *root)
{
	struct bytes table;
	enum status status = acpi_read_table(memory, pa, signature, &table);

	if (status != STATUS_OK)
		return status;
	root->pa = pa;
	root->entry_bytes = entry_bytes;
	root->nr_entries = (uint32_t)(table.length - ACPI_HEADER_BYTES) / entry_bytes;
	return root->nr_entries > ROOT_ENTRIES_MAX ? STATUS_TOO_MANY : STATUS_OK;
}

struct rsdp {
	uint64_t rsdt_pa, xsdt_pa;	/* 0: none */
};

static enum status read_rsdp(const struct acpi_memory *memory, uint64_t rsdp_pa,
			     struct boot_info *info, struct rsdp *rsdp)
{
	struct bytes head = read_memory(memory, rsdp_pa, RSDP_V1_BYTES);
	uint32_t length;

	if (!head.bytes)
		return STATUS_ABSENT;
	if (memcmp(head.bytes, "RSD PTR ", 8) != 0)
		return STATUS_BAD_TABLE;
	if (sum_of(head.bytes, RSDP_V1_BYTES) != 0)
		return STATUS_BAD_CHECKSUM;
	*rsdp = (struct rsdp){ .rsdt_pa = read_le32(head.bytes + RSDP_RSDT) };
	if (head.bytes[RSDP_REVISION] < 2)
		return STATUS_OK;

	head = read_memory(memory, rsdp_pa, RSDP_V2_BYTES);
	if (!head.bytes)
		return STATUS_OK;
	length = read_le32(head.bytes + RSDP_LENGTH);
	if (length < RSDP_V2_BYTES || sum_of(head.bytes, RSDP_V2_BYTES) != 0) {
		boot_info_add_finding(info, "RsdpHalfBroken", SEVERITY_MEDIUM,
				      "the second half of the ACPI root pointer is broken: only "
				      "the RSDT is used");
		return STATUS_OK;
	}
	rsdp->xsdt_pa = read_le64(head.bytes + RSDP_XSDT);
	return STATUS_OK;
}

/* The address in entry @index, or 0 when it cannot be read. */
static uint64_t root_entry(const struct acpi_memory *memory, const struct acpi_root *root,
			   uint32_t index)
{
	uint64_t pa = root->pa + ACPI_HEADER_BYTES + (uint64_t)index * root->entry_bytes;
	struct bytes entry = read_memory(memory, pa, root->entry_bytes);

	if (!entry.bytes)
		return 0;
	return root->entry_bytes == 8 ? read_le64(entry.bytes) : read_le32(entry.bytes);
}

static const char *root_name(const struct acpi_root *root)
{
	return root->entry_bytes == 8 ? "XSDT" : "RSDT";
}

static void find_empty_entries(const struct acpi_memory *memory, const struct acpi_root *root,
			       struct boot_info *info)
{
	uint32_t nr_empty = 0;

	for (uint32_t i = 0; i < root->nr_entries; i++)
		nr_empty += root_entry(memory, root, i) == 0;
	if (nr_empty > 0)
		boot_info_add_finding(info, "RootEntryEmpty", SEVERITY_MEDIUM,
				      "%u of the %u entries of the %s are empty: what they stood "
				      "for is looked for elsewhere", nr_empty, root->nr_entries,
				      root_name(root));
}

/* Opens one root behind those that are open. */
static enum status add_root(const struct acpi_memory *memory, uint64_t pa, const char *signature,
			    struct boot_info *info, struct acpi_roots *roots)
{
	struct acpi_root *root = &roots->root[roots->nr_roots];
	enum status status;

	if (pa == 0)
		return STATUS_ABSENT;
	status = open_root_table(memory, pa, signature, signature[0] == 'X' ? 8 : 4, root);
	if (status == STATUS_OK) {
		roots->nr_roots++;
		find_empty_entries(memory, root, info);
	} else {
		boot_info_add_finding(info, "RootTableUnused", SEVERITY_MEDIUM,
				      "the %s at 0x%llx is of no use (%s)", signature,
				      (unsigned long long)pa, status_text(status));
	}
	return status;
}

enum status acpi_open_roots(const struct acpi_memory *memory, uint64_t rsdp_pa,
			    struct boot_info *info, struct acpi_roots *roots)
{
	struct rsdp rsdp;
	enum status status = read_rsdp(memory, rsdp_pa, info, &rsdp);
	enum status xsdt, rsdt;

	*roots = (struct acpi_roots){ .nr_roots = 0 };
	if (status != STATUS_OK)
		return status;
	xsdt = add_root(memory, rsdp.xsdt_pa, "XSDT", info, roots);
	rsdt = add_root(memory, rsdp.rsdt_pa, "RSDT", info, roots);
	if (roots->nr_roots > 0)
		return STATUS_OK;
	return xsdt != STATUS_ABSENT ? xsdt : rsdt;
}

static bool has_signature(const struct acpi_memory *memory, uint64_t pa, const char *signature)
{
	struct bytes header = read_memory(memory, pa, ACPI_HEADER_BYTES);

	return header.bytes && memcmp(header.bytes, signature, 4) == 0;
}

/* As acpi_find_table() in one root; *nr_intact: how many were seen. */
static enum status find_in_root(const struct acpi_memory *memory, const struct acpi_root *root,
				struct boot_info *info, const char *signature, uint32_t index,
				struct acpi_location *found, uint32_t *nr_intact)
{
	*nr_intact = 0;
	for (uint32_t i = 0; i < root->nr_entries; i++) {
		uint64_t pa = root_entry(memory, root, i);
		struct bytes table;
		enum status status;

		if (!has_signature(memory, pa, signature))
			continue;
		status = acpi_read_table(memory, pa, signature, &table);
		if (status == STATUS_OK && (*nr_intact)++ == index) {
			*found = (struct acpi_location){
				.pa = pa, .length = (uint32_t)table.length,
			};
			memcpy(found->signature, signature, 4);
			return STATUS_OK;
		}
		if (status != STATUS_OK && index == 0)
			boot_info_add_finding(info, "AcpiTableBroken", SEVERITY_HIGH,
					      "%s at 0x%llx is passed over (%s)", signature,
					      (unsigned long long)pa, status_text(status));
	}
	return STATUS_ABSENT;
}

enum status acpi_find_table(const struct acpi_memory *memory, const struct acpi_roots *roots,
			    struct boot_info *info, const char *signature, uint32_t index,
			    struct acpi_location *found)
{
	for (uint32_t i = 0; i < roots->nr_roots; i++) {
		uint32_t nr_intact;
		enum status status = find_in_root(memory, &roots->root[i], info, signature, index,
						  found, &nr_intact);

		if (status == STATUS_OK && index == 0 && i > 0)
			boot_info_add_finding(info, "AcpiTableElsewhere", SEVERITY_MEDIUM,
					      "the %s lacks an intact %s: the %s has the one that "
					      "is used",
					      root_name(&roots->root[0]), signature,
					      root_name(&roots->root[i]));
		if (status == STATUS_OK || nr_intact > 0)
			return status;
	}
	return STATUS_ABSENT;
}

enum status acpi_walk_records(const uint8_t *table, uint32_t offset, uint32_t table_bytes,
			      uint32_t max_records,
			      enum status (*take)(const void *arg, const uint8_t *at,
						  uint8_t bytes),
			      const void *arg)
{
	uint32_t nr_records = 0;

	while (offset < table_bytes) {
		uint32_t left_bytes = table_bytes - offset;
		enum status status;

		if (left_bytes < 2 || table[offset + 1] < 2 || table[offset + 1] > left_bytes)
			return STATUS_BAD_TABLE;
		if (++nr_records > max_records)
			return STATUS_TOO_MANY;
		status = take(arg, table + offset, table[offset + 1]);
		if (status != STATUS_OK)
			return status;
		offset += table[offset + 1];
	}
	return STATUS_OK;
}
