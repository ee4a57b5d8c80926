/* The acpidump format, byte for byte, and the table of said and made. */

#include "efi/show.h"

#include "lib/string.h"
#include "log.h"
#include "tests/test.h"
#include "tests/unit/efi/tables.h"

static char heard[4096];
static size_t nr_heard_bytes;
static struct table srat;

static void remember(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes && nr_heard_bytes < sizeof(heard) - 1; i++)
		heard[nr_heard_bytes++] = text[i];
	heard[nr_heard_bytes] = '\0';
}

static void listen(void)
{
	log_fresh_line();
	CHECK(log_add_sink(remember));
	nr_heard_bytes = 0;
}

static void tables_look_as_acpidump_prints_them(void)
{
	static const uint8_t bytes[18] = {
		'S', 'L', 'I', 'T', 18, 0, 0, 0, 1, 0xFF, ' ', '~', 0x7F, 'a', 'b', 'c', 0x0A, 'z',
	};

	listen();
	show_acpi_table("SLIT", 0x7FE1234, (struct bytes){ bytes, sizeof(bytes) });
	log_remove_sink(remember);
	CHECK(strcmp(heard,
		     "SLIT @ 0x0000000007fe1234\n"
		     "    0000: 53 4C 49 54 12 00 00 00 01 FF 20 7E 7F 61 62 63  SLIT...... ~.abc\n"
		     "    0010: 0A 7A                                            .z\n"
		     "\n") == 0);
}

/* The test's "physical" addresses are plain ones. */
static void *plain(uint64_t pa)
{
	return (void *)pa;
}

static void what_was_said_stands_beside_what_was_made(void)
{
	static uint64_t buffer[256];
	struct mem_range ranges[] = { { .start = 1 << 20, .end = 3 << 20, .type = MEM_USABLE } };
	struct affinity_range affinity[] = { { .start = 0, .end = 4 << 20, .domain = 7 } };
	struct boot_cpu cpus[] = { { 5, 7 } };
	uint32_t domains[] = { 7 };
	struct table_copy tables[1] = { { "SRAT", 0, 0x1000, 0 } };
	struct boot_info info = {
		.ranges = ranges, .nr_ranges = 1, .affinity = affinity, .nr_affinity = 1,
		.cpus = cpus, .nr_cpus = 1, .domains = domains, .nr_domains = 1,
		.tables = tables, .nr_tables = 1,
	};
	struct topology topology;

	srat_begin(&srat, 3);
	srat_put_cpu(&srat, 5, 7, 1);
	srat_put_memory(&srat, 0, 4 << 20, 7, 1);
	tables[0].length = (uint32_t)table_end(&srat).length;
	tables[0].copy_pa = (uint64_t)srat.bytes;
	CHECK_EQ(topology_build(&topology, &info, buffer, sizeof(buffer)), STATUS_OK);
	listen();
	show_firmware(&info, &topology, plain);
	log_remove_sink(remember);
	CHECK(strstr(heard, "rev 3: CPUs 1 on, 0 off; ranges 1 on, 0 off") != NULL);
	CHECK(strstr(heard, "used, 1 nodes") != NULL);
	CHECK(strstr(heard, "PXM 7") != NULL);
	CHECK(strstr(heard, "node 0: 2 MiB usable in 1 pieces, 1 CPUs") != NULL);
	CHECK(strstr(heard, "SLIT           absent") != NULL);
}

static const struct test_case cases[] = {
	{ "tables look as acpidump prints them", tables_look_as_acpidump_prints_them },
	{ "what was said stands beside what was made", what_was_said_stands_beside_what_was_made },
};

TEST_SUITE(show, cases);
