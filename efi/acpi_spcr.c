/*
 * SPCR: the serial console that firmware used.
 *
 * Only 16550s are taken: interface types 0, 1 and 0x12 (Microsoft's Serial
 * Port Console Redirection table, revision 4). Without a usable table the
 * caller falls back to the first port of the PC.
 */

#include "efi/acpi.h"

#define SPCR_MIN_BYTES		80u

/* Offsets. */
#define SPCR_INTERFACE		36u
#define SPCR_SPACE		40u
#define SPCR_BIT_WIDTH		41u
#define SPCR_ADDRESS		44u
#define SPCR_BAUD		58u

#define SPACE_MEMORY		0u
#define SPACE_PORT		1u

static bool is_16550(uint8_t interface)
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

enum status spcr_read(struct bytes table, struct uart_info *uart)
{
	uint32_t table_bytes;
	enum status status = acpi_check_table(table, "SPCR", SPCR_MIN_BYTES, &table_bytes);
	uint64_t address;

	if (status != STATUS_OK)
		return status;
	if (!is_16550(table.bytes[SPCR_INTERFACE]))
		return STATUS_UNSUPPORTED;
	address = read_le64(table.bytes + SPCR_ADDRESS);
	if (address == 0)
		return STATUS_ABSENT;	/* the table's way to say: redirection is off */
	if (table.bytes[SPCR_SPACE] == SPACE_PORT && address > 0xFFFF - 7)
		return STATUS_BAD_VALUE;
	if (table.bytes[SPCR_SPACE] > SPACE_PORT)
		return STATUS_UNSUPPORTED;
	*uart = (struct uart_info){
		.space = table.bytes[SPCR_SPACE] == SPACE_PORT ? UART_PORT : UART_MEMORY,
		.base = address,
		.baud = baud_of(table.bytes[SPCR_BAUD]),
		.register_stride_bytes = table.bytes[SPCR_BIT_WIDTH] == 32 ? 4 : 1,
	};
	return STATUS_OK;
}
