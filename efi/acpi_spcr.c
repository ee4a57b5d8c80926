/*
 * SPCR: the serial console that firmware used; DBG2: ports for debuggers.
 *
 * Model
 *   Only 16550s are taken: interface types 0, 1 and 0x12 (Microsoft's Serial
 *   Port Console Redirection table, revision 4). Without a usable table the
 *   first 16550 of the DBG2 (Microsoft's Debug Port Table 2, with the same types)
 *   is one that an owner has thought of; without that the caller falls back to the
 *   first port of the PC.
 *
 *   Registers are as far apart as the wider of their width and their access:
 *   tables with a width of 8 bits and 32-bit accesses have been seen.
 *
 *   A speed is set only where the divisor for it is known: at ports, whose clock
 *   has been 1.8432 MHz since the first PC, and where the table says that it is
 *   that (revision 3 and later). A wrong divisor is a silent line; firmware's is
 *   right, for it used it.
 */

#include "efi/acpi.h"

#define SPCR_MIN_BYTES		80u
#define SPCR_CLOCK_REVISION	3u
#define SPCR_PRECISE_REVISION	4u

/* Offsets in a generic address (ACPI 6.5, 5.2.3.2). */
#define GAS_SPACE		0u
#define GAS_BIT_WIDTH		1u
#define GAS_ACCESS		3u	/* 1: byte, 2: word, 3: 32 bits; 0: not told */
#define GAS_ADDRESS		4u
#define GAS_BYTES		12u

/* Offsets. */
#define SPCR_REVISION		8u
#define SPCR_INTERFACE		36u
#define SPCR_REGISTERS		40u	/* a generic address */
#define SPCR_SPACE		(SPCR_REGISTERS + GAS_SPACE)
#define SPCR_BAUD		58u
#define SPCR_CLOCK		76u	/* Hz; 0: not known */
#define SPCR_PRECISE_BAUD	80u	/* 0: see SPCR_BAUD */
#define SPCR_PRECISE_BYTES	84u

/* DBG2: where the descriptions of devices begin, how many there are; offsets in each. */
#define DBG2_MIN_BYTES		44u
#define DBG2_FIRST		36u
#define DBG2_COUNT		40u
#define DEVICE_BYTES		1u
#define DEVICE_NR_REGISTERS	3u
#define DEVICE_TYPE		12u
#define DEVICE_INTERFACE	14u
#define DEVICE_REGISTERS	18u	/* offset of generic addresses */
#define DEVICE_MIN_BYTES	22u
#define DEVICE_IS_SERIAL	0x8000u

#define CLOCK_OF_PC_HZ		1843200u

#define SPACE_MEMORY		0u
#define SPACE_PORT		1u

static bool is_16550(uint16_t interface)
{
	return interface == 0x00 || interface == 0x01 || interface == 0x12;
}

/* 0, and any code without a meaning: leave the speed as firmware set it. */
static uint32_t baud_of(uint8_t code)
{
	switch (code) {
	case 3: return 9600;
	case 4: return 19200;
	case 6: return 57600;
	case 7: return 115200;
	default: return 0;
	}
}

static uint8_t stride_of(const uint8_t *gas)
{
	unsigned width_bytes = gas[GAS_BIT_WIDTH] / 8u;
	unsigned access_bytes = gas[GAS_ACCESS] > 0 && gas[GAS_ACCESS] <= 3
				? 1u << (gas[GAS_ACCESS] - 1) : 1;
	unsigned bytes = width_bytes > access_bytes ? width_bytes : access_bytes;

	return bytes == 2 || bytes == 4 ? (uint8_t)bytes : 1;
}

/* The speed to set, or 0: as firmware left it. */
static uint32_t speed_of(const uint8_t *table, uint32_t table_bytes)
{
	uint32_t clock_hz = table[SPCR_REVISION] >= SPCR_CLOCK_REVISION
			    ? read_le32(table + SPCR_CLOCK) : 0;

	if (clock_hz != CLOCK_OF_PC_HZ && (clock_hz != 0 || table[SPCR_SPACE] != SPACE_PORT))
		return 0;
	if (table[SPCR_REVISION] >= SPCR_PRECISE_REVISION && table_bytes >= SPCR_PRECISE_BYTES &&
	    read_le32(table + SPCR_PRECISE_BAUD) != 0)
		return read_le32(table + SPCR_PRECISE_BAUD);
	return baud_of(table[SPCR_BAUD]);
}

