/*
 * Readers of ACPI tables: right ones, and each way a table can be wrong. Every
 * table is also cut at every length: nothing may be read behind it (ASan).
 */

#include "efi/acpi.h"

#include "lib/align.h"
#include "lib/string.h"
#include "tests/test.h"
#include "tests/unit/efi/tables.h"

static struct table table;

/* ---- SRAT ---- */

static struct srat_cpu cpus[8];
static struct affinity_range memory[8];
static uint32_t initiators[8], domains[32];
static const struct srat_counts *counts_of(enum status expected)
{
	static struct srat_counts counts;

	CHECK_EQ(srat_measure(table_end(&table), &counts), expected);
	return &counts;
}

static void read_srat(void)
{
	struct srat srat = { cpus, memory, initiators, domains };

	srat_read(table_end(&table), &srat);
}

static void srat_records_of_all_types(void)
{
	const struct srat_counts *counts;

	srat_begin(&table, 3);
	srat_put_cpu(&table, 4, 0x01020304, 1);
	srat_put_x2apic(&table, 300, 7, 1);
	srat_put_memory(&table, 0x1000, 0x2000, 7, 1 | 2 | 4);
	srat_put_initiator(&table, 9, 1);
	counts = counts_of(STATUS_OK);
	CHECK_EQ(counts->nr_cpus, 2);
	CHECK_EQ(counts->nr_x2apic_cpus, 1);
	CHECK_EQ(counts->nr_memory, 1);
	CHECK_EQ(counts->nr_initiators, 1);
	read_srat();
	CHECK_EQ(cpus[0].apic_id, 4);
	CHECK_EQ(cpus[0].domain, 0x01020304);
	CHECK_EQ(cpus[1].apic_id, 300);
	CHECK_EQ(memory[0].start, 0x1000);
	CHECK_EQ(memory[0].end, 0x3000);
	CHECK(memory[0].is_hot_pluggable);
	CHECK(memory[0].is_non_volatile);
	CHECK_EQ(initiators[0], 9);
	CHECK_EQ(domains[0], 0x01020304);
	CHECK_EQ(domains[1], 7);
	CHECK_EQ(domains[2], 9);
}

static void old_srat_has_narrow_domains(void)
{
	for (uint8_t revision = 0; revision <= 3; revision++) {
		uint32_t mask = revision < 2 ? 0xFF : UINT32_MAX;

		srat_begin(&table, revision);
		srat_put_cpu(&table, 0, 0xAABBCC01, 1);
		srat_put_x2apic(&table, 1, 0xAABBCC02, 1);
		srat_put_memory(&table, 0, 4096, 0xAABBCC03, 1);
		CHECK_EQ(counts_of(STATUS_OK)->nr_cpus, 2);
		read_srat();
		CHECK_EQ(cpus[0].domain, 0xAABBCC01 & mask);
		CHECK_EQ(cpus[1].domain, 0xAABBCC02 & mask);
		CHECK_EQ(memory[0].domain, 0xAABBCC03 & mask);
	}
}

static void disabled_srat_records_are_nothing(void)
{
	const struct srat_counts *counts;

	srat_begin(&table, 3);
	srat_put_cpu(&table, 0xFF, 3, 0);
	srat_put_x2apic(&table, 0xFFFFFFFF, 3, 0);
	srat_put_memory(&table, 0, 0x1000, 3, 2);
	srat_put_initiator(&table, 3, 0);
	counts = counts_of(STATUS_OK);
	CHECK_EQ(counts->nr_cpus + counts->nr_memory + counts->nr_initiators, 0);
	CHECK_EQ(counts->nr_disabled_cpus, 2);
	CHECK_EQ(counts->nr_disabled_memory, 1);
	CHECK_EQ(counts->nr_disabled_initiators, 1);
}

static void ids_that_mean_no_cpu(void)
{
	const struct srat_counts *counts;

	srat_begin(&table, 3);
	srat_put_cpu(&table, 0xFF, 0, 1);
	srat_put_x2apic(&table, 0xFFFFFFFF, 0, 1);
	srat_put_x2apic(&table, 0xFF, 0, 1);	/* a CPU: x2APIC ids are wider */
	counts = counts_of(STATUS_OK);
	CHECK_EQ(counts->nr_no_cpus, 2);
	CHECK_EQ(counts->nr_cpus, 1);
}

static void ranges_that_are_empty_or_wrap(void)
{
	const struct srat_counts *counts;

	srat_begin(&table, 3);
	srat_put_memory(&table, 0x1000, 0, 0, 1);
	srat_put_memory(&table, UINT64_MAX - 0xFFF, 0x2000, 0, 1);
	srat_put_memory(&table, 2, UINT64_MAX, 0, 1);
	srat_put_memory(&table, UINT64_MAX, 1, 0, 1);	/* the byte that is left out, alone */
	srat_put_memory(&table, UINT64_MAX - 0xFFF, 0x1000, 0, 1);	/* ends at 2^64 */
	counts = counts_of(STATUS_OK);
	CHECK_EQ(counts->nr_empty_memory, 1);
	CHECK_EQ(counts->nr_wrapped_memory, 3);
	CHECK_EQ(counts->nr_memory, 1);
	read_srat();
	CHECK_EQ(memory[0].end, UINT64_MAX);
}

static void unknown_and_longer_srat_records_are_fine(void)
{
	const struct srat_counts *counts;

	srat_begin(&table, 3);
	table_put8(&table, 200);
	table_put8(&table, 2);
	table_put8(&table, 0);		/* a CPU record of 20 bytes */
	table_put8(&table, 20);
	table_put16(&table, 0x0501);	/* domain 1, id 5 */
	table_put32(&table, 1);
	table_put_zeroes(&table, 12);
	counts = counts_of(STATUS_OK);
	CHECK_EQ(counts->nr_other, 1);
	CHECK_EQ(counts->nr_cpus, 1);
	read_srat();
	CHECK_EQ(cpus[0].apic_id, 5);
}

