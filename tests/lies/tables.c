/*
 * Lies about ACPI tables.
 *
 * Model
 *   The firmware's RSDP, XSDT and, where a lie needs it, single tables are copied
 *   to memory of ours, changed there, summed up and put in their place: the
 *   firmware's configuration table then names our RSDP. The RSDT is made anew
 *   from the XSDT, for QEMU's firmware has none beside it.
 *
 *   So lies add up: each changes what the former ones left.
 */

#include "tests/lies/lie.h"

#include "efi/acpi.h"
#include "lib/string.h"

#define FOUR_GIB_END	0xFFFFFFFFull
#define MIB_END		0x9EFFFull
#define ROOT_BYTES	4096u
#define TABLE_BYTES	65536u
#define HEADER_SUM	9u
#define RSDP_BYTES	36u
#define RSDP_RSDT	16u
#define RSDP_XSDT	24u

static EFI_GUID acpi20 = ACPI_20_TABLE_GUID;
static EFI_GUID acpi10 = ACPI_TABLE_GUID;

/* Our copies. */
static uint8_t *rsdp, *xsdt, *rsdt;

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void put64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void sum_up(uint8_t *at, uint32_t bytes, uint32_t sum_at)
{
	uint8_t sum = 0;

	at[sum_at] = 0;
	for (uint32_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + at[i]);
	at[sum_at] = (uint8_t)(0 - sum);
}

static uint32_t length_of(const uint8_t *table)
{
	return read_le32(table + ACPI_LENGTH_OFFSET);
}

static void sum_up_table(uint8_t *table)
{
	sum_up(table, length_of(table), HEADER_SUM);
}

static uint32_t nr_entries(void)
{
	return (length_of(xsdt) - ACPI_HEADER_BYTES) / 8;
}

static EFI_CONFIGURATION_TABLE *entry_of(const EFI_GUID *guid)
{
	for (UINTN i = 0; i < lie_system->NumberOfTableEntries; i++)
		if (memcmp(&lie_system->ConfigurationTable[i].VendorGuid, guid, sizeof(*guid)) == 0)
			return &lie_system->ConfigurationTable[i];
	return NULL;
}

/* Sums of the roots, after whatever was changed in them. */
static void finish_roots(void)
{
	sum_up_table(xsdt);
	sum_up_table(rsdt);
	put32(rsdp + RSDP_RSDT, (uint32_t)(uintptr_t)rsdt);
	put64(rsdp + RSDP_XSDT, (uintptr_t)xsdt);
	sum_up(rsdp, 20, 8);
	sum_up(rsdp, RSDP_BYTES, 32);
}

static void make_rsdt(void)
{
	memcpy(rsdt, xsdt, ACPI_HEADER_BYTES);
	memcpy(rsdt, "RSDT", 4);
	put32(rsdt + ACPI_LENGTH_OFFSET, ACPI_HEADER_BYTES + 4 * nr_entries());
	for (uint32_t i = 0; i < nr_entries(); i++)
		put32(rsdt + ACPI_HEADER_BYTES + 4 * i,
		      (uint32_t)read_le64(xsdt + ACPI_HEADER_BYTES + 8 * i));
}

/* Roots of our own, the first time. */
static void own_roots(void)
{
	EFI_CONFIGURATION_TABLE *entry = entry_of(&acpi20);
	const uint8_t *from;

	if (rsdp)
		return;
	if (!entry)
		lie_give_up("no ACPI 2.0 tables");
	rsdp = lie_pages(EfiACPIReclaimMemory, 3 * ROOT_BYTES, FOUR_GIB_END);
	xsdt = rsdp + ROOT_BYTES;
	rsdt = xsdt + ROOT_BYTES;
	memcpy(rsdp, entry->VendorTable, RSDP_BYTES);
	from = (const uint8_t *)read_le64(rsdp + RSDP_XSDT);
	memcpy(xsdt, from, length_of(from));
	make_rsdt();
	finish_roots();
	entry->VendorTable = rsdp;
}

static bool has_signature(uint64_t pa, const char *signature)
{
	return pa != 0 && memcmp((const void *)pa, signature, 4) == 0;
}

