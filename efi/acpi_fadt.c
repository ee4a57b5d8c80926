/*
 * FADT: where the power switch, the reset register and the ACPI timer are, and
 * DSDT: what to write to the switch (ACPI 6.5, 5.2.9 and 7.4.2).
 *
 * Only registers in port space are taken. From ACPI 2.0 on most stand there twice,
 * as a 32-bit port and as a generic address; firmware fills in one or the other. The DSDT is
 * not interpreted: the sleeping states are packages of constants, so \_S5's name is followed by its
 * numbers wherever firmware has it.
 */

#include "efi/acpi.h"

#define FADT_MIN_BYTES		116u	/* ACPI 1.0's, which ends before the reset register */
#define FADT_RESET_BYTES	129u
#define FADT_X_DSDT_BYTES	148u
#define GAS_BYTES		12u	/* generic address: space, width, offset, size, address */
#define GAS_ADDRESS		4u

/* Offsets. */
#define FADT_DSDT		40u
#define FADT_PM1A_CONTROL	64u
#define FADT_PM1B_CONTROL	68u
#define FADT_PM_TIMER		76u
#define FADT_PM_TIMER_LENGTH	91u
#define FADT_FLAGS		112u
#define FADT_RESET_SPACE	116u
#define FADT_RESET_ADDRESS	120u
#define FADT_RESET_VALUE	128u
#define FADT_X_DSDT		140u
#define FADT_X_PM1A_CONTROL	172u
#define FADT_X_PM1B_CONTROL	184u
#define FADT_X_PM_TIMER		208u

#define FLAG_RESET		(1u << 10)
#define FLAG_HARDWARE_REDUCED	(1u << 20)
#define SPACE_PORT		1u
#define PM_TIMER_BYTES		4u
#define PORT_LAST		0xFFFFu

/* AML (ACPI 6.5, 20.2). */
#define AML_PACKAGE		0x12u
#define AML_BYTE		0x0Au
#define AML_ZERO		0x00u
#define AML_ONE			0x01u
#define SLEEP_TYPE_LAST		7u

static uint16_t port_or_none(uint32_t address)
{
	return address <= PORT_LAST ? (uint16_t)address : 0;
}

/* The port of a generic address, 0: none. */
static uint16_t port_of_gas(const uint8_t *at)
{
	uint64_t address = read_le64(at + GAS_ADDRESS);

	return at[0] == SPACE_PORT && address <= PORT_LAST ? (uint16_t)address : 0;
}

/* A register that stands at @narrow and, where the table is long enough, at @wide. */
static uint16_t read_port(struct bytes table, uint32_t narrow, uint32_t wide,
			  struct fadt_facts *facts)
{
	uint16_t port = port_or_none(read_le32(table.bytes + narrow));
	uint16_t wide_port = table.length >= wide + GAS_BYTES ? port_of_gas(table.bytes + wide) : 0;

	facts->nr_contradictions += port != 0 && wide_port != 0 && port != wide_port;
	return wide_port != 0 ? wide_port : port;
}

enum status fadt_read(struct bytes table, struct power_info *power, struct fadt_facts *facts)
{
	uint32_t table_bytes, flags;
	enum status status = acpi_check_table(table, "FACP", FADT_MIN_BYTES, &table_bytes);
	const uint8_t *at = table.bytes;

	*power = (struct power_info){ 0 };
	*facts = (struct fadt_facts){ .nr_contradictions = 0 };
	if (status != STATUS_OK)
		return status;
	table.length = table_bytes;
	flags = read_le32(at + FADT_FLAGS);
	if (!(flags & FLAG_HARDWARE_REDUCED)) {
		power->pm1a_control_port = read_port(table, FADT_PM1A_CONTROL, FADT_X_PM1A_CONTROL,
						     facts);
		power->pm1b_control_port = read_port(table, FADT_PM1B_CONTROL, FADT_X_PM1B_CONTROL,
						     facts);
		if (at[FADT_PM_TIMER_LENGTH] == PM_TIMER_BYTES)
			power->pm_timer_port = read_port(table, FADT_PM_TIMER, FADT_X_PM_TIMER,
							 facts);
	}
	if (table_bytes >= FADT_RESET_BYTES && (flags & FLAG_RESET) &&
	    at[FADT_RESET_SPACE] == SPACE_PORT && read_le64(at + FADT_RESET_ADDRESS) <= PORT_LAST) {
		power->reset_port = (uint16_t)read_le64(at + FADT_RESET_ADDRESS);
		power->reset_value = at[FADT_RESET_VALUE];
	}
	if (table_bytes >= FADT_X_DSDT_BYTES)
		facts->dsdt_pa[0] = read_le64(at + FADT_X_DSDT);
	facts->dsdt_pa[1] = read_le32(at + FADT_DSDT);
	facts->nr_contradictions += facts->dsdt_pa[0] != 0 && facts->dsdt_pa[1] != 0 &&
				    facts->dsdt_pa[0] != facts->dsdt_pa[1];
	return STATUS_OK;
}

/* One small constant at @*offset of [@at, @at + @bytes); moves past it. */
static bool read_constant(const uint8_t *at, uint64_t bytes, uint64_t *offset, uint8_t *value)
{
	if (*offset >= bytes)
		return false;
	*value = at[(*offset)++];
	if (*value == AML_ZERO || *value == AML_ONE)
		return true;
	if (*value != AML_BYTE || *offset >= bytes)
		return false;
	*value = at[(*offset)++];
	return *value <= SLEEP_TYPE_LAST;
}

/* The package behind the name at @offset: its length bytes, its count, two constants. */
static bool read_package(const uint8_t *at, uint64_t bytes, uint64_t offset,
			 struct power_info *power)
{
	uint8_t type_a, type_b;

	if (bytes - offset < 2 || at[offset] != AML_PACKAGE)
		return false;
	offset += 1u + 1u + (at[offset + 1] >> 6);	/* the lead byte says how many follow it */
	offset++;					/* number of elements */
	if (!read_constant(at, bytes, &offset, &type_a) ||
	    !read_constant(at, bytes, &offset, &type_b))
		return false;
	power->has_s5 = true;
	power->s5_type_a = type_a;
	power->s5_type_b = type_b;
	return true;
}

enum status dsdt_find_s5(struct bytes table, struct power_info *power)
{
	static const uint8_t name[] = { '_', 'S', '5', '_' };
	uint32_t table_bytes;
	enum status status = acpi_check_table(table, "DSDT", ACPI_HEADER_BYTES, &table_bytes);

	if (status != STATUS_OK)
		return status;
	for (uint64_t at = ACPI_HEADER_BYTES; at + sizeof(name) < table_bytes; at++) {
		bool is_name = true;

		for (unsigned i = 0; i < sizeof(name); i++)
			is_name = is_name && table.bytes[at + i] == name[i];
		if (is_name && read_package(table.bytes, table_bytes, at + sizeof(name), power))
			return STATUS_OK;
	}
	return STATUS_ABSENT;
}
