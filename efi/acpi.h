#ifndef EFI_ACPI_H
#define EFI_ACPI_H

/*
 * ACPI tables as plain bytes.
 *
 * Every reader here takes bytes that nobody vouches for and a length that is
 * true. It never casts them to a structure, never looks past the length, and
 * loops only while it advances. A reader has two halves: x_measure() checks the
 * whole table and counts what is in it; x_read() fills arrays that the caller
 * made that long. What a table means for the machine is mm/topology's business.
 */

#include "boot_info.h"
#include "lib/compiler.h"
#include "status.h"

/* A piece of memory with its true length; bytes == NULL: not there. */
struct bytes {
	const uint8_t *bytes;
	uint64_t length;
};

#define ACPI_HEADER_BYTES	36u	/* ACPI 6.5, 5.2.6 */
#define ACPI_LENGTH_OFFSET	4u

static inline uint16_t read_le16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t read_le32(const uint8_t *at)
{
	return (uint32_t)read_le16(at) | (uint32_t)read_le16(at + 2) << 16;
}

static inline uint64_t read_le64(const uint8_t *at)
{
	return (uint64_t)read_le32(at) | (uint64_t)read_le32(at + 4) << 32;
}

/* ---- Finding tables ---- */

/*
 * [@pa, @pa + @bytes) of physical memory as readable bytes, or NULL when the
 * range cannot be read. Valid until the next call.
 */
typedef const uint8_t *acpi_access(void *arg, uint64_t pa, uint64_t bytes);

struct acpi_memory {
	acpi_access *access;
	void *arg;
};

/* A root table: the XSDT, or the RSDT that old firmware has alone. */
struct acpi_root {
	uint64_t pa;
	uint32_t nr_entries;
	uint32_t entry_bytes;		/* 8 or 4 */
};

/* Those of a machine that can be read: what the first lacks is looked for in the next. */
struct acpi_roots {
	struct acpi_root root[2];
	uint32_t nr_roots;
};

struct acpi_location {
	uint64_t pa;
	uint32_t length;		/* checked: readable, checksum right */
	char signature[5];
};

/*
 * Follows the RSDP at @rsdp_pa. STATUS_ABSENT: it or the roots cannot be read;
 * STATUS_BAD_TABLE, STATUS_BAD_CHECKSUM, STATUS_BAD_LENGTH as found. What is
 * broken on a way that leads on is a finding of @info.
 */
enum status acpi_open_roots(const struct acpi_memory *memory, uint64_t rsdp_pa,
			    struct boot_info *info, struct acpi_roots *roots) MUST_CHECK;

/*
 * The @index-th table (from 0) with @signature in the first root that has any,
 * counting only intact ones. STATUS_ABSENT: there are not that many. Each broken
 * one, and a root that lacks what the next has, is a finding of @info when the
 * first table (@index 0) is looked for.
 */
enum status acpi_find_table(const struct acpi_memory *memory, const struct acpi_roots *roots,
			    struct boot_info *info, const char *signature, uint32_t index,
			    struct acpi_location *found) MUST_CHECK;

/* The whole table with @signature at @pa, checked: for those that another table points to. */
enum status acpi_read_table(const struct acpi_memory *memory, uint64_t pa, const char *signature,
			    struct bytes *table) MUST_CHECK;

/*
 * Checks a table's length field against the bytes there and against
 * @min_bytes, and its checksum. On STATUS_OK *table_bytes is the length field.
 */
enum status acpi_check_table(struct bytes table, const char *signature, uint32_t min_bytes,
			     uint32_t *table_bytes) MUST_CHECK;

/*
 * Calls @take(@arg, record, its length) for each sub-table (type byte, length
 * byte, ...) of [@offset, @table_bytes) of @table. Ends at the first status but
 * STATUS_OK; STATUS_BAD_TABLE for a length below 2 or beyond the table,
 * STATUS_TOO_MANY after @max_records.
 */
enum status acpi_walk_records(const uint8_t *table, uint32_t offset, uint32_t table_bytes,
			      uint32_t max_records,
			      enum status (*take)(const void *arg, const uint8_t *at,
						  uint8_t bytes),
			      const void *arg) MUST_CHECK;

/* ---- SRAT ---- */