/* Where the XSDT leads to the table with @signature. */
static uint8_t *xsdt_entry(const char *signature)
{
	for (uint32_t i = 0; i < nr_entries(); i++) {
		uint8_t *at = xsdt + ACPI_HEADER_BYTES + 8 * i;

		if (has_signature(read_le64(at), signature))
			return at;
	}
	return NULL;
}

/* Puts @table, of its own length, into the roots; in the place of one of its name. */
static void place_table(uint8_t *table)
{
	char signature[5] = { 0 };
	uint8_t *at;

	memcpy(signature, table, 4);
	sum_up_table(table);
	at = xsdt_entry(signature);
	if (!at) {
		at = xsdt + length_of(xsdt);
		put32(xsdt + ACPI_LENGTH_OFFSET, length_of(xsdt) + 8);
	}
	put64(at, (uintptr_t)table);
	make_rsdt();
	finish_roots();
}

/* A copy of the table with @signature, with room behind it; place_table() makes it the one. */
static uint8_t *own_table(const char *signature)
{
	const uint8_t *at, *from;
	uint8_t *table;

	own_roots();
	at = xsdt_entry(signature);
	if (!at)
		lie_give_up(signature);
	from = (const uint8_t *)read_le64(at);
	table = lie_pages(EfiACPIReclaimMemory, TABLE_BYTES, FOUR_GIB_END);
	memcpy(table, from, length_of(from));
	return table;
}

/* ---- Roots ---- */

/* xsdt_empty=SRAT,APIC: these entries of the XSDT are 0, the RSDT is whole. */
static void xsdt_empty(const char *argument)
{
	char word[8];

	own_roots();
	while (lie_next_word(&argument, word, sizeof(word))) {
		uint8_t *at = xsdt_entry(word);

		if (!at)
			lie_give_up(word);
		put64(at, 0);
	}
	finish_roots();
}

static void xsdt_broken(const char *argument)
{
	(void)argument;
	own_roots();
	xsdt[HEADER_SUM]++;
}

/* ACPI 2.0's root pointer is garbage, 1.0's is whole. */
static void rsdp_garbage(const char *argument)
{
	EFI_CONFIGURATION_TABLE *second;
	uint8_t *garbage = lie_pages(EfiACPIReclaimMemory, ROOT_BYTES, FOUR_GIB_END);

	(void)argument;
	own_roots();
	second = entry_of(&acpi10);
	if (!second)
		lie_give_up("no ACPI 1.0 entry");
	second->VendorTable = rsdp;
	memcpy(garbage, rsdp, RSDP_BYTES);
	garbage[8]++;
	entry_of(&acpi20)->VendorTable = garbage;
}

/* The root pointer leads nowhere at all. */
static void rsdp_nowhere(const char *argument)
{
	own_roots();
	entry_of(&acpi20)->VendorTable = (void *)lie_number(argument, 0xFFFFFFFFFFFFF000ull);
	if (entry_of(&acpi10))
		entry_of(&acpi10)->VendorTable = entry_of(&acpi20)->VendorTable;
}

/* Root pointer, roots and the MADT below 1 MiB. */
static void tables_low(const char *argument)
{
	uint8_t *low, *madt;

	(void)argument;
	own_roots();
	low = lie_pages(EfiReservedMemoryType, 4 * ROOT_BYTES, MIB_END);
	memcpy(low, rsdp, 3 * ROOT_BYTES);
	rsdp = low;
	xsdt = low + ROOT_BYTES;
	rsdt = xsdt + ROOT_BYTES;
	madt = own_table("APIC");
	memcpy(low + 3 * ROOT_BYTES, madt, length_of(madt));
	place_table(low + 3 * ROOT_BYTES);
	entry_of(&acpi20)->VendorTable = rsdp;
}

/* Firmware of 1999: an RSDT alone. */
static void rsdt_only(const char *argument)
{
	(void)argument;
	own_roots();
	rsdp[15] = 0;
	sum_up(rsdp, 20, 8);
}

/* drop=SRAT,SLIT: there are no such tables. */
static void drop(const char *argument)
{
	char word[8];

	own_roots();
	while (lie_next_word(&argument, word, sizeof(word))) {
		uint8_t *at = xsdt_entry(word);

		if (!at)
			lie_give_up(word);
		put64(at, (uintptr_t)xsdt);	/* a table that nobody looks for */
	}
	make_rsdt();
	finish_roots();
}