static void malformed_srat_records_refuse_the_table(void)
{
	static const uint8_t bad[][2] = {
		{ 0, 0 }, { 0, 1 }, { 77, 0 }, { 77, 1 }, { 0, 15 }, { 1, 39 }, { 2, 23 },
		{ 5, 31 }, { 77, 99 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		srat_begin(&table, 3);
		srat_put_cpu(&table, 0, 0, 1);
		table_put8(&table, bad[i][0]);
		table_put8(&table, bad[i][1]);
		table_put_zeroes(&table, 48);
		counts_of(STATUS_BAD_TABLE);
	}
	srat_begin(&table, 3);
	table_put8(&table, 77);		/* one byte is no record */
	counts_of(STATUS_BAD_TABLE);
}

static void headers_are_checked(void)
{
	struct srat_counts counts;
	struct bytes whole;

	srat_begin(&table, 3);
	whole = table_end(&table);
	CHECK_EQ(srat_measure(whole, &counts), STATUS_OK);
	whole.length--;
	CHECK_EQ(srat_measure(whole, &counts), STATUS_BAD_LENGTH);
	whole.length = 3;
	CHECK_EQ(srat_measure(whole, &counts), STATUS_BAD_LENGTH);
	whole = table_end(&table);
	table.bytes[20]++;
	CHECK_EQ(srat_measure(whole, &counts), STATUS_BAD_CHECKSUM);
	table.bytes[0]++;
	CHECK_EQ(srat_measure(whole, &counts), STATUS_BAD_TABLE);
	CHECK_EQ(srat_measure((struct bytes){ NULL, 0 }, &counts), STATUS_ABSENT);
	table_begin(&table, "SRAT", 3);		/* 36 bytes: 12 too few */
	CHECK_EQ(srat_measure(table_end(&table), &counts), STATUS_BAD_LENGTH);
}

/* ---- SLIT ---- */

static enum status slit_status(void)
{
	uint32_t n;

	return slit_measure(table_end(&table), &n);
}

static void slit_values_and_shape(void)
{
	uint8_t value[9];
	uint32_t n = 0;

	make_slit(&table, 3, 21);
	table.bytes[44 + 1] = 255;	/* unreachable, and one way only: legal */
	table_put_zeroes(&table, 63);	/* a tail: seen on real machines */
	CHECK_EQ(slit_measure(table_end(&table), &n), STATUS_OK);
	CHECK_EQ(n, 3);
	slit_read(table_end(&table), value);
	CHECK_EQ(value[1], 255);
	CHECK_EQ(value[3], 21);
}

static void slit_that_lies_is_refused(void)
{
	make_slit(&table, 2, 10);
	CHECK_EQ(slit_status(), STATUS_BAD_VALUE);
	CHECK(slit_is_all_local(table_end(&table)));
	make_slit(&table, 2, 20);
	CHECK(!slit_is_all_local(table_end(&table)));
	table.bytes[44] = 11;
	CHECK_EQ(slit_status(), STATUS_BAD_VALUE);
	make_slit(&table, 2, 20);
	table.length--;
	CHECK_EQ(slit_status(), STATUS_BAD_LENGTH);
	table_begin(&table, "SLIT", 1);
	CHECK_EQ(slit_status(), STATUS_BAD_LENGTH);
}

static void slit_counts_that_overflow(void)
{
	static const uint64_t counts[] = {
		1ull << 32, (1ull << 33) + 2, UINT64_MAX, 1ull << 63, 4097, 0,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
		table_begin(&table, "SLIT", 1);
		table_put64(&table, counts[i]);
		table_put_zeroes(&table, 16);
		CHECK_EQ(slit_status(), counts[i] == 0 ? STATUS_BAD_VALUE : STATUS_TOO_MANY);
	}
}

/* ---- MADT ---- */

static void madt_entries_decide_alone(void)
{
	struct madt_counts counts;
	uint32_t ids[4];

	madt_begin(&table);
	madt_put_cpu(&table, 2, 1);
	madt_put_cpu(&table, 2, 0);		/* a disabled entry reuses the id */
	madt_put_cpu(&table, 5, 2);		/* online capable only */
	madt_put_cpu(&table, 0xFF, 1);
	madt_put_x2apic(&table, 0xFFFFFFFF, 1);
	madt_put_x2apic(&table, 300, 1);
	table_put8(&table, 127);
	table_put8(&table, 3);
	table_put8(&table, 0);
	CHECK_EQ(madt_measure(table_end(&table), &counts), STATUS_OK);
	CHECK_EQ(counts.nr_cpus, 2);
	CHECK_EQ(counts.nr_x2apic_cpus, 1);
	CHECK_EQ(counts.nr_disabled, 2);
	CHECK_EQ(counts.nr_no_cpus, 2);
	CHECK_EQ(counts.nr_other, 1);
	CHECK_EQ(counts.local_apic_pa, 0xFEE00000);
	madt_read(table_end(&table), ids);
	CHECK_EQ(ids[0], 2);
	CHECK_EQ(ids[1], 300);
}

static void madt_address_override(void)
{
	struct madt_counts counts;

	madt_begin(&table);
	table_put8(&table, 5);
	table_put8(&table, 12);
	table_put16(&table, 0);
	table_put64(&table, 0x1FEE00000);
	CHECK_EQ(madt_measure(table_end(&table), &counts), STATUS_OK);
	CHECK_EQ(counts.local_apic_pa, 0x1FEE00000);
}

static void malformed_madt_records_end_the_table(void)
{
	static const uint8_t bad[][2] = {
		{ 0, 0 }, { 0, 7 }, { 9, 15 }, { 5, 11 }, { 99, 1 }, { 99, 50 },
	};
	struct madt_counts counts;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		uint32_t ids[3] = { 0 };

		madt_begin(&table);
		madt_put_cpu(&table, 6, 1);
		madt_put_cpu(&table, 7, 1);
		table_put8(&table, bad[i][0]);
		table_put8(&table, bad[i][1]);
		table_put_zeroes(&table, 20);
		CHECK_EQ(madt_measure(table_end(&table), &counts), STATUS_OK);
		CHECK(counts.is_cut);
		CHECK_EQ(counts.nr_cpus, 2);
		madt_read(table_end(&table), ids);
		CHECK_EQ(ids[1], 7);
		CHECK_EQ(ids[2], 0);
	}
	madt_begin(&table);
	CHECK_EQ(madt_measure(table_end(&table), &counts), STATUS_OK);
	CHECK(!counts.is_cut);
}

