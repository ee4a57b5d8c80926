/*
 * SRAT: which domain a CPU, a memory range, an initiator belongs to.
 *
 * Model
 *   48 bytes of header, then records: type, length, body (ACPI 6.5, 5.2.16).
 *   One walk serves both halves: srat_measure() walks with no arrays, counting
 *   and refusing; srat_read() walks the same way and stores. So what is stored
 *   is what was counted.
 *
 *   Revisions 0 and 1 define one byte of the domain; what stands in the other
 *   three is undefined there and is masked, in CPU and in memory records.
 *
 * Rules
 *   A record shorter than 2 bytes, past the end of the table, or of a known type
 *   but shorter than that type refuses the table. Longer ones are read by their
 *   known beginning, unknown types passed over. Disabled records give nothing.
 *
 * Locking
 *   None.
 */

#include "efi/acpi.h"

#include "lib/string.h"

#define SRAT_HEADER_BYTES	48u
#define SRAT_REVISION		8u	/* offset in the table header */
#define REVISION_WIDE_DOMAIN	2u	/* from here on domains have 32 bits */

/* Twelve times what the largest machines have; keeps sorting and arrays bounded. */
#define SRAT_RECORDS_MAX	65536u

enum record_type {
	RECORD_LOCAL_APIC = 0,
	RECORD_MEMORY = 1,
	RECORD_X2APIC = 2,
	RECORD_INITIATOR = 5
};

#define LOCAL_APIC_BYTES	16u
#define MEMORY_BYTES		40u
#define X2APIC_BYTES		24u
#define INITIATOR_BYTES		32u

#define FLAG_ENABLED		0x1u
#define FLAG_HOT_PLUGGABLE	0x2u
#define FLAG_NON_VOLATILE	0x4u

#define LOCAL_APIC_NONE		0xFFu
#define X2APIC_NONE		0xFFFFFFFFu

/* The walk's state: where to count, and where to store (NULL: only count). */
struct walk {
	struct srat_counts *counts;
	struct srat *srat;
};

static uint32_t narrow_domain(const struct walk *walk, uint32_t domain)
{
	return walk->counts->revision < REVISION_WIDE_DOMAIN ? domain & 0xFFu : domain;
}

/* CPUs and initiators number the nodes in table order, before any memory does. */
static void store_domain(const struct walk *walk, uint32_t domain)
{
	walk->srat->domains[walk->counts->nr_cpus + walk->counts->nr_initiators] = domain;
}

static void take_cpu(const struct walk *walk, uint32_t apic_id, uint32_t none_id, uint32_t domain)
{
	struct srat_counts *counts = walk->counts;

	if (apic_id == none_id) {
		counts->nr_no_cpus++;
		return;
	}
	if (walk->srat) {
		domain = narrow_domain(walk, domain);
		walk->srat->cpus[counts->nr_cpus] = (struct srat_cpu){ apic_id, domain };
		store_domain(walk, domain);
	}
	counts->nr_cpus++;
}

static void take_local_apic(const struct walk *walk, const uint8_t *at)
{
	uint32_t domain = at[2] | (uint32_t)at[9] << 8 | (uint32_t)at[10] << 16 |
			  (uint32_t)at[11] << 24;

	if (read_le32(at + 4) & FLAG_ENABLED)
		take_cpu(walk, at[3], LOCAL_APIC_NONE, domain);
	else
		walk->counts->nr_disabled_cpus++;
}

static void take_x2apic(const struct walk *walk, const uint8_t *at)
{
	uint32_t nr_before = walk->counts->nr_cpus;

	if (!(read_le32(at + 12) & FLAG_ENABLED)) {
		walk->counts->nr_disabled_cpus++;
		return;
	}
	take_cpu(walk, read_le32(at + 8), X2APIC_NONE, read_le32(at + 4));
	walk->counts->nr_x2apic_cpus += walk->counts->nr_cpus - nr_before;
}

static void take_memory(const struct walk *walk, const uint8_t *at)
{
	struct srat_counts *counts = walk->counts;
	uint32_t flags = read_le32(at + 28);
	uint64_t start = read_le64(at + 8);
	uint64_t bytes = read_le64(at + 16);
	uint64_t end = start + bytes;

	if (!(flags & FLAG_ENABLED)) {
		counts->nr_disabled_memory++;
		return;
	}
	if (bytes == 0) {
		counts->nr_empty_memory++;
		return;
	}
	/* An end of 2^64 is legal; as it cannot be written, the last byte is left out. */
	if (end == 0)
		end = UINT64_MAX;
	if (end <= start) {
		counts->nr_wrapped_memory++;
		return;
	}
	if (walk->srat)
		walk->srat->memory[counts->nr_memory] = (struct affinity_range){
			.start = start,
			.end = end,
			.domain = narrow_domain(walk, read_le32(at + 2)),
			.is_hot_pluggable = flags & FLAG_HOT_PLUGGABLE,
			.is_non_volatile = flags & FLAG_NON_VOLATILE,
		};
	counts->nr_memory++;
}

static void take_initiator(const struct walk *walk, const uint8_t *at)
{
	struct srat_counts *counts = walk->counts;

	if (!(read_le32(at + 24) & FLAG_ENABLED)) {
		counts->nr_disabled_initiators++;
		return;
	}
	if (walk->srat) {
		uint32_t domain = narrow_domain(walk, read_le32(at + 4));

		walk->srat->initiators[counts->nr_initiators] = domain;
		store_domain(walk, domain);
	}
	counts->nr_initiators++;
}

static enum status take_record(const void *arg, const uint8_t *at, uint8_t record_bytes)
{
	const struct walk *walk = arg;
	static const struct {
		uint8_t type, min_bytes;
	} known[] = {
		{ RECORD_LOCAL_APIC, LOCAL_APIC_BYTES }, { RECORD_MEMORY, MEMORY_BYTES },
		{ RECORD_X2APIC, X2APIC_BYTES }, { RECORD_INITIATOR, INITIATOR_BYTES },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
		if (at[0] == known[i].type && record_bytes < known[i].min_bytes)
			return STATUS_BAD_TABLE;
	if (at[0] == RECORD_LOCAL_APIC)
		take_local_apic(walk, at);
	else if (at[0] == RECORD_MEMORY)
		take_memory(walk, at);
	else if (at[0] == RECORD_X2APIC)
		take_x2apic(walk, at);
	else if (at[0] == RECORD_INITIATOR)
		take_initiator(walk, at);
	else
		walk->counts->nr_other++;
	return STATUS_OK;
}

static enum status walk_records(const struct walk *walk, const uint8_t *table, uint32_t table_bytes)
{
	return acpi_walk_records(table, SRAT_HEADER_BYTES, table_bytes, SRAT_RECORDS_MAX,
				 take_record, walk);
}

enum status srat_measure(struct bytes table, struct srat_counts *counts)
{
	const struct walk walk = { counts, NULL };
	uint32_t table_bytes;
	enum status status;

	*counts = (struct srat_counts){ 0 };
	status = acpi_check_table(table, "SRAT", SRAT_HEADER_BYTES, &table_bytes);
	if (status != STATUS_OK)
		return status;
	counts->revision = table.bytes[SRAT_REVISION];
	return walk_records(&walk, table.bytes, table_bytes);
}

void srat_read(struct bytes table, struct srat *srat)
{
	struct srat_counts counts = { .revision = table.bytes[SRAT_REVISION] };
	const struct walk walk = { &counts, srat };

	/* The table was measured: the walk cannot fail. */
	(void)!walk_records(&walk, table.bytes, read_le32(table.bytes + 4));
}
