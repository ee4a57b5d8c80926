#ifndef TESTS_UNIT_TABLES_H
#define TESTS_UNIT_TABLES_H

/* ACPI tables and memory maps put together byte by byte, for tests. */

#include "efi/acpi.h"
#include "lib/compiler.h"

#define TABLE_BYTES_MAX	8192u

struct table {
	uint8_t bytes[TABLE_BYTES_MAX];
	uint32_t length;
};

/* Starts a table with its 36-byte header. */
void table_begin(struct table *table, const char *signature, uint8_t revision);

void table_put8(struct table *table, uint8_t value);
void table_put16(struct table *table, uint16_t value);
void table_put32(struct table *table, uint32_t value);
void table_put64(struct table *table, uint64_t value);
void table_put_zeroes(struct table *table, uint32_t count);

/* Writes length and checksum. */
struct bytes table_end(struct table *table);

/*
 * SRAT: the header's last 12 bytes, and records. @flags: 1 enabled, 2 hot-pluggable,
 * 4 non-volatile.
 */
void srat_begin(struct table *table, uint8_t revision);
void srat_put_cpu(struct table *table, uint8_t apic_id, uint32_t domain, uint32_t flags);
void srat_put_x2apic(struct table *table, uint32_t apic_id, uint32_t domain, uint32_t flags);
void srat_put_memory(struct table *table, uint64_t start, uint64_t bytes, uint32_t domain,
		     uint32_t flags);
void srat_put_initiator(struct table *table, uint32_t domain, uint32_t flags);

void madt_begin(struct table *table);
void madt_put_cpu(struct table *table, uint8_t apic_id, uint32_t flags);
void madt_put_x2apic(struct table *table, uint32_t apic_id, uint32_t flags);

/* A SLIT of @n domains: 10 to itself, @remote to others. */
struct bytes make_slit(struct table *table, uint64_t n, uint8_t remote);

#endif