/* ---- HMAT ---- */

/* A matrix of @data_type, 1 initiator (domain 0), 2 targets (0 and 1). */
static void hmat_put_matrix(uint8_t data_type, uint64_t unit, uint16_t to_0, uint16_t to_1)
{
	table_put16(&table, 1);
	table_put16(&table, 0);
	table_put32(&table, 32 + 4 + 8 + 4);
	table_put8(&table, 0);
	table_put8(&table, data_type);
	table_put16(&table, 0);
	table_put32(&table, 1);
	table_put32(&table, 2);
	table_put32(&table, 0);
	table_put64(&table, unit);
	table_put32(&table, 0);
	table_put32(&table, 0);
	table_put32(&table, 1);
	table_put16(&table, to_0);
	table_put16(&table, to_1);
}

static void hmat_begin(uint8_t revision)
{
	table_begin(&table, "HMAT", revision);
	table_put32(&table, 0);
}

static struct hmat_value hmat_values[16];
static struct performance pairs[16];

static uint32_t read_hmat(void)
{
	struct hmat_counts counts;

	CHECK_EQ(hmat_measure(table_end(&table), &counts), STATUS_OK);
	CHECK(counts.nr_values <= ARRAY_SIZE(hmat_values));
	hmat_read(table_end(&table), hmat_values);
	return hmat_join(hmat_values, counts.nr_values, pairs);
}

static void hmat_matrices_join_to_pairs(void)
{
	hmat_begin(2);
	hmat_put_matrix(0, 1000, 80, 140);	/* access latency */
	hmat_put_matrix(4, 1024, 100, 0xFFFF);	/* read bandwidth; the second value is unknown */
	CHECK_EQ(read_hmat(), 2);
	CHECK_EQ(pairs[0].target, 0);
	CHECK_EQ(pairs[0].read_latency_ps, 80000);
	CHECK_EQ(pairs[0].write_latency_ps, 80000);
	CHECK_EQ(pairs[0].read_bandwidth_mbps, 102400);
	CHECK_EQ(pairs[0].write_bandwidth_mbps, PERFORMANCE_UNKNOWN);
	CHECK_EQ(pairs[1].target, 1);
	CHECK_EQ(pairs[1].read_latency_ps, 140000);
	CHECK_EQ(pairs[1].read_bandwidth_mbps, PERFORMANCE_UNKNOWN);
}

static void hmat_units_of_revision_1(void)
{
	hmat_begin(1);
	hmat_put_matrix(1, 10, 80, 0);		/* tenths of nanoseconds */
	hmat_put_matrix(5, 10, 80, 0);
	CHECK_EQ(read_hmat(), 1);
	CHECK_EQ(pairs[0].read_latency_ps, 80000);
	CHECK_EQ(pairs[0].write_bandwidth_mbps, 80);
}

static void hmat_values_saturate(void)
{
	hmat_begin(2);
	hmat_put_matrix(1, UINT64_MAX, 2, 3);
	CHECK_EQ(read_hmat(), 2);
	CHECK_EQ(pairs[0].read_latency_ps, UINT32_MAX);
}

static void malformed_hmat_is_refused(void)
{
	static const uint32_t offsets[] = { 44, 52, 56 };	/* length, initiators, targets */
	static const uint32_t values[] = { 0, 7, 31, 0x40000000, UINT32_MAX };
	struct hmat_counts counts;

	for (unsigned o = 0; o < ARRAY_SIZE(offsets); o++)
		for (unsigned v = 0; v < ARRAY_SIZE(values); v++) {
			if (offsets[o] != 44 && values[v] < 8)
				continue;
			hmat_begin(2);
			hmat_put_matrix(0, 1, 1, 1);
			for (unsigned i = 0; i < 4; i++)
				table.bytes[offsets[o] + i] = (uint8_t)(values[v] >> (8 * i));
			CHECK_EQ(hmat_measure(table_end(&table), &counts), STATUS_BAD_TABLE);
		}
}

/* ---- SPCR ---- */

static void spcr_begin(uint8_t interface, uint8_t space, uint64_t address)
{
	table_begin(&table, "SPCR", 2);
	table_put8(&table, interface);
	table_put_zeroes(&table, 3);
	table_put8(&table, space);
	table_put8(&table, 8);
	table_put16(&table, 0);
	table_put64(&table, address);
	table_put_zeroes(&table, 6);
	table_put8(&table, 7);
	table_put_zeroes(&table, 21);
}

