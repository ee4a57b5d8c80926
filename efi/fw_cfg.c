/*
 * QEMU's firmware configuration device (QEMU: docs/specs/fw_cfg).
 *
 * Model
 *   A 16-bit write to the selector port chooses an item, byte reads from the
 *   data port give its bytes in order, zeroes behind its end. Item 0 is a
 *   signature, item 0x19 a directory of names.
 *
 *   The ports are touched only where CPUID says that a hypervisor runs: on real
 *   machines something else may live there.
 */

#include "efi/fw_cfg.h"

#include "lib/string.h"

#define PORT_SELECTOR	0x510u
#define PORT_DATA	0x511u

#define ITEM_SIGNATURE	0x0000u
#define ITEM_DIRECTORY	0x0019u

#define NAME_BYTES	56u
#define ENTRIES_MAX	4096u		/* QEMU has some 60 */

#define CPUID_FEATURES		1u
#define CPUID_HYPERVISOR	(1u << 31)

static bool has_hypervisor(void)
{
	uint32_t eax = CPUID_FEATURES, ebx, ecx = 0, edx;

	__asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	return ecx & CPUID_HYPERVISOR;
}

static void select_item(uint16_t item)
{
	__asm__ volatile("outw %0, %1" :: "a"(item), "Nd"((uint16_t)PORT_SELECTOR));
}

static uint8_t read_byte(void)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"((uint16_t)PORT_DATA));
	return value;
}

static void read_bytes(char *to, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = (char)read_byte();
}

/* The device's numbers have their high byte first. */
static uint32_t read_big_endian(unsigned nr_bytes)
{
	uint32_t value = 0;

	while (nr_bytes-- > 0)
		value = value << 8 | read_byte();
	return value;
}

static bool is_present(void)
{
	char signature[4];

	if (!has_hypervisor())
		return false;
	select_item(ITEM_SIGNATURE);
	read_bytes(signature, sizeof(signature));
	return memcmp(signature, "QEMU", sizeof(signature)) == 0;
}

/* Finds the item with @name in the directory. */
static enum status find_item(const char *name, uint16_t *item, uint32_t *item_bytes)
{
	uint32_t nr_entries;

	select_item(ITEM_DIRECTORY);
	nr_entries = read_big_endian(4);
	for (uint32_t i = 0; i < nr_entries && i < ENTRIES_MAX; i++) {
		char entry_name[NAME_BYTES + 1] = { 0 };

		*item_bytes = read_big_endian(4);
		*item = (uint16_t)read_big_endian(2);
		(void)read_big_endian(2);
		read_bytes(entry_name, NAME_BYTES);
		if (strcmp(entry_name, name) == 0)
			return STATUS_OK;
	}
	return STATUS_ABSENT;
}

enum status fw_cfg_read(const char *name, char *to, size_t size, size_t *bytes)
{
	uint16_t item;
	uint32_t item_bytes;
	enum status status;

	*bytes = 0;
	if (!is_present())
		return STATUS_ABSENT;
	status = find_item(name, &item, &item_bytes);
	if (status != STATUS_OK)
		return status;
	*bytes = item_bytes < size ? item_bytes : size;
	select_item(item);
	read_bytes(to, *bytes);
	return item_bytes > size ? STATUS_TOO_MANY : STATUS_OK;
}
