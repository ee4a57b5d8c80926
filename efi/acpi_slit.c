/*
 * SLIT: the matrix of distances between domains.
 *
 * Model
 *   36 bytes of header, a 64-bit count n, then n * n bytes, row by row
 *   (ACPI 6.5, 5.2.17). The domain is the index. Bytes behind the matrix are
 *   passed over: machines exist whose table is longer than n * n says.
 *
 * Rules
 *   The table counts only if n is 1 to 4096, the matrix fits, the diagonal is 10
 *   and all else is above 10. 255 means unreachable and is legal, and so are
 *   matrices that are not symmetric.
 */

#include "efi/acpi.h"

#include "lib/string.h"

#define SLIT_HEADER_BYTES	44u
#define SLIT_COUNT		36u
#define SLIT_LOCALITIES_MAX	4096u
#define SLIT_LOCAL		10u

static enum status check_shape(struct bytes table, uint32_t *nr_localities)
{
	uint32_t table_bytes;
	uint64_t n;
	enum status status = acpi_check_table(table, "SLIT", SLIT_HEADER_BYTES, &table_bytes);

	if (status != STATUS_OK)
		return status;
	n = read_le64(table.bytes + SLIT_COUNT);
	if (n == 0)
		return STATUS_BAD_VALUE;
	if (n > SLIT_LOCALITIES_MAX)
		return STATUS_TOO_MANY;
	if (n * n > table_bytes - SLIT_HEADER_BYTES)
		return STATUS_BAD_LENGTH;
	*nr_localities = (uint32_t)n;
	return STATUS_OK;
}

enum status slit_measure(struct bytes table, uint32_t *nr_localities)
{
	enum status status = check_shape(table, nr_localities);
	const uint8_t *value;

	if (status != STATUS_OK)
		return status;
	value = table.bytes + SLIT_HEADER_BYTES;
	for (uint32_t from = 0; from < *nr_localities; from++)
		for (uint32_t to = 0; to < *nr_localities; to++, value++)
			if (from == to ? *value != SLIT_LOCAL : *value <= SLIT_LOCAL)
				return STATUS_BAD_VALUE;
	return STATUS_OK;
}

void slit_read(struct bytes table, uint8_t *value)
{
	uint64_t n = read_le64(table.bytes + SLIT_COUNT);

	memcpy(value, table.bytes + SLIT_HEADER_BYTES, n * n);
}

bool slit_is_all_local(struct bytes table)
{
	uint32_t n;

	if (check_shape(table, &n) != STATUS_OK || n < 2)
		return false;
	for (uint64_t i = 0; i < (uint64_t)n * n; i++)
		if (table.bytes[SLIT_HEADER_BYTES + i] != SLIT_LOCAL)
			return false;
	return true;
}