static void spcr_names_the_console(void)
{
	struct uart_info uart;

	spcr_begin(0, 1, 0x2F8);
	CHECK_EQ(spcr_read(table_end(&table), &uart), STATUS_OK);
	CHECK_EQ(uart.space, UART_PORT);
	CHECK_EQ(uart.base, 0x2F8);
	CHECK_EQ(uart.baud, 115200);
	spcr_begin(0x12, 0, 0xFEDC9000);
	CHECK_EQ(spcr_read(table_end(&table), &uart), STATUS_OK);
	CHECK_EQ(uart.space, UART_MEMORY);
	spcr_begin(3, 0, 0xFEDC9000);		/* an ARM PL011 */
	CHECK_EQ(spcr_read(table_end(&table), &uart), STATUS_UNSUPPORTED);
	spcr_begin(0, 1, 0x10000);
	CHECK_EQ(spcr_read(table_end(&table), &uart), STATUS_BAD_VALUE);
	spcr_begin(0, 1, 0);
	CHECK_EQ(spcr_read(table_end(&table), &uart), STATUS_ABSENT);
}

/* Byte @at of an SPCR is its @at-th. */
static struct uart_info spcr_of(uint8_t revision, uint8_t space, uint8_t width, uint8_t access,
				uint32_t clock_hz, uint32_t precise_baud)
{
	struct uart_info uart = { .space = UART_NONE };

	spcr_begin(0x12, space, space == 1 ? 0x2F8 : 0xFEDC9000);
	table_put32(&table, precise_baud);
	table_put32(&table, 0);
	table.bytes[8] = revision;
	table.bytes[41] = width;
	table.bytes[43] = access;
	memcpy(&table.bytes[76], &clock_hz, sizeof(clock_hz));
	CHECK_EQ(spcr_read(table_end(&table), &uart), STATUS_OK);
	return uart;
}

static void spcr_registers_are_as_far_apart_as_their_access(void)
{
	CHECK_EQ(spcr_of(2, 0, 32, 3, 0, 0).register_stride_bytes, 4);
	CHECK_EQ(spcr_of(2, 0, 8, 3, 0, 0).register_stride_bytes, 4);
	CHECK_EQ(spcr_of(2, 0, 32, 1, 0, 0).register_stride_bytes, 4);
	CHECK_EQ(spcr_of(2, 0, 8, 1, 0, 0).register_stride_bytes, 1);
	CHECK_EQ(spcr_of(2, 0, 16, 2, 0, 0).register_stride_bytes, 2);
	CHECK_EQ(spcr_of(2, 0, 0, 0, 0, 0).register_stride_bytes, 1);
	CHECK_EQ(spcr_of(2, 0, 255, 255, 0, 0).register_stride_bytes, 1);
}

/* A wrong divisor is a silent line: what firmware set stays where the clock is not known. */
static void spcr_speed_is_set_where_the_clock_is_known(void)
{
	CHECK_EQ(spcr_of(2, 1, 8, 1, 0, 0).baud, 115200);
	CHECK_EQ(spcr_of(2, 0, 32, 3, 0, 0).baud, 0);
	CHECK_EQ(spcr_of(3, 1, 8, 1, 48000000, 0).baud, 0);
	CHECK_EQ(spcr_of(3, 0, 32, 3, 1843200, 0).baud, 115200);
	CHECK_EQ(spcr_of(2, 1, 8, 1, 48000000, 0).baud, 115200);	/* reserved bytes then */
	CHECK_EQ(spcr_of(4, 1, 8, 1, 0, 38400).baud, 38400);
	CHECK_EQ(spcr_of(3, 1, 8, 1, 0, 38400).baud, 115200);
	CHECK_EQ(spcr_of(4, 0, 32, 3, 48000000, 115200).baud, 0);
}

/* A device of a DBG2: its registers, if it has any, stand behind it. */
static void dbg2_device(uint16_t type, uint16_t interface, uint8_t nr_registers, uint64_t address)
{
	table_put8(&table, 0);
	table_put16(&table, 34);
	table_put8(&table, nr_registers);
	table_put_zeroes(&table, 8);
	table_put16(&table, type);
	table_put16(&table, interface);
	table_put_zeroes(&table, 2);
	table_put16(&table, 22);
	table_put_zeroes(&table, 2);
	table_put8(&table, address > 0xFFFF ? 0 : 1);
	table_put8(&table, 8);
	table_put16(&table, address > 0xFFFF ? 0x300 : 0x100);
	table_put64(&table, address);
}

static void dbg2_begin(uint32_t offset, uint32_t nr_devices)
{
	table_begin(&table, "DBG2", 0);
	table_put32(&table, offset);
	table_put32(&table, nr_devices);
}

static void dbg2_names_the_first_16550(void)
{
	struct uart_info uart;

	dbg2_begin(44, 4);
	dbg2_device(0x8003, 0, 1, 0x1000);		/* a network card */
	dbg2_device(0x8000, 3, 1, 0xFEDC9000);		/* an ARM PL011 */
	dbg2_device(0x8000, 0x12, 1, 0xFE034000);
	dbg2_device(0x8000, 0, 1, 0x2F8);
	CHECK_EQ(dbg2_read(table_end(&table), &uart), STATUS_OK);
	CHECK_EQ(uart.space, UART_MEMORY);
	CHECK_EQ(uart.base, 0xFE034000);
	CHECK_EQ(uart.register_stride_bytes, 4);
	CHECK_EQ(uart.baud, 0);
	dbg2_begin(44, 1);
	dbg2_device(0x8000, 0, 1, 0x2F8);
	CHECK_EQ(dbg2_read(table_end(&table), &uart), STATUS_OK);
	CHECK_EQ(uart.space, UART_PORT);
	CHECK_EQ(uart.base, 0x2F8);
	CHECK_EQ(uart.register_stride_bytes, 1);
}

