/*
 * MADT: which CPUs there are.
 *
 * Model
 *   44 bytes of header, then records: type, length, body (ACPI 6.5, 5.2.12). As
 *   with the SRAT, one walk counts or stores.
 *
 * Rules
 *   Each record is judged alone: many machines reuse the id of an enabled CPU in
 *   a disabled record. Ids 0xFF (type 0) and 0xFFFFFFFF (type 9) are no CPUs.
 *   "Online capable" CPUs that are not enabled are not there. The same CPU may
 *   come twice, as type 0 and as type 9: the caller makes one of them.
 *   A malformed record ends the table there: the CPUs before it are as good as
 *   any, and all but one would be lost with it.
 */

#include "efi/acpi.h"

#define MADT_HEADER_BYTES	44u
#define MADT_LOCAL_APIC_PA	36u
#define MADT_RECORDS_MAX	65536u

enum record_type { RECORD_LOCAL_APIC = 0, RECORD_ADDRESS_OVERRIDE = 5, RECORD_X2APIC = 9 };

#define LOCAL_APIC_BYTES	8u
#define ADDRESS_OVERRIDE_BYTES	12u
#define X2APIC_BYTES		16u

#define FLAG_ENABLED		0x1u
#define LOCAL_APIC_NONE		0xFFu
#define X2APIC_NONE		0xFFFFFFFFu

struct walk {
	struct madt_counts *counts;
	uint32_t *apic_ids;		/* NULL: only count */
};

static bool take_cpu(const struct walk *walk, uint32_t apic_id, uint32_t none_id, uint32_t flags)
{
	struct madt_counts *counts = walk->counts;

	if (!(flags & FLAG_ENABLED)) {
		counts->nr_disabled++;
		return false;
	}
	if (apic_id == none_id) {
		counts->nr_no_cpus++;
		return false;
	}
	if (walk->apic_ids)
		walk->apic_ids[counts->nr_cpus] = apic_id;
	counts->nr_cpus++;
	return true;
}

static enum status take_record(const void *arg, const uint8_t *at, uint8_t record_bytes)
{
	const struct walk *walk = arg;
	switch (at[0]) {
	case RECORD_LOCAL_APIC:
		if (record_bytes < LOCAL_APIC_BYTES)
			return STATUS_BAD_TABLE;
		take_cpu(walk, at[3], LOCAL_APIC_NONE, read_le32(at + 4));
		return STATUS_OK;
	case RECORD_X2APIC:
		if (record_bytes < X2APIC_BYTES)
			return STATUS_BAD_TABLE;
		if (take_cpu(walk, read_le32(at + 4), X2APIC_NONE, read_le32(at + 8)))
			walk->counts->nr_x2apic_cpus++;
		return STATUS_OK;
	case RECORD_ADDRESS_OVERRIDE:
		if (record_bytes < ADDRESS_OVERRIDE_BYTES)
			return STATUS_BAD_TABLE;
		if (read_le64(at + 4) != 0)	/* half filled: the 32-bit one stays */
			walk->counts->local_apic_pa = read_le64(at + 4);
		return STATUS_OK;
	default:
		walk->counts->nr_other++;
		return STATUS_OK;
	}
}

static enum status walk_records(const struct walk *walk, const uint8_t *table, uint32_t table_bytes)
{
	return acpi_walk_records(table, MADT_HEADER_BYTES, table_bytes, MADT_RECORDS_MAX,
				 take_record, walk);
}

enum status madt_measure(struct bytes table, struct madt_counts *counts)
{
	const struct walk walk = { counts, NULL };
	uint32_t table_bytes;
	enum status status;

	*counts = (struct madt_counts){ 0 };
	status = acpi_check_table(table, "APIC", MADT_HEADER_BYTES, &table_bytes);
	if (status != STATUS_OK)
		return status;
	counts->local_apic_pa = read_le32(table.bytes + MADT_LOCAL_APIC_PA);
	counts->is_cut = walk_records(&walk, table.bytes, table_bytes) != STATUS_OK;
	return STATUS_OK;
}

void madt_read(struct bytes table, uint32_t *apic_ids)
{
	struct madt_counts counts = { 0 };
	const struct walk walk = { &counts, apic_ids };

	/* Ends where measuring did. */
	(void)!walk_records(&walk, table.bytes, read_le32(table.bytes + 4));
}
