/*
 * RSDP, XSDT, RSDT: the input is physical memory from 0 on, with the RSDP at
 * 16. Each access gets a copy of exactly what was asked for.
 */

#include "tests/fuzz/input.h"

#define RSDP_PA	16u

struct world {
	const uint8_t *data;
	size_t size;
	uint8_t *last;		/* the copy of the last access */
};

static const uint8_t *read_world(void *arg, uint64_t pa, uint64_t bytes)
{
	struct world *world = arg;

	if (pa > world->size || bytes > world->size - pa)
		return NULL;
	free(world->last);
	world->last = fuzz_array(bytes, 1);
	memcpy(world->last, world->data + pa, bytes);
	return world->last;
}

/* Mends the bytes that random input would never get right. */
static void mend_sum(uint8_t *at, size_t bytes, size_t sum_at)
{
	uint8_t sum = 0;

	at[sum_at] = 0;
	for (size_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + at[i]);
	at[sum_at] = (uint8_t)(0 - sum);
}

static void mend_rsdp(uint8_t *data, size_t size)
{
	if (size < RSDP_PA + 36 || data[0] & 0x80)
		return;
	memcpy(data + RSDP_PA, "RSD PTR ", 8);
	mend_sum(data + RSDP_PA, 20, 8);
	mend_sum(data + RSDP_PA, 36, 32);
}

static void mend_table(uint8_t *data, size_t size, uint64_t pa, const char *signature)
{
	uint32_t length;

	if (pa > size || size - pa < ACPI_HEADER_BYTES)
		return;
	memcpy(data + pa, signature, 4);
	length = read_le32(data + pa + 4);
	if (length >= ACPI_HEADER_BYTES && length <= size - pa)
		mend_sum(data + pa, length, 9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_array(size, 1);
	struct world world = { copy, size, NULL };
	const struct acpi_memory memory = { read_world, &world };
	struct acpi_location found;
	struct acpi_roots roots;
	struct finding findings[4];
	struct boot_info info = { .findings = findings, .max_findings = 4 };

	memcpy(copy, data, size);
	mend_rsdp(copy, size);
	if (size >= RSDP_PA + 36 && !(data[0] & 0x80)) {
		mend_table(copy, size, read_le64(copy + RSDP_PA + 24), "XSDT");
		mend_table(copy, size, read_le32(copy + RSDP_PA + 16), "RSDT");
		mend_rsdp(copy, size);
	}
	if (acpi_open_roots(&memory, RSDP_PA, &info, &roots) == STATUS_OK)
		for (uint32_t i = 0; i < 3; i++)
			if (acpi_find_table(&memory, &roots, &info, "SRAT", i, &found) != STATUS_OK)
				break;
	free(world.last);
	free(copy);
	return 0;
}