/* @offset and @nr_devices of a table with one device, with @nr_registers. */
static enum status dbg2_status(uint32_t offset, uint32_t nr_devices, uint8_t nr_registers,
			       uint64_t address)
{
	struct uart_info uart;

	dbg2_begin(offset, nr_devices);
	dbg2_device(0x8000, 0, nr_registers, address);
	return dbg2_read(table_end(&table), &uart);
}

static void dbg2_that_breaks_its_format_is_of_no_use(void)
{
	struct uart_info uart;

	CHECK_EQ(dbg2_read((struct bytes){ NULL, 0 }, &uart), STATUS_ABSENT);
	CHECK_EQ(dbg2_status(44, 0, 1, 0x2F8), STATUS_ABSENT);
	CHECK_EQ(dbg2_status(44, 1, 1, 0), STATUS_ABSENT);
	CHECK_EQ(dbg2_status(44, 1, 0, 0x2F8), STATUS_UNSUPPORTED);
	CHECK_EQ(dbg2_status(44, 1, 1, 0xFFFF), STATUS_BAD_VALUE);
	CHECK_EQ(dbg2_status(UINT32_MAX, 1, 1, 0x2F8), STATUS_BAD_TABLE);
	CHECK_EQ(dbg2_status(60, 1, 1, 0x2F8), STATUS_BAD_TABLE);
	CHECK_EQ(dbg2_status(44, UINT32_MAX, 0, 0x2F8), STATUS_BAD_TABLE);
	dbg2_begin(44, 1);
	dbg2_device(0x8000, 0, 1, 0x2F8);
	table.bytes[44 + 18] = 23;			/* the registers end behind the device */
	CHECK_EQ(dbg2_read(table_end(&table), &uart), STATUS_BAD_TABLE);
}

static void spcr_names_what_it_is(void)
{
	spcr_begin(3, 0, 0xFEDC9000);
	CHECK(strcmp(spcr_device_name(table_end(&table)), "a PL011") == 0);
	CHECK(strcmp(spcr_device_name((struct bytes){ NULL, 0 }), "unknown") == 0);
}

/* ---- FADT and DSDT ---- */

/* Byte @at of a FADT of 148 bytes is its @at-th: the header is part of the count. */
static void fadt_begin(void)
{
	table_begin(&table, "FACP", 3);
	table_put_zeroes(&table, 148 - ACPI_HEADER_BYTES);
	memcpy(&table.bytes[40], &(uint32_t){ 0x7FE00000 }, 4);
	memcpy(&table.bytes[64], &(uint32_t){ 0x604 }, 4);
	memcpy(&table.bytes[76], &(uint32_t){ 0x608 }, 4);
	table.bytes[91] = 4;
	memcpy(&table.bytes[112], &(uint32_t){ 1u << 10 }, 4);
	table.bytes[116] = 1;
	memcpy(&table.bytes[120], &(uint64_t){ 0xCF9 }, 8);
	table.bytes[128] = 0x0F;
}

static void fadt_names_the_switches(void)
{
	struct power_info power;
	struct fadt_facts facts;

	fadt_begin();
	CHECK_EQ(fadt_read(table_end(&table), &power, &facts), STATUS_OK);
	CHECK_EQ(power.pm1a_control_port, 0x604);
	CHECK_EQ(power.pm1b_control_port, 0);
	CHECK_EQ(power.pm_timer_port, 0x608);
	CHECK_EQ(power.reset_port, 0xCF9);
	CHECK_EQ(power.reset_value, 0x0F);
	CHECK_EQ(facts.dsdt_pa[0], 0);
	CHECK_EQ(facts.dsdt_pa[1], 0x7FE00000);
	memcpy(&table.bytes[140], &(uint64_t){ 0x123456789000 }, 8);
	CHECK_EQ(fadt_read(table_end(&table), &power, &facts), STATUS_OK);
	CHECK_EQ(facts.dsdt_pa[0], 0x123456789000);
	CHECK_EQ(facts.nr_contradictions, 1);
}

static void fadt_without_ports_names_nothing(void)
{
	struct power_info power;
	struct fadt_facts facts;

	fadt_begin();
	memcpy(&table.bytes[112], &(uint32_t){ 1u << 20 }, 4);	/* hardware-reduced, no reset */
	CHECK_EQ(fadt_read(table_end(&table), &power, &facts), STATUS_OK);
	CHECK_EQ(power.pm1a_control_port, 0);
	CHECK_EQ(power.pm_timer_port, 0);
	CHECK_EQ(power.reset_port, 0);
	fadt_begin();
	memcpy(&table.bytes[64], &(uint32_t){ 0x10604 }, 4);
	table.bytes[116] = 0;					/* memory space */
	CHECK_EQ(fadt_read(table_end(&table), &power, &facts), STATUS_OK);
	CHECK_EQ(power.pm1a_control_port, 0);
	CHECK_EQ(power.reset_port, 0);
	table.bytes[50]++;
	CHECK_EQ(fadt_read((struct bytes){ table.bytes, table.length }, &power, &facts),
		 STATUS_BAD_CHECKSUM);
}

static void put_gas(uint32_t at, uint8_t space, uint64_t address)
{
	table.bytes[at] = space;
	memcpy(&table.bytes[at + 4], &address, sizeof(address));
}