struct srat_counts {
	uint32_t revision;
	uint32_t nr_cpus, nr_disabled_cpus;		/* types 0 and 2; nr_cpus: enabled */
	uint32_t nr_x2apic_cpus;			/* of nr_cpus: type 2 */
	uint32_t nr_no_cpus;				/* enabled, but the id says "no CPU" */
	uint32_t nr_memory, nr_disabled_memory;		/* type 1; enabled, not empty, no wrap */
	uint32_t nr_empty_memory, nr_wrapped_memory;	/* enabled, ignored */
	uint32_t nr_initiators, nr_disabled_initiators;	/* type 5 */
	uint32_t nr_other;				/* types passed over by length */
};

struct srat_cpu {
	uint32_t apic_id;
	uint32_t domain;
};

/* Arrays of the lengths that srat_measure() counted, in table order. */
struct srat {
	struct srat_cpu *cpus;
	struct affinity_range *memory;
	uint32_t *initiators;
	uint32_t *domains;		/* of CPUs and initiators, as they come */
};

/* STATUS_OK, or why the whole table counts as absent. */
enum status srat_measure(struct bytes table, struct srat_counts *counts) MUST_CHECK;

/* @table has been measured with STATUS_OK. */
void srat_read(struct bytes table, struct srat *srat);

/* ---- SLIT ---- */

/* STATUS_BAD_VALUE: a diagonal that is not 10 or another value that is not above 10. */
enum status slit_measure(struct bytes table, uint32_t *nr_localities) MUST_CHECK;

/* Copies the n * n distances. @table has been measured. */
void slit_read(struct bytes table, uint8_t *value);

/* True when every value is 10, as firmware that never filled the table leaves it. */
bool slit_is_all_local(struct bytes table);

/* ---- MADT ---- */

struct madt_counts {
	uint32_t nr_cpus;		/* types 0 and 9: enabled, with a valid id; with repeats */
	uint32_t nr_x2apic_cpus;	/* of these: type 9 */
	uint32_t nr_disabled;
	uint32_t nr_no_cpus;		/* enabled, but the id says "no CPU" */
	uint32_t nr_other;
	uint64_t local_apic_pa;
	bool is_cut;			/* a record breaks the format: none from there on counts */
};

enum status madt_measure(struct bytes table, struct madt_counts *counts) MUST_CHECK;
void madt_read(struct bytes table, uint32_t *apic_ids);

/* ---- HMAT ---- */

struct hmat_counts {
	uint32_t revision;
	uint32_t nr_values;		/* known values of latency or bandwidth to memory */
	uint32_t nr_matrices;
	uint32_t nr_other;
};

enum hmat_kind { HMAT_READ_LATENCY, HMAT_WRITE_LATENCY, HMAT_READ_BANDWIDTH, HMAT_WRITE_BANDWIDTH };

/* One value of a matrix: an "access" value counts as read and as write. */
struct hmat_value {
	uint32_t initiator, target;
	enum hmat_kind kind;
	uint32_t value;			/* picoseconds or MB/s */
};

enum status hmat_measure(struct bytes table, struct hmat_counts *counts) MUST_CHECK;

/* Writes counts.nr_values values. */
void hmat_read(struct bytes table, struct hmat_value *values);

/*
 * Joins values of one pair of domains, in place sorted. Writes at most
 * @nr_values pairs, sorted by initiator and target. Returns how many.
 */
uint32_t hmat_join(struct hmat_value *values, uint32_t nr_values, struct performance *pairs);

/* ---- SPCR and DBG2 ---- */

/* STATUS_UNSUPPORTED: a console that is no 16550. */
enum status spcr_read(struct bytes table, struct uart_info *uart) MUST_CHECK;

/*
 * The first 16550 of a DBG2. STATUS_ABSENT, STATUS_UNSUPPORTED: it has none; else why the
 * last that was looked at is of no use.
 */
enum status dbg2_read(struct bytes table, struct uart_info *uart) MUST_CHECK;

/* "a 16550", "a PL011", ...: what the table says the console is. */
const char *spcr_device_name(struct bytes table);

/* ---- FADT and DSDT ---- */

/* What the FADT says twice, in 32 and in 64 bits, and what else it leads to. */
struct fadt_facts {
	uint64_t dsdt_pa[2];		/* the 64-bit form first; 0: none */
	uint32_t nr_contradictions;	/* both forms are there and differ */
};

/*
 * Where the switches are. A register's 64-bit form counts where it is a port, else
 * the 32-bit one. Unless STATUS_OK all of @power is 0.
 */
enum status fadt_read(struct bytes table, struct power_info *power,
		      struct fadt_facts *facts) MUST_CHECK;

/* Adds the sleep types of \_S5 to @power. STATUS_ABSENT: not found as constants. */
enum status dsdt_find_s5(struct bytes table, struct power_info *power) MUST_CHECK;

#endif
