/*
 * HMAT: latency and bandwidth between initiators and memory.
 *
 * Model
 *   40 bytes of header, then structures with 16-bit type and 32-bit length
 *   (ACPI 6.5, 5.2.27). Only type 1 is read: a matrix of 16-bit values for a
 *   list of initiators and a list of targets, times a base unit. Of the memory
 *   hierarchy only memory itself (level 0) counts, not the caches before it.
 *
 *   A value of 0 or 0xFFFF says nothing. From revision 2 on, latencies are in
 *   picoseconds and bandwidths in MB/s. Revision 1 counts in tenths of
 *   nanoseconds and of MB/s.
 *
 * Rules
 *   A structure that is shorter than its header or its matrices, or reaches past
 *   the table, refuses the table.
 */

#include "efi/acpi.h"

#include "lib/sort.h"

#define HMAT_HEADER_BYTES	40u
#define HMAT_REVISION		8u

#define STRUCTURE_MIN_BYTES	8u
#define STRUCTURE_MATRIX	1u
#define MATRIX_HEADER_BYTES	32u

/* Offsets in a matrix structure. */
#define MATRIX_FLAGS		8u
#define MATRIX_DATA_TYPE	9u
#define MATRIX_INITIATORS	12u
#define MATRIX_TARGETS		16u
#define MATRIX_BASE_UNIT	24u

#define HIERARCHY_MASK		0x0Fu
#define VALUE_NONE		0xFFFFu

/* 1,024 domains against each other in one matrix. */
#define HMAT_VALUES_MAX		(1u << 21)

struct matrix {
	const uint8_t *initiators, *targets, *values;
	uint32_t nr_initiators, nr_targets;
	uint64_t base_unit;
	uint8_t data_type;
	bool is_of_memory;
};

struct walk {
	struct hmat_counts *counts;
	struct hmat_value *values;	/* NULL: only count */
};

static enum status open_matrix(const uint8_t *at, uint32_t structure_bytes, struct matrix *matrix)
{
	uint64_t m, n, left_bytes;

	if (structure_bytes < MATRIX_HEADER_BYTES)
		return STATUS_BAD_TABLE;
	m = read_le32(at + MATRIX_INITIATORS);
	n = read_le32(at + MATRIX_TARGETS);
	left_bytes = structure_bytes - MATRIX_HEADER_BYTES;
	if (m > left_bytes / 4 || n > left_bytes / 4)
		return STATUS_BAD_TABLE;
	/* Both are below 2^30 now: nothing below overflows. */
	if (4 * m + 4 * n + 2 * m * n > left_bytes)
		return STATUS_BAD_TABLE;
	*matrix = (struct matrix){
		.initiators = at + MATRIX_HEADER_BYTES,
		.targets = at + MATRIX_HEADER_BYTES + 4 * m,
		.values = at + MATRIX_HEADER_BYTES + 4 * m + 4 * n,
		.nr_initiators = (uint32_t)m,
		.nr_targets = (uint32_t)n,
		.base_unit = read_le64(at + MATRIX_BASE_UNIT),
		.data_type = at[MATRIX_DATA_TYPE],
		.is_of_memory = (at[MATRIX_FLAGS] & HIERARCHY_MASK) == 0,
	};
	return STATUS_OK;
}

static bool is_latency(uint8_t data_type)
{
	return data_type <= 2;
}