static void no_configuration(const char *argument)
{
	(void)argument;
	lie_system->NumberOfTableEntries = 0;
	lie_system->ConfigurationTable = NULL;
}

/* broken=SRAT: its checksum is wrong. */
static void broken(const char *argument)
{
	uint8_t *table = own_table(argument);

	place_table(table);
	table[HEADER_SUM]++;
}

/* ---- MADT, SRAT ---- */

/* A record of no length behind all that are good. */
static void madt_cut(const char *argument)
{
	uint8_t *madt = own_table("APIC");
	uint32_t bytes = length_of(madt);

	(void)argument;
	madt[bytes] = 0;
	madt[bytes + 1] = 0;
	put32(madt + ACPI_LENGTH_OFFSET, bytes + 8);
	place_table(madt);
}

/* Calls @change for each record of @table behind @offset. */
static void change_records(uint8_t *table, uint32_t offset, void (*change)(uint8_t *record))
{
	while (offset + 2 <= length_of(table) && table[offset + 1] >= 2) {
		change(table + offset);
		offset += table[offset + 1];
	}
}

static void rename_domain(uint8_t *record)
{
	static const uint8_t largest[4] = { 0xFF, 0xFF, 0xFF, 0xFF };

	if (record[0] == 0 && record[2] == 1) {		/* a CPU: low byte apart */
		record[2] = 0xFF;
		memcpy(record + 9, largest, 3);
	} else if (record[0] == 1 && read_le32(record + 2) == 1) {
		memcpy(record + 2, largest, 4);
	}
}

/* Domain 1 is called 0xFFFFFFFF. */
static void domain_largest(const char *argument)
{
	uint8_t *srat = own_table("SRAT");

	(void)argument;
	srat[8] = 3;			/* the revision: from 2 on domains have 32 bits */
	change_records(srat, 48, rename_domain);
	place_table(srat);
}

/* srat_stripes=1M,2,1G: memory up to 1 GiB in stripes of 1 MiB, of two domains in turn. */
static void srat_stripes(const char *argument)
{
	uint64_t values[3] = { 1 << 20, 2, 1 << 30 };	/* size, domains, end */
	uint8_t *table, *at;
	uint32_t domain = 0;
	char word[24];

	own_roots();
	for (unsigned i = 0; i < ARRAY_SIZE(values) && lie_next_word(&argument, word, sizeof(word));
	     i++)
		values[i] = lie_number(word, 0);
	table = lie_pages(EfiACPIReclaimMemory, TABLE_BYTES + 40 * (values[2] / values[0]),
			  FOUR_GIB_END);
	memcpy(table, xsdt, ACPI_HEADER_BYTES);
	memcpy(table, "SRAT", 4);
	table[8] = 3;			/* the revision: domains have 32 bits */
	at = table + 48;
	for (uint8_t cpu = 0; cpu < 2; cpu++, at += 16) {
		at[1] = 16;
		at[2] = at[3] = cpu;	/* domain, APIC id */
		at[4] = 1;
	}
	for (uint64_t start = 0; start < values[2]; start += values[0], at += 40) {
		at[0] = 1;
		at[1] = 40;
		put32(at + 2, domain);
		put64(at + 8, start);
		put64(at + 16, values[0]);
		at[28] = 1;
		domain = (domain + 1) % (uint32_t)values[1];
	}
	put32(table + ACPI_LENGTH_OFFSET, (uint32_t)(at - table));
	place_table(table);
}

static void disable_cpu(uint8_t *record)
{
	if (record[0] == 0)
		record[4] = 0;
}

/* No CPU is enabled in the MADT, not even the one that runs. */
static void madt_disabled(const char *argument)
{
	uint8_t *madt = own_table("APIC");

	(void)argument;
	change_records(madt, 44, disable_cpu);
	place_table(madt);
}

/* A second record for every CPU: the same id, disabled. */
static void madt_doubled(const char *argument)
{
	uint8_t *madt = own_table("APIC");
	uint32_t bytes = length_of(madt), offset = 44;

	(void)argument;
	for (uint32_t end = bytes; offset < end; offset += madt[offset + 1]) {
		if (madt[offset] != 0)
			continue;
		memcpy(madt + bytes, madt + offset, 8);
		madt[bytes + 4] = 0;
		bytes += 8;
	}
	put32(madt + ACPI_LENGTH_OFFSET, bytes);
	place_table(madt);
}