/* Either form may be empty; the generic address counts where it is a port. */
static void fadt_is_read_in_either_form(void)
{
	struct power_info power;
	struct fadt_facts facts;

	fadt_begin();
	table_put_zeroes(&table, 244 - 148);
	memset(&table.bytes[64], 0, 4);			/* PM1a only in 64 bits */
	put_gas(172, 1, 0x404);
	put_gas(208, 0, 0xFED00000);			/* the timer's is memory: no port */
	CHECK_EQ(fadt_read(table_end(&table), &power, &facts), STATUS_OK);
	CHECK_EQ(power.pm1a_control_port, 0x404);
	CHECK_EQ(power.pm_timer_port, 0x608);
	CHECK_EQ(facts.nr_contradictions, 0);
	put_gas(208, 1, 0x708);
	put_gas(184, 1, 0x10000);			/* no port either */
	CHECK_EQ(fadt_read(table_end(&table), &power, &facts), STATUS_OK);
	CHECK_EQ(power.pm_timer_port, 0x708);
	CHECK_EQ(power.pm1b_control_port, 0);
	CHECK_EQ(facts.nr_contradictions, 1);
	table.length = 219;				/* cut inside the timer's */
	CHECK_EQ(fadt_read(table_end(&table), &power, &facts), STATUS_OK);
	CHECK_EQ(power.pm_timer_port, 0x608);
}

static enum status s5_of(const uint8_t *aml, unsigned nr, struct power_info *power)
{
	table_begin(&table, "DSDT", 2);
	table_put8(&table, 0x10);
	for (unsigned i = 0; i < nr; i++)
		table_put8(&table, aml[i]);
	*power = (struct power_info){ 0 };
	return dsdt_find_s5(table_end(&table), power);
}

static void dsdt_gives_sleep_types(void)
{
	static const uint8_t bytes_package[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x0A, 0x04,
						 0x0A, 0x07, 0x0A, 0x05, 0x00, 0x00 };
	static const uint8_t zero_package[] = {
		'_', 'S', '5', '_', 0x12, 0x46, 0x00, 0x02, 0x00, 0x01,
	};
	static const uint8_t wrong_type[] = {
		'_', 'S', '5', '_', 0x12, 0x06, 0x02, 0x0A, 0x08, 0x00,
	};
	static const uint8_t only_a_call[] = { '_', 'S', '5', '_', 0x70, 0x00, 0x00 };
	struct power_info power;

	CHECK_EQ(s5_of(bytes_package, sizeof(bytes_package), &power), STATUS_OK);
	CHECK_EQ(power.s5_type_a, 7);
	CHECK_EQ(power.s5_type_b, 5);
	CHECK_EQ(s5_of(zero_package, sizeof(zero_package), &power), STATUS_OK);
	CHECK_EQ(power.s5_type_a, 0);
	CHECK_EQ(power.s5_type_b, 1);
	CHECK_EQ(s5_of(wrong_type, sizeof(wrong_type), &power), STATUS_ABSENT);
	CHECK_EQ(s5_of(only_a_call, sizeof(only_a_call), &power), STATUS_ABSENT);
	for (unsigned nr = 0; nr < 12; nr++)			/* cut short anywhere */
		CHECK_EQ(s5_of(bytes_package, nr, &power), STATUS_ABSENT);
}

/* ---- RSDP, XSDT, RSDT ---- */

/* A firmware in an array: physical address 0x1000 on. */
static uint8_t world[2048];
#define WORLD_PA	0x1000u

static const uint8_t *read_world(void *arg, uint64_t pa, uint64_t bytes)
{
	(void)arg;
	if (pa < WORLD_PA || pa - WORLD_PA > sizeof(world) ||
	    bytes > sizeof(world) - (pa - WORLD_PA))
		return NULL;
	return world + (pa - WORLD_PA);
}

static const struct acpi_memory world_memory = { read_world, NULL };

static void fix_sum(uint8_t *at, uint32_t bytes, uint32_t sum_at)
{
	uint8_t sum = 0;

	at[sum_at] = 0;
	for (uint32_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + at[i]);
	at[sum_at] = (uint8_t)(0 - sum);
}

static void place_table(uint32_t at)
{
	struct bytes bytes = table_end(&table);

	memcpy(world + at, bytes.bytes, bytes.length);
}

/* RSDP at 0, XSDT at 256 with a SLIT and two SRATs, RSDT at 512 with the first SRAT. */
static void build_world(uint8_t rsdp_revision)
{
	memset(world, 0, sizeof(world));
	make_slit(&table, 1, 20);
	place_table(768);
	srat_begin(&table, 3);
	place_table(896);
	srat_put_memory(&table, 0, 4096, 0, 1);
	place_table(1024);

	table_begin(&table, "XSDT", 1);
	table_put64(&table, WORLD_PA + 768);
	table_put64(&table, 0xFFFFFFFF0000ull);		/* leads nowhere */
	table_put64(&table, WORLD_PA + 896);
	table_put64(&table, WORLD_PA + 1024);
	place_table(256);
	table_begin(&table, "RSDT", 1);
	table_put32(&table, WORLD_PA + 896);
	place_table(512);

	memcpy(world, "RSD PTR ", 8);
	world[15] = rsdp_revision;
	world[17] = 0x12;				/* RSDT at 0x1200 */
	world[20] = 36;
	world[25] = 0x11;				/* XSDT at 0x1100 */
	fix_sum(world, 20, 8);
	fix_sum(world, 36, 32);
}

static struct finding world_findings[8];
static struct boot_info world_info;

static enum status open_world(uint64_t rsdp_pa, struct acpi_roots *roots)
{
	world_info = (struct boot_info){ .findings = world_findings,
					 .max_findings = ARRAY_SIZE(world_findings) };
	return acpi_open_roots(&world_memory, rsdp_pa, &world_info, roots);
}

static bool world_has_finding(const char *label)
{
	for (uint32_t i = 0; i < world_info.nr_findings; i++)
		if (strcmp(world_findings[i].label, label) == 0)
			return true;
	return false;
}