const char *spcr_device_name(struct bytes table)
{
	if (!table.bytes || table.length <= SPCR_INTERFACE)
		return "unknown";
	switch (table.bytes[SPCR_INTERFACE]) {
	case 0x00: case 0x01: case 0x12: return "a 16550";
	case 0x03: return "a PL011";
	case 0x0D: case 0x0E: return "a PL011 of the SBSA kind";
	case 0x0F: return "ARM's debug channel";
	default: return "of another kind";
	}
}

/* The registers at @gas as a UART whose speed stays as it is. */
static enum status read_registers(const uint8_t *gas, struct uart_info *uart)
{
	uint64_t address = read_le64(gas + GAS_ADDRESS);

	if (address == 0)
		return STATUS_ABSENT;	/* the table's way to say: there is none */
	if (gas[GAS_SPACE] == SPACE_PORT && address > 0xFFFF - 7)
		return STATUS_BAD_VALUE;
	if (gas[GAS_SPACE] > SPACE_PORT)
		return STATUS_UNSUPPORTED;
	*uart = (struct uart_info){
		.space = gas[GAS_SPACE] == SPACE_PORT ? UART_PORT : UART_MEMORY,
		.base = address,
		.register_stride_bytes = stride_of(gas),
	};
	return STATUS_OK;
}

enum status spcr_read(struct bytes table, struct uart_info *uart)
{
	uint32_t table_bytes;
	enum status status = acpi_check_table(table, "SPCR", SPCR_MIN_BYTES, &table_bytes);

	if (status != STATUS_OK)
		return status;
	if (!is_16550(table.bytes[SPCR_INTERFACE]))
		return STATUS_UNSUPPORTED;
	status = read_registers(table.bytes + SPCR_REGISTERS, uart);
	if (status == STATUS_OK)
		uart->baud = speed_of(table.bytes, table_bytes);
	return status;
}

/* One device; @device_bytes of it are there. */
static enum status read_device(const uint8_t *device, uint32_t device_bytes,
			       struct uart_info *uart)
{
	uint32_t offset = read_le16(device + DEVICE_REGISTERS);

	if (read_le16(device + DEVICE_TYPE) != DEVICE_IS_SERIAL ||
	    !is_16550(read_le16(device + DEVICE_INTERFACE)) || device[DEVICE_NR_REGISTERS] == 0)
		return STATUS_UNSUPPORTED;
	if (offset > device_bytes || device_bytes - offset < GAS_BYTES)
		return STATUS_BAD_TABLE;
	return read_registers(device + offset, uart);
}

enum status dbg2_read(struct bytes table, struct uart_info *uart)
{
	uint32_t table_bytes, offset, nr_devices;
	enum status status = acpi_check_table(table, "DBG2", DBG2_MIN_BYTES, &table_bytes);

	if (status != STATUS_OK)
		return status;
	offset = read_le32(table.bytes + DBG2_FIRST);
	nr_devices = read_le32(table.bytes + DBG2_COUNT);
	status = STATUS_ABSENT;
	for (uint32_t i = 0; i < nr_devices; i++) {
		uint32_t bytes;

		if (offset > table_bytes || table_bytes - offset < DEVICE_MIN_BYTES)
			return STATUS_BAD_TABLE;
		bytes = read_le16(table.bytes + offset + DEVICE_BYTES);
		if (bytes < DEVICE_MIN_BYTES || bytes > table_bytes - offset)
			return STATUS_BAD_TABLE;
		status = read_device(table.bytes + offset, bytes, uart);
		if (status == STATUS_OK)
			return STATUS_OK;
		offset += bytes;
	}
	return status;
}