/* An enabled CPU that is not there. */
static void madt_ghost(const char *argument)
{
	uint8_t *madt = own_table("APIC"), *record = madt + length_of(madt);

	(void)argument;
	record[1] = 8;
	record[2] = record[3] = 0x70;
	record[4] = 1;
	put32(madt + ACPI_LENGTH_OFFSET, length_of(madt) + 8);
	place_table(madt);
}

/* madt_crowd=5000: so many CPUs are enabled beside the true ones, and none of them is there. */
static void madt_crowd(const char *argument)
{
	const uint32_t nr = (uint32_t)lie_number(argument, 5000);
	const uint8_t *from = own_table("APIC");
	uint8_t *madt = lie_pages(EfiACPIReclaimMemory, length_of(from) + 16 * nr, FOUR_GIB_END);
	uint8_t *record = madt + length_of(from);

	memcpy(madt, from, length_of(from));
	for (uint32_t i = 0; i < nr; i++, record += 16) {
		record[0] = 9;			/* an x2APIC */
		record[1] = 16;
		put32(record + 4, 0x1000 + i);
		record[8] = 1;
	}
	put32(madt + ACPI_LENGTH_OFFSET, length_of(from) + 16 * nr);
	place_table(madt);
}

/* The override of the local APIC's address is there and empty. */
static void madt_override_empty(const char *argument)
{
	uint8_t *madt = own_table("APIC");
	uint32_t bytes = length_of(madt);

	(void)argument;
	madt[bytes] = 5;
	madt[bytes + 1] = 12;
	put32(madt + ACPI_LENGTH_OFFSET, bytes + 12);
	place_table(madt);
}

/* ---- HMAT ---- */

/* hmat=200: the latency from each of so many domains to each: two values for each pair. */
static void hmat(const char *argument)
{
	const uint32_t nr_domains = (uint32_t)lie_number(argument, 2);
	const uint32_t matrix_bytes = 32 + 8 * nr_domains + 2 * nr_domains * nr_domains;
	uint8_t *table = lie_pages(EfiACPIReclaimMemory, 40 + matrix_bytes, FOUR_GIB_END);
	uint8_t *matrix = table + 40, *at = matrix + 32;

	own_roots();
	memcpy(table, xsdt, ACPI_HEADER_BYTES);
	memcpy(table, "HMAT", 4);
	put32(table + ACPI_LENGTH_OFFSET, 40 + matrix_bytes);
	table[8] = 2;			/* the revision */
	matrix[0] = 1;			/* system locality latency and bandwidth */
	put32(matrix + 4, matrix_bytes);
	put32(matrix + 12, nr_domains);
	put32(matrix + 16, nr_domains);
	put64(matrix + 24, 1000);	/* picoseconds a unit */
	for (uint32_t i = 0; i < 2 * nr_domains; i++, at += 4)
		put32(at, i % nr_domains);
	for (uint32_t i = 0; i < nr_domains * nr_domains; i++, at += 2)
		at[0] = i % (nr_domains + 1) == 0 ? 80 : 120;
	place_table(table);
}

/* ---- FADT ---- */

/* ACPI's timer is where nobody answers, in both forms. */
static void timer_dead(const char *argument)
{
	uint8_t *table = own_table("FACP");
	uint32_t port = (uint32_t)lie_number(argument, 0x1100);

	if (length_of(table) < 220)
		lie_give_up("the FADT is short");
	put32(table + 76, port);
	table[208] = 1;			/* a port */
	put64(table + 212, port);
	place_table(table);
}

