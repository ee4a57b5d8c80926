/* boot_info from whole sets of tables: MADT joined with SRAT, findings. */

#include "efi/collect.h"

#include "lib/string.h"
#include "tests/test.h"
#include "tests/unit/efi/tables.h"

static struct table srat, madt, slit;
static uint64_t arena_words[16384];
static struct boot_info info;

static enum status collect(const struct firmware_tables *tables, uint32_t running_apic_id)
{
	struct arena arena = { (unsigned char *)arena_words, collect_arena_bytes(tables), 0 };

	CHECK(arena.size_bytes <= sizeof(arena_words));
	info = (struct boot_info){ 0 };
	return collect_tables(tables, running_apic_id, &arena, &info);
}

static bool has_finding(const char *label)
{
	for (uint32_t i = 0; i < info.nr_findings; i++)
		if (strcmp(info.findings[i].label, label) == 0)
			return true;
	return false;
}

static void the_running_cpu_comes_first(void)
{
	struct firmware_tables tables = { 0 };

	madt_begin(&madt);
	madt_put_cpu(&madt, 4, 1);
	madt_put_cpu(&madt, 2, 1);
	madt_put_x2apic(&madt, 4, 1);		/* the same CPU again */
	madt_put_cpu(&madt, 0, 1);
	tables.madt = table_end(&madt);
	CHECK_EQ(collect(&tables, 2), STATUS_OK);
	CHECK_EQ(info.nr_cpus, 3);
	CHECK_EQ(info.cpus[0].apic_id, 2);
	CHECK_EQ(info.cpus[1].apic_id, 4);
	CHECK_EQ(info.cpus[2].apic_id, 0);
	CHECK_EQ(info.cpus[0].domain, DOMAIN_NONE);
	CHECK(has_finding("MadtCpuTwice"));
	CHECK(!has_finding("MadtNoRunningCpu"));
}

static void the_running_cpu_always_exists(void)
{
	struct firmware_tables tables = { 0 };

	CHECK_EQ(collect(&tables, 33), STATUS_OK);
	CHECK_EQ(info.nr_cpus, 1);
	CHECK_EQ(info.cpus[0].apic_id, 33);
	CHECK(has_finding("MadtAbsent"));
	madt_begin(&madt);
	madt_put_cpu(&madt, 4, 1);
	tables.madt = table_end(&madt);
	CHECK_EQ(collect(&tables, 33), STATUS_OK);
	CHECK_EQ(info.nr_cpus, 2);
	CHECK(has_finding("MadtNoRunningCpu"));
	CHECK(!has_finding("MadtNoCpu"));
	madt_begin(&madt);
	madt_put_cpu(&madt, 33, 0);
	tables.madt = table_end(&madt);
	CHECK_EQ(collect(&tables, 33), STATUS_OK);
	CHECK_EQ(info.nr_cpus, 1);
	CHECK(has_finding("MadtNoCpu"));
}

static void srat_says_where_the_cpus_are(void)
{
	struct firmware_tables tables = { 0 };

	madt_begin(&madt);
	for (uint8_t id = 0; id < 4; id++)
		madt_put_cpu(&madt, id, 1);
	srat_begin(&srat, 3);
	srat_put_cpu(&srat, 1, 7, 1);
	srat_put_cpu(&srat, 1, 8, 1);		/* the first entry counts */
	srat_put_x2apic(&srat, 0, 9, 1);
	srat_put_cpu(&srat, 2, 9, 0);		/* disabled: as if it were not there */
	srat_put_cpu(&srat, 200, 5, 1);		/* not in the MADT */
	srat_put_memory(&srat, 0x2000, 0x1000, 7, 1);
	srat_put_memory(&srat, 0x1000, 0x1000, 6, 1);
	tables = (struct firmware_tables){ .madt = table_end(&madt), .srat = table_end(&srat) };
	CHECK_EQ(collect(&tables, 0), STATUS_OK);
	CHECK_EQ(info.cpus[0].domain, 9);
	CHECK_EQ(info.cpus[1].domain, 7);
	CHECK_EQ(info.cpus[2].domain, DOMAIN_NONE);
	CHECK_EQ(info.affinity[0].domain, 6);	/* sorted by start */
	CHECK_EQ(info.affinity[1].domain, 7);
	CHECK_EQ(info.domains[0], 7);		/* as the table names them, CPUs first */
	CHECK_EQ(info.domains[4], 7);
	CHECK_EQ(info.domains[5], 6);
	CHECK(has_finding("SratCpuInTwoDomains"));
	CHECK(has_finding("MadtCpuNotInSrat"));
	CHECK(has_finding("SratCpuNotInMadt"));
}