/* Picoseconds or MB/s; PERFORMANCE_UNKNOWN where the table says nothing; saturates. */
static uint32_t scale_value(const struct walk *walk, const struct matrix *matrix, uint16_t entry)
{
	uint64_t value;

	if (entry == 0 || entry == VALUE_NONE)
		return PERFORMANCE_UNKNOWN;
	if (__builtin_mul_overflow((uint64_t)entry, matrix->base_unit, &value))
		return UINT32_MAX;
	if (walk->counts->revision < 2 && is_latency(matrix->data_type) &&
	    __builtin_mul_overflow(value, (uint64_t)100, &value))
		return UINT32_MAX;
	if (walk->counts->revision < 2 && !is_latency(matrix->data_type))
		value /= 10;
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void store_value(const struct walk *walk, struct hmat_value value)
{
	if (walk->values)
		walk->values[walk->counts->nr_values] = value;
	walk->counts->nr_values++;
}

/* Data types 0 to 5: access, read, write latency; access, read, write bandwidth. */
static void take_value(const struct walk *walk, const struct matrix *matrix,
		       struct hmat_value value)
{
	bool is_access = matrix->data_type % 3 == 0;
	bool is_read = is_access || matrix->data_type % 3 == 1;
	bool is_write = is_access || matrix->data_type % 3 == 2;

	if (is_read) {
		value.kind = is_latency(matrix->data_type) ? HMAT_READ_LATENCY
							   : HMAT_READ_BANDWIDTH;
		store_value(walk, value);
	}
	if (is_write) {
		value.kind = is_latency(matrix->data_type) ? HMAT_WRITE_LATENCY
							   : HMAT_WRITE_BANDWIDTH;
		store_value(walk, value);
	}
}

static enum status take_matrix(const struct walk *walk, const struct matrix *matrix)
{
	const uint8_t *entry = matrix->values;

	walk->counts->nr_matrices++;
	for (uint32_t i = 0; i < matrix->nr_initiators; i++)
		for (uint32_t t = 0; t < matrix->nr_targets; t++, entry += 2) {
			struct hmat_value value = {
				.initiator = read_le32(matrix->initiators + (uint64_t)i * 4),
				.target = read_le32(matrix->targets + (uint64_t)t * 4),
				.value = scale_value(walk, matrix, read_le16(entry)),
			};

			if (value.value == PERFORMANCE_UNKNOWN)
				continue;
			if (walk->counts->nr_values + 2 > HMAT_VALUES_MAX)
				return STATUS_TOO_MANY;
			take_value(walk, matrix, value);
		}
	return STATUS_OK;
}

static enum status take_structure(const struct walk *walk, const uint8_t *at,
				  uint32_t structure_bytes)
{
	struct matrix matrix;
	enum status status;

	if (read_le16(at) != STRUCTURE_MATRIX) {
		walk->counts->nr_other++;
		return STATUS_OK;
	}
	status = open_matrix(at, structure_bytes, &matrix);
	if (status != STATUS_OK)
		return status;
	if (!matrix.is_of_memory || matrix.data_type > 5) {
		walk->counts->nr_other++;
		return STATUS_OK;
	}
	return take_matrix(walk, &matrix);
}

static enum status walk_structures(const struct walk *walk, const uint8_t *table,
				   uint32_t table_bytes)
{
	uint32_t offset = HMAT_HEADER_BYTES;

	while (offset < table_bytes) {
		uint32_t left_bytes = table_bytes - offset;
		uint32_t structure_bytes;
		enum status status;

		if (left_bytes < STRUCTURE_MIN_BYTES)
			return STATUS_BAD_TABLE;
		structure_bytes = read_le32(table + offset + 4);
		if (structure_bytes < STRUCTURE_MIN_BYTES || structure_bytes > left_bytes)
			return STATUS_BAD_TABLE;
		status = take_structure(walk, table + offset, structure_bytes);
		if (status != STATUS_OK)
			return status;
		offset += structure_bytes;
	}
	return STATUS_OK;
}

enum status hmat_measure(struct bytes table, struct hmat_counts *counts)
{
	const struct walk walk = { counts, NULL };
	uint32_t table_bytes;
	enum status status;

	*counts = (struct hmat_counts){ 0 };
	status = acpi_check_table(table, "HMAT", HMAT_HEADER_BYTES, &table_bytes);
	if (status != STATUS_OK)
		return status;
	counts->revision = table.bytes[HMAT_REVISION];
	return walk_structures(&walk, table.bytes, table_bytes);
}

void hmat_read(struct bytes table, struct hmat_value *values)
{
	struct hmat_counts counts = { .revision = table.bytes[HMAT_REVISION] };
	const struct walk walk = { &counts, values };

	/* The table was measured: the walk cannot fail. */
	(void)!walk_structures(&walk, table.bytes, read_le32(table.bytes + 4));
}

static bool value_comes_before(const void *a, const void *b, const void *arg)
{
	const struct hmat_value *x = a, *y = b;

	(void)arg;
	if (x->initiator != y->initiator)
		return x->initiator < y->initiator;
	if (x->target != y->target)
		return x->target < y->target;
	if (x->kind != y->kind)
		return x->kind < y->kind;
	return x->value < y->value;
}

/* Where several matrices give a value, the best one stands. */
static void join_value(struct performance *pair, const struct hmat_value *value)
{
	switch (value->kind) {
	case HMAT_READ_LATENCY:
		if (pair->read_latency_ps == PERFORMANCE_UNKNOWN)
			pair->read_latency_ps = value->value;
		return;
	case HMAT_WRITE_LATENCY:
		if (pair->write_latency_ps == PERFORMANCE_UNKNOWN)
			pair->write_latency_ps = value->value;
		return;
	case HMAT_READ_BANDWIDTH:
		pair->read_bandwidth_mbps = value->value;
		return;
	case HMAT_WRITE_BANDWIDTH:
		pair->write_bandwidth_mbps = value->value;
		return;
	}
}

uint32_t hmat_join(struct hmat_value *values, uint32_t nr_values, struct performance *pairs)
{
	uint32_t nr_pairs = 0;

	sort_items(values, nr_values, sizeof(*values), value_comes_before, NULL);
	for (uint32_t i = 0; i < nr_values; i++) {
		struct performance *last = nr_pairs > 0 ? &pairs[nr_pairs - 1] : NULL;

		if (!last || last->initiator != values[i].initiator ||
		    last->target != values[i].target) {
			last = &pairs[nr_pairs++];
			*last = (struct performance){
				.initiator = values[i].initiator, .target = values[i].target,
			};
		}
		join_value(last, &values[i]);
	}
	return nr_pairs;
}
