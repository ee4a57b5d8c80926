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
 *   Where the XSDT is broken, the RSDT is tried.
 *
 * Locking
 *   None.
 */

#include "efi/acpi.h"

#include "lib/string.h"
#include "log.h"

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

/* Reads a whole table: its header first, for the length. */
static enum status read_table(const struct acpi_memory *memory, uint64_t pa, const char *signature,
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
	enum status status = read_table(memory, pa, signature, &table);

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

static enum status read_rsdp(const struct acpi_memory *memory, uint64_t rsdp_pa, struct rsdp *rsdp)
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
		log_line(LOG_WARN, "ACPI: the second half of the RSDP is broken: using the RSDT");
		return STATUS_OK;
	}
	rsdp->xsdt_pa = read_le64(head.bytes + RSDP_XSDT);
	return STATUS_OK;
}

enum status acpi_open_root(const struct acpi_memory *memory, uint64_t rsdp_pa,
			   struct acpi_root *root)
{
	struct rsdp rsdp;
	enum status status = read_rsdp(memory, rsdp_pa, &rsdp);

	if (status != STATUS_OK)
		return status;
	status = STATUS_ABSENT;
	if (rsdp.xsdt_pa != 0) {
		status = open_root_table(memory, rsdp.xsdt_pa, "XSDT", 8, root);
		if (status == STATUS_OK)
			return STATUS_OK;
		log_line(LOG_WARN, "ACPI: XSDT: %s", status_text(status));
	}
	if (rsdp.rsdt_pa != 0)
		status = open_root_table(memory, rsdp.rsdt_pa, "RSDT", 4, root);
	return status;
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

static bool has_signature(const struct acpi_memory *memory, uint64_t pa, const char *signature)
{
	struct bytes header = read_memory(memory, pa, ACPI_HEADER_BYTES);

	return header.bytes && memcmp(header.bytes, signature, 4) == 0;
}

enum status acpi_find_table(const struct acpi_memory *memory, const struct acpi_root *root,
			    const char *signature, uint32_t index, struct acpi_location *found)
{
	for (uint32_t i = 0; i < root->nr_entries; i++) {
		uint64_t pa = root_entry(memory, root, i);
		struct bytes table;
		enum status status;

		if (!has_signature(memory, pa, signature))
			continue;
		status = read_table(memory, pa, signature, &table);
		if (status != STATUS_OK) {
			log_line(LOG_WARN, "ACPI: %s at 0x%llx passed over: %s", signature,
				 (unsigned long long)pa, status_text(status));
			continue;
		}
		if (index-- > 0)
			continue;
		*found = (struct acpi_location){ .pa = pa, .length = (uint32_t)table.length };
		memcpy(found->signature, signature, 4);
		return STATUS_OK;
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