static void a_madt_that_ends_badly_keeps_the_cpus_before(void)
{
	struct firmware_tables tables = { 0 };

	madt_begin(&madt);
	madt_put_cpu(&madt, 0, 1);
	madt_put_cpu(&madt, 1, 1);
	table_put8(&madt, 0);
	tables.madt = table_end(&madt);
	CHECK_EQ(collect(&tables, 0), STATUS_OK);
	CHECK_EQ(info.nr_cpus, 2);
	CHECK(has_finding("MadtCut"));
}

static void what_was_found_before_stays(void)
{
	struct firmware_tables tables = { 0 };
	struct finding early[2];
	struct arena arena = { (unsigned char *)arena_words, collect_arena_bytes(&tables), 0 };

	info = (struct boot_info){ .findings = early, .max_findings = ARRAY_SIZE(early) };
	boot_info_add_finding(&info, "Early", SEVERITY_LOW, "before there was an arena");
	CHECK_EQ(collect_tables(&tables, 0, &arena, &info), STATUS_OK);
	CHECK(has_finding("Early"));
	CHECK(has_finding("MadtAbsent"));
	CHECK(info.findings != early);
}

static void the_largest_domain_is_one(void)
{
	struct firmware_tables tables = { 0 };

	madt_begin(&madt);
	madt_put_cpu(&madt, 0, 1);
	srat_begin(&srat, 3);
	srat_put_cpu(&srat, 0, UINT32_MAX, 1);
	srat_put_memory(&srat, 0x1000, 0x1000, UINT32_MAX, 1);
	tables = (struct firmware_tables){ .madt = table_end(&madt), .srat = table_end(&srat) };
	CHECK_EQ(collect(&tables, 0), STATUS_OK);
	CHECK_EQ(info.cpus[0].domain, UINT32_MAX);
	CHECK(!has_finding("MadtCpuNotInSrat"));
}

static void a_refused_table_is_as_good_as_absent(void)
{
	struct firmware_tables tables = { 0 };

	madt_begin(&madt);
	madt_put_cpu(&madt, 1, 1);
	table_end(&madt);
	madt.bytes[40]++;			/* no checksum fits now */
	srat_begin(&srat, 3);
	srat_put_memory(&srat, 0, 4096, 0, 1);
	table_put8(&srat, 1);
	make_slit(&slit, 2, 10);
	tables = (struct firmware_tables){
		.madt = { madt.bytes, madt.length },
		.srat = table_end(&srat), .srat2 = table_end(&srat),
		.slit = table_end(&slit), .hmat = table_end(&slit), .spcr = table_end(&slit),
	};
	CHECK_EQ(collect(&tables, 0), STATUS_OK);
	CHECK_EQ(info.nr_cpus, 1);
	CHECK_EQ(info.nr_affinity, 0);
	CHECK_EQ(info.nr_domains, 0);
	CHECK_EQ(info.distance.nr_localities, 0);
	CHECK_EQ(info.uart.base, 0x3F8);
	CHECK(has_finding("MadtMalformed"));
	CHECK(has_finding("SratMalformed"));
	CHECK(has_finding("SratTwice"));
	CHECK(has_finding("SlitAllTen"));
	CHECK(has_finding("HmatMalformed"));
	CHECK(has_finding("SpcrUnused"));
}

static void ignored_entries_leave_a_finding(void)
{
	struct firmware_tables tables = { 0 };

	madt_begin(&madt);
	madt_put_cpu(&madt, 0xFF, 1);
	madt_put_cpu(&madt, 0, 1);
	srat_begin(&srat, 3);
	srat_put_cpu(&srat, 0, 0, 1);
	srat_put_cpu(&srat, 0xFF, 0, 1);
	srat_put_memory(&srat, 0x1000, 0, 0, 1);
	srat_put_memory(&srat, UINT64_MAX, 2, 0, 1);
	tables = (struct firmware_tables){ .madt = table_end(&madt), .srat = table_end(&srat) };
	CHECK_EQ(collect(&tables, 0), STATUS_OK);
	CHECK(has_finding("MadtCpuNoId"));
	CHECK(has_finding("SratCpuNoId"));
	CHECK(has_finding("SratRangeEmpty"));
	CHECK(has_finding("SratRangeWraps"));
}

static void a_slit_that_is_broken_leaves_a_finding(void)
{
	struct firmware_tables tables = { .slit = make_slit(&slit, 2, 20) };

	slit.bytes[slit.length - 1]++;			/* no checksum fits now */
	CHECK_EQ(collect(&tables, 0), STATUS_OK);
	CHECK_EQ(info.distance.nr_localities, 0);
	CHECK(has_finding("SlitMalformed"));
}