/* "wide": only the 64-bit forms; "narrow": only the 32-bit ones; "both": they differ. */
static void fadt(const char *argument)
{
	static const struct {
		uint32_t narrow, wide;
	} ports[] = { { 64, 172 }, { 68, 184 }, { 76, 208 } };
	uint8_t *table = own_table("FACP");

	if (length_of(table) < 220)
		lie_give_up("the FADT is short");
	put64(table + 140, read_le64(table + 140) ? read_le64(table + 140) : read_le32(table + 40));
	if (strcmp(argument, "both") == 0)
		put32(table + 40, 0x1000);
	else if (strcmp(argument, "wide") == 0)
		put32(table + 40, 0);
	else
		put64(table + 140, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
		uint32_t port = read_le32(table + ports[i].narrow);

		table[ports[i].wide] = 1;
		put64(table + ports[i].wide + 4, strcmp(argument, "narrow") == 0 ? 0 : port);
		if (strcmp(argument, "wide") == 0)
			put32(table + ports[i].narrow, 0);
		if (strcmp(argument, "both") == 0 && port != 0)
			put32(table + ports[i].narrow, 0x10);
	}
	place_table(table);
}

/* ---- Serial consoles ---- */

/* spcr=INTERFACE,SPACE,WIDTH,ACCESS,ADDRESS,BAUD: a table of revision 2. */
static void spcr(const char *argument)
{
	uint8_t *table = lie_pages(EfiACPIReclaimMemory, TABLE_BYTES, FOUR_GIB_END);
	uint64_t values[6] = { 0, 1, 8, 1, 0x3F8, 7 };
	char word[24];

	own_roots();
	for (unsigned i = 0; i < ARRAY_SIZE(values) && lie_next_word(&argument, word, sizeof(word));
	     i++)
		values[i] = lie_number(word, 0);
	memcpy(table, "SPCR", 4);
	put32(table + ACPI_LENGTH_OFFSET, 80);
	table[8] = 2;
	table[36] = (uint8_t)values[0];
	table[40] = (uint8_t)values[1];
	table[41] = (uint8_t)values[2];
	table[43] = (uint8_t)values[3];
	put64(table + 44, values[4]);
	table[58] = (uint8_t)values[5];
	place_table(table);
}

/* dbg2=TYPE,INTERFACE,SPACE,WIDTH,ACCESS,ADDRESS: one device. */
static void dbg2(const char *argument)
{
	uint8_t *table = lie_pages(EfiACPIReclaimMemory, TABLE_BYTES, FOUR_GIB_END);
	uint64_t values[6] = { 0x8000, 0, 1, 8, 1, 0x2F8 };
	uint8_t *device = table + 44, *registers = device + 22;
	char word[24];

	own_roots();
	for (unsigned i = 0; i < ARRAY_SIZE(values) && lie_next_word(&argument, word, sizeof(word));
	     i++)
		values[i] = lie_number(word, 0);
	memcpy(table, "DBG2", 4);
	put32(table + ACPI_LENGTH_OFFSET, 44 + 34);
	put32(table + 36, 44);
	put32(table + 40, 1);
	device[1] = 34;
	device[3] = 1;
	device[12] = (uint8_t)values[0];
	device[13] = (uint8_t)(values[0] >> 8);
	device[14] = (uint8_t)values[1];
	device[18] = 22;
	registers[0] = (uint8_t)values[2];
	registers[1] = (uint8_t)values[3];
	registers[3] = (uint8_t)values[4];
	put64(registers + 4, values[5]);
	place_table(table);
}

const struct lie table_lies[] = {
	{ "xsdt_empty", xsdt_empty },
	{ "xsdt_broken", xsdt_broken },
	{ "rsdp_garbage", rsdp_garbage },
	{ "rsdp_nowhere", rsdp_nowhere },
	{ "tables_low", tables_low },
	{ "rsdt_only", rsdt_only },
	{ "drop", drop },
	{ "no_configuration", no_configuration },
	{ "broken", broken },
	{ "madt_cut", madt_cut },
	{ "madt_disabled", madt_disabled },
	{ "madt_doubled", madt_doubled },
	{ "madt_ghost", madt_ghost },
	{ "madt_crowd", madt_crowd },
	{ "madt_override_empty", madt_override_empty },
	{ "domain_largest", domain_largest },
	{ "srat_stripes", srat_stripes },
	{ "hmat", hmat },
	{ "timer_dead", timer_dead },
	{ "fadt", fadt },
	{ "spcr", spcr },
	{ "dbg2", dbg2 },
};

const unsigned nr_table_lies = ARRAY_SIZE(table_lies);
