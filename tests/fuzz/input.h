#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

/*
 * What the fuzzers of tables share. Locking: none, one thread.
 *
 * An input is a table. Where its first byte has bit 7 clear (all ASCII
 * signatures have), signature, length and checksum are mended first: random
 * bytes would not get past them. The copy has exactly its length, so that
 * reading one byte further is an error that ASan sees.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "efi/acpi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The table to read; free() its bytes. */
static inline struct bytes fuzz_table(const uint8_t *data, size_t size, const char *signature)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	uint8_t sum = 0;

	if (!copy)
		abort();
	memcpy(copy, data, size);
	if (size >= ACPI_HEADER_BYTES && !(data[0] & 0x80)) {
		memcpy(copy, signature, 4);
		for (unsigned i = 0; i < 4; i++)
			copy[4 + i] = (uint8_t)(size >> (8 * i));
		copy[9] = 0;
		for (size_t i = 0; i < size; i++)
			sum = (uint8_t)(sum + copy[i]);
		copy[9] = (uint8_t)(0 - sum);
	}
	return (struct bytes){ copy, size };
}

static inline void fuzz_free(struct bytes table)
{
	free((void *)(uintptr_t)table.bytes);
}

/* For arrays that a reader fills: exactly @count items, so that one more is seen. */
static inline void *fuzz_array(uint64_t count, size_t item_bytes)
{
	void *array = malloc(count > 0 ? count * item_bytes : 1);

	if (!array)
		abort();
	return array;
}

#endif