static void what_is_odd_in_a_map_leaves_findings(void)
{
	static const struct {
		struct map_report report;
		const char *label;
	} odd[] = {
		{ { .nr_empty = 1 }, "MapEntryEmpty" },
		{ { .nr_wrapping = 1 }, "MapEntryWraps" },
		{ { .nr_unaligned = 1 }, "MapEntryUnaligned" },
		{ { .nr_lost_to_alignment = 1 }, "MapEntryNoWholePage" },
		{ { .nr_unknown_types = 1 }, "MapTypeUnknown" },
		{ { .nr_not_cached = 1 }, "MapNotCached" },
		{ { .nr_soft_reserved = 1 }, "MapSoftReserved" },
		{ { .nr_non_volatile = 1 }, "MapNonVolatile" },
		{ { .tail_bytes = 40 }, "MapTail" },
		{ { .beyond_reach_bytes = 1 << 20 }, "MapBeyondReach" },
	};
	struct finding findings[2];

	for (unsigned i = 0; i < ARRAY_SIZE(odd); i++) {
		info = (struct boot_info){ .findings = findings, .max_findings = 2 };
		collect_map_findings(&odd[i].report, &info);
		CHECK_EQ(info.nr_findings, 1);
		CHECK(has_finding(odd[i].label));
	}
}

static void a_small_arena_is_noticed_at_every_step(void)
{
	struct firmware_tables tables = { 0 };
	uint64_t needed;

	madt_begin(&madt);
	madt_put_cpu(&madt, 0, 1);
	srat_begin(&srat, 3);
	srat_put_cpu(&srat, 0, 0, 1);
	srat_put_memory(&srat, 0, 4096, 0, 1);
	make_slit(&slit, 2, 20);
	tables = (struct firmware_tables){
		.madt = table_end(&madt), .srat = table_end(&srat), .slit = table_end(&slit),
	};
	needed = collect_arena_bytes(&tables);
	for (uint64_t bytes = 0; bytes <= needed; bytes += 8) {
		struct arena arena = { (unsigned char *)arena_words, bytes, 0 };

		info = (struct boot_info){ 0 };
		CHECK_EQ(collect_tables(&tables, 0, &arena, &info),
			 bytes < needed ? STATUS_NO_MEMORY : STATUS_OK);
		CHECK(arena.used_bytes <= bytes);
	}
}

static void a_full_list_of_findings_says_so(void)
{
	struct finding findings[2];

	info = (struct boot_info){ .findings = findings, .max_findings = 2 };
	boot_info_add_finding(&info, "One", SEVERITY_LOW, "number %d", 1);
	boot_info_add_finding(&info, "Two", SEVERITY_LOW, "number %d", 2);
	CHECK(strcmp(findings[1].text, "number 2") == 0);
	boot_info_add_finding(&info, "Three", SEVERITY_LOW, "number %d", 3);
	CHECK_EQ(info.nr_findings, 2);
	CHECK(strcmp(findings[0].label, "One") == 0);
	CHECK(strcmp(findings[1].label, "MoreFindings") == 0);
	info.max_findings = 0;
	boot_info_add_finding(&info, "Four", SEVERITY_LOW, "nowhere to go");
}

static void moving_changes_every_pointer(void)
{
	struct boot_info moved = {
		.ranges = (struct mem_range *)0x1000,
		.tables = (struct table_copy *)0x2000,
		.cpus = (struct boot_cpu *)0x3000,
	};

	boot_info_move(&moved, 0x10);
	CHECK_EQ((uintptr_t)moved.ranges, 0x1010);
	CHECK_EQ((uintptr_t)moved.tables, 0x2010);
	CHECK_EQ((uintptr_t)moved.cpus, 0x3010);
	CHECK(moved.findings == NULL);
}

static const struct test_case cases[] = {
	{ "the running cpu comes first", the_running_cpu_comes_first },
	{ "the running cpu always exists", the_running_cpu_always_exists },
	{ "srat says where the cpus are", srat_says_where_the_cpus_are },
	{ "a MADT that ends badly keeps the CPUs before",
	  a_madt_that_ends_badly_keeps_the_cpus_before },
	{ "what was found before stays", what_was_found_before_stays },
	{ "the largest domain is one", the_largest_domain_is_one },
	{ "a refused table is as good as absent", a_refused_table_is_as_good_as_absent },
	{ "ignored entries leave a finding", ignored_entries_leave_a_finding },
	{ "a SLIT that is broken leaves a finding", a_slit_that_is_broken_leaves_a_finding },
	{ "what is odd in a map leaves findings", what_is_odd_in_a_map_leaves_findings },
	{ "a small arena is noticed at every step", a_small_arena_is_noticed_at_every_step },
	{ "a full list of findings says so", a_full_list_of_findings_says_so },
	{ "moving changes every pointer", moving_changes_every_pointer },
};

TEST_SUITE(collect, cases);
