/* ACPI tables put together byte by byte. Locking: none, the caller owns the table. */

#include "tests/unit/efi/tables.h"

#include "lib/string.h"
#include "mm/assert.h"

void table_put8(struct table *table, uint8_t value)
{
	ASSERT(table->length < TABLE_BYTES_MAX);
	table->bytes[table->length++] = value;
}

void table_put16(struct table *table, uint16_t value)
{
	table_put8(table, (uint8_t)value);
	table_put8(table, (uint8_t)(value >> 8));
}

void table_put32(struct table *table, uint32_t value)
{
	table_put16(table, (uint16_t)value);
	table_put16(table, (uint16_t)(value >> 16));
}

void table_put64(struct table *table, uint64_t value)
{
	table_put32(table, (uint32_t)value);
	table_put32(table, (uint32_t)(value >> 32));
}

void table_put_zeroes(struct table *table, uint32_t count)
{
	while (count-- > 0)
		table_put8(table, 0);
}

void table_begin(struct table *table, const char *signature, uint8_t revision)
{
	table->length = 0;
	for (unsigned i = 0; i < 4; i++)
		table_put8(table, (uint8_t)signature[i]);
	table_put32(table, 0);
	table_put8(table, revision);
	table_put_zeroes(table, 27);
}

struct bytes table_end(struct table *table)
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < 4; i++)
		table->bytes[4 + i] = (uint8_t)(table->length >> (8 * i));
	table->bytes[9] = 0;
	for (uint32_t i = 0; i < table->length; i++)
		sum = (uint8_t)(sum + table->bytes[i]);
	table->bytes[9] = (uint8_t)(0 - sum);
	return (struct bytes){ table->bytes, table->length };
}

void srat_begin(struct table *table, uint8_t revision)
{
	table_begin(table, "SRAT", revision);
	table_put32(table, 1);
	table_put64(table, 0);
}

void srat_put_cpu(struct table *table, uint8_t apic_id, uint32_t domain, uint32_t flags)
{
	table_put8(table, 0);
	table_put8(table, 16);
	table_put8(table, (uint8_t)domain);
	table_put8(table, apic_id);
	table_put32(table, flags);
	table_put8(table, 0);
	table_put8(table, (uint8_t)(domain >> 8));
	table_put8(table, (uint8_t)(domain >> 16));
	table_put8(table, (uint8_t)(domain >> 24));
	table_put32(table, 0);
}

void srat_put_x2apic(struct table *table, uint32_t apic_id, uint32_t domain, uint32_t flags)
{
	table_put8(table, 2);
	table_put8(table, 24);
	table_put16(table, 0);
	table_put32(table, domain);
	table_put32(table, apic_id);
	table_put32(table, flags);
	table_put64(table, 0);
}

void srat_put_memory(struct table *table, uint64_t start, uint64_t bytes, uint32_t domain,
		     uint32_t flags)
{
	table_put8(table, 1);
	table_put8(table, 40);
	table_put32(table, domain);
	table_put16(table, 0);
	table_put64(table, start);
	table_put64(table, bytes);
	table_put32(table, 0);
	table_put32(table, flags);
	table_put64(table, 0);
}

void srat_put_initiator(struct table *table, uint32_t domain, uint32_t flags)
{
	table_put8(table, 5);
	table_put8(table, 32);
	table_put16(table, 0);
	table_put32(table, domain);
	table_put64(table, 0);
	table_put64(table, 0);
	table_put32(table, flags);
	table_put32(table, 0);
}

void madt_begin(struct table *table)
{
	table_begin(table, "APIC", 4);
	table_put32(table, 0xFEE00000);
	table_put32(table, 1);
}

void madt_put_cpu(struct table *table, uint8_t apic_id, uint32_t flags)
{
	table_put8(table, 0);
	table_put8(table, 8);
	table_put8(table, apic_id);
	table_put8(table, apic_id);
	table_put32(table, flags);
}

void madt_put_x2apic(struct table *table, uint32_t apic_id, uint32_t flags)
{
	table_put8(table, 9);
	table_put8(table, 16);
	table_put16(table, 0);
	table_put32(table, apic_id);
	table_put32(table, flags);
	table_put32(table, apic_id);
}

struct bytes make_slit(struct table *table, uint64_t n, uint8_t remote)
{
	table_begin(table, "SLIT", 1);
	table_put64(table, n);
	for (uint64_t from = 0; from < n; from++)
		for (uint64_t to = 0; to < n; to++)
			table_put8(table, from == to ? 10 : remote);
	return table_end(table);
}