static void tables_are_found_through_the_xsdt(void)
{
	struct acpi_roots roots;
	struct acpi_location found;

	build_world(2);
	CHECK_EQ(open_world(WORLD_PA, &roots), STATUS_OK);
	CHECK_EQ(roots.root[0].entry_bytes, 8);
	CHECK_EQ(roots.root[0].nr_entries, 4);
	CHECK_EQ(acpi_find_table(&world_memory, &roots, &world_info, "SRAT", 0, &found), STATUS_OK);
	CHECK_EQ(found.pa, WORLD_PA + 896);
	CHECK_EQ(found.length, 48);
	CHECK_EQ(acpi_find_table(&world_memory, &roots, &world_info, "SRAT", 1, &found), STATUS_OK);
	CHECK_EQ(found.pa, WORLD_PA + 1024);
	CHECK_EQ(acpi_find_table(&world_memory, &roots, &world_info, "SRAT", 2, &found),
		 STATUS_ABSENT);
	CHECK_EQ(acpi_find_table(&world_memory, &roots, &world_info, "HMAT", 0, &found),
		 STATUS_ABSENT);
}

/* How much of it was asked for at most. */
static const uint8_t *note_bytes(void *arg, uint64_t pa, uint64_t bytes)
{
	uint64_t *most_bytes = arg;

	*most_bytes = max_u64(*most_bytes, bytes);
	return read_world(NULL, pa, bytes);
}

/* A DSDT is summed up where it lies: what says that it has gigabytes is not believed. */
static void no_table_is_read_beyond_32_mib(void)
{
	const uint32_t mib_32 = 32u << 20;
	uint64_t most_bytes = 0;
	const struct acpi_memory counted = { note_bytes, &most_bytes };
	struct bytes dsdt;

	build_world(2);
	memcpy(world + 768, "DSDT", 4);
	memcpy(world + 772, &mib_32, sizeof(mib_32));
	CHECK(acpi_read_table(&counted, WORLD_PA + 768, "DSDT", &dsdt) != STATUS_OK);
	CHECK_EQ(most_bytes, mib_32);
	most_bytes = 0;
	world[772]++;
	CHECK_EQ(acpi_read_table(&counted, WORLD_PA + 768, "DSDT", &dsdt), STATUS_BAD_LENGTH);
	CHECK_EQ(most_bytes, ACPI_HEADER_BYTES);
}

/* What the XSDT does not lead to may stand in the RSDT. */
static void a_half_filled_xsdt_leaves_the_rsdt(void)
{
	struct acpi_roots roots;
	struct acpi_location found;

	build_world(2);
	memset(world + 256 + 36 + 16, 0, 16);	/* both SRATs' entries */
	fix_sum(world + 256, 36 + 32, 9);
	CHECK_EQ(open_world(WORLD_PA, &roots), STATUS_OK);
	CHECK(world_has_finding("RootEntryEmpty"));
	CHECK_EQ(acpi_find_table(&world_memory, &roots, &world_info, "SRAT", 0, &found), STATUS_OK);
	CHECK_EQ(found.pa, WORLD_PA + 896);
	CHECK(world_has_finding("AcpiTableElsewhere"));
	CHECK_EQ(acpi_find_table(&world_memory, &roots, &world_info, "SRAT", 1, &found),
		 STATUS_ABSENT);
	CHECK_EQ(acpi_find_table(&world_memory, &roots, &world_info, "SLIT", 0, &found), STATUS_OK);
	CHECK_EQ(found.pa, WORLD_PA + 768);
}

static void a_table_is_not_counted_through_both_roots(void)
{
	struct acpi_roots roots;
	struct acpi_location found;

	build_world(2);
	memset(world + 256 + 36 + 24, 0, 8);	/* the second SRAT's entry */
	fix_sum(world + 256, 36 + 32, 9);
	CHECK_EQ(open_world(WORLD_PA, &roots), STATUS_OK);
	CHECK_EQ(acpi_find_table(&world_memory, &roots, &world_info, "SRAT", 0, &found), STATUS_OK);
	CHECK_EQ(acpi_find_table(&world_memory, &roots, &world_info, "SRAT", 1, &found),
		 STATUS_ABSENT);
	CHECK(!world_has_finding("AcpiTableElsewhere"));
}

static void old_firmware_has_an_rsdt(void)
{
	struct acpi_roots roots;
	struct acpi_location found;

	build_world(0);
	CHECK_EQ(open_world(WORLD_PA, &roots), STATUS_OK);
	CHECK_EQ(roots.root[0].entry_bytes, 4);
	CHECK_EQ(acpi_find_table(&world_memory, &roots, &world_info, "SRAT", 0, &found), STATUS_OK);
	CHECK_EQ(acpi_find_table(&world_memory, &roots, &world_info, "SLIT", 0, &found),
		 STATUS_ABSENT);
}

static void a_broken_xsdt_leaves_the_rsdt(void)
{
	struct acpi_roots roots;

	build_world(2);
	world[256 + 20]++;			/* the XSDT's checksum */
	CHECK_EQ(open_world(WORLD_PA, &roots), STATUS_OK);
	CHECK(world_has_finding("RootTableUnused"));
	CHECK_EQ(roots.root[0].entry_bytes, 4);
	build_world(2);
	world[33]++;				/* the RSDP's second checksum */
	CHECK_EQ(open_world(WORLD_PA, &roots), STATUS_OK);
	CHECK(world_has_finding("RsdpHalfBroken"));
	CHECK_EQ(roots.root[0].entry_bytes, 4);
}

static void a_broken_rsdp_is_refused(void)
{
	struct acpi_roots roots;

	build_world(2);
	world[10]++;
	CHECK_EQ(open_world(WORLD_PA, &roots), STATUS_BAD_CHECKSUM);
	world[0] = 'X';
	CHECK_EQ(open_world(WORLD_PA, &roots), STATUS_BAD_TABLE);
	CHECK_EQ(open_world(64, &roots), STATUS_ABSENT);
	CHECK_EQ(open_world(UINT64_MAX - 3, &roots), STATUS_ABSENT);
}

static void broken_tables_are_passed_over(void)
{
	struct acpi_roots roots;
	struct acpi_location found;

	build_world(2);
	CHECK_EQ(open_world(WORLD_PA, &roots), STATUS_OK);
	world[896 + 20]++;			/* the first SRAT's checksum */
	CHECK_EQ(acpi_find_table(&world_memory, &roots, &world_info, "SRAT", 0, &found), STATUS_OK);
	CHECK_EQ(found.pa, WORLD_PA + 1024);
	memset(world + 1024 + 4, 0xFF, 4);	/* the second one's length */
	CHECK_EQ(acpi_find_table(&world_memory, &roots, &world_info, "SRAT", 0, &found),
		 STATUS_ABSENT);
	memset(world + 1024 + 4, 0, 4);
	CHECK_EQ(acpi_find_table(&world_memory, &roots, &world_info, "SRAT", 0, &found),
		 STATUS_ABSENT);
}

/* ---- All of them ---- */

static void read_as_everything(struct bytes bytes)
{
	struct srat_counts srat;
	struct madt_counts madt;
	struct hmat_counts hmat;
	struct uart_info uart;
	uint32_t n;

	/* No verdict is wrong here, reading past the end is. */
	(void)!srat_measure(bytes, &srat);
	(void)!madt_measure(bytes, &madt);
	(void)!hmat_measure(bytes, &hmat);
	(void)!slit_measure(bytes, &n);
	(void)!spcr_read(bytes, &uart);
	(void)!dbg2_read(bytes, &uart);
}

static void tables_cut_anywhere_are_not_read_past(void)
{
	srat_begin(&table, 3);
	srat_put_cpu(&table, 1, 1, 1);
	srat_put_memory(&table, 0, 4096, 1, 1);
	for (uint32_t full = table.length; table.length >= ACPI_HEADER_BYTES; table.length--) {
		struct srat_counts counts;
		enum status status = srat_measure(table_end(&table), &counts);

		CHECK((status == STATUS_OK) ==
		      (table.length == full || table.length == 48 || table.length == 64));
		read_as_everything(table_end(&table));
	}
}

static void random_bytes_are_survived(void)
{
	static const char signatures[][5] = { "SRAT", "SLIT", "APIC", "HMAT", "SPCR", "DBG2" };

	for (unsigned round = 0; round < 500; round++) {
		uint32_t length = (uint32_t)test_random_below(200);

		table_begin(&table, signatures[round % ARRAY_SIZE(signatures)],
			    (uint8_t)test_random_below(4));
		while (length-- > 0)
			table_put8(&table, (uint8_t)test_random_below(48));
		read_as_everything(table_end(&table));
	}
}

static const struct test_case cases[] = {
	{ "srat records of all types", srat_records_of_all_types },
	{ "old srat has narrow domains", old_srat_has_narrow_domains },
	{ "disabled srat records are nothing", disabled_srat_records_are_nothing },
	{ "ids that mean no cpu", ids_that_mean_no_cpu },
	{ "ranges that are empty or wrap", ranges_that_are_empty_or_wrap },
	{ "unknown and longer srat records are fine", unknown_and_longer_srat_records_are_fine },
	{ "malformed srat records refuse the table", malformed_srat_records_refuse_the_table },
	{ "headers are checked", headers_are_checked },
	{ "slit values and shape", slit_values_and_shape },
	{ "slit that lies is refused", slit_that_lies_is_refused },
	{ "slit counts that overflow", slit_counts_that_overflow },
	{ "madt entries decide alone", madt_entries_decide_alone },
	{ "madt address override", madt_address_override },
	{ "malformed madt records refuse the table", malformed_madt_records_end_the_table },
	{ "hmat matrices join to pairs", hmat_matrices_join_to_pairs },
	{ "hmat units of revision 1", hmat_units_of_revision_1 },
	{ "hmat values saturate", hmat_values_saturate },
	{ "malformed hmat is refused", malformed_hmat_is_refused },
	{ "spcr names the console", spcr_names_the_console },
	{ "SPCR registers are as far apart as their access",
	  spcr_registers_are_as_far_apart_as_their_access },
	{ "SPCR speed is set where the clock is known",
	  spcr_speed_is_set_where_the_clock_is_known },
	{ "DBG2 names the first 16550", dbg2_names_the_first_16550 },
	{ "a DBG2 that breaks its format is of no use", dbg2_that_breaks_its_format_is_of_no_use },
	{ "SPCR names what it is", spcr_names_what_it_is },
	{ "FADT names the switches", fadt_names_the_switches },
	{ "FADT without ports names nothing", fadt_without_ports_names_nothing },
	{ "FADT is read in either form", fadt_is_read_in_either_form },
	{ "DSDT gives sleep types", dsdt_gives_sleep_types },
	{ "tables are found through the xsdt", tables_are_found_through_the_xsdt },
	{ "no table is read beyond 32 MiB", no_table_is_read_beyond_32_mib },
	{ "a half-filled XSDT leaves the RSDT", a_half_filled_xsdt_leaves_the_rsdt },
	{ "a table is not counted through both roots", a_table_is_not_counted_through_both_roots },
	{ "old firmware has an rsdt", old_firmware_has_an_rsdt },
	{ "a broken xsdt leaves the rsdt", a_broken_xsdt_leaves_the_rsdt },
	{ "a broken rsdp is refused", a_broken_rsdp_is_refused },
	{ "broken tables are passed over", broken_tables_are_passed_over },
	{ "tables cut anywhere are not read past", tables_cut_anywhere_are_not_read_past },
	{ "random bytes are survived", random_bytes_are_survived },
};

TEST_SUITE(acpi, cases);
