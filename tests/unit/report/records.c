/* The records for programs, of a machine in an array: keys stay, values are the machine's. */

#include "efi/records.h"

#include "lib/string.h"
#include "mm/init.h"
#include "mm/page_alloc.h"
#include "tests/test.h"
#include "tests/unit/heard.h"
#include "tests/unit/pretend.h"

static const struct pretend_plan two_nodes = {
	.nr_nodes = 2,
	.pieces = { { 0, ZONE_NORMAL, 1024, 5120 }, { 1, ZONE_NORMAL, 6144, 8192 } },
	.nr_cpus = 2,
	.cpu_nids = { 0, 1 },
	.distance = { 10, 31, 17, 10 },
};

static void setup(void)
{
	pretend_start(&two_nodes);
	pretend_enter();
}

static void nodes_are_told_with_what_is_between_them(void)
{
	const char *text;

	setup();
	heard_begin();
	mm_print_node_records();
	text = heard_end();
	pretend_end();
	CHECK(strstr(text, "@node nid=0 ") != NULL);
	CHECK(strstr(text, " cpus=0 distances=10,31 fallback=0,1\n") != NULL);
	CHECK(strstr(text, " cpus=1 distances=17,10 fallback=1,0\n") != NULL);
	CHECK(strstr(text, "@latency") == NULL);
}

static void zones_are_told_with_their_free_blocks(void)
{
	const char *text;

	setup();
	heard_begin();
	mm_print_zone_records();
	text = heard_end();
	pretend_end();
	CHECK(strstr(text,
		     "@zone nid=0 name=Normal start_pfn=1024 end_pfn=5120 present_pages=4096 "
		     "managed_pages=4096 free_pages=4096 pending_pages=0 cached_pages=0 ") != NULL);
	CHECK(strstr(text, " blocks=0,0,0,0,0,0,0,0,0,0,4\n") != NULL);
	CHECK(strstr(text, "@zone nid=1 name=Normal start_pfn=6144 end_pfn=8192 ") != NULL);
	CHECK(strstr(text, "\n@cache name=\"kmalloc-64\" object_bytes=64 ") != NULL);
}

static void memory_is_told_as_it_is_used(void)
{
	struct page *page;
	const char *text;

	setup();
	page = alloc_pages_any(__GFP_COMP, 2);
	page_set_type(page, PAGE_TABLE);
	heard_begin();
	mm_print_memory_record(77);
	text = heard_end();
	CHECK(strstr(text, "@memory at_us=77 boot=0 mem_map=0 pending=0 free=") == text);
	CHECK(strstr(text, " page_tables=4 vmalloc=0 percpu=0 offline=0 user=0\n") != NULL);
	page_set_type(page, PAGE_USER);
	__free_pages(page, 2);
	pretend_end();
}

static void the_ledger_is_told_line_by_line(void)
{
	const char *text;

	setup();
	heard_begin();
	mm_print_ledger_records();
	text = heard_end();
	CHECK(strstr(text, "@ledger side=firmware name=\"usable\" pages=6144\n") != NULL);
	CHECK(strstr(text, "\n@ledger side=usable name=slab pages=0 counted=0\n") != NULL);
	CHECK(strstr(text, "\n@ledger side=verdict balances=yes ") != NULL);
	pretend_zone(0, ZONE_NORMAL)->nr_type_pages[PAGE_SLAB]++;
	heard_begin();
	mm_print_ledger_records();
	text = heard_end();
	CHECK(strstr(text, "\n@ledger side=usable name=slab pages=0 counted=1\n") != NULL);
	CHECK(strstr(text, "\n@ledger side=verdict balances=no ") != NULL);
	pretend_end();
}

static void ranges_of_a_type_that_touch_are_one(void)
{
	struct mem_range ranges[] = {
		{ .start = 0x1000, .end = 0x2000, .type = MEM_RESERVED, .efi_type = 0 },
		{ .start = 0x2000, .end = 0x3000, .type = MEM_RESERVED, .efi_type = 5 },
		{ .start = 0x3000, .end = 0x9000, .type = MEM_USABLE },
		{ .start = 0xa000, .end = 0xb000, .type = MEM_USABLE },
	};
	struct boot_info info = {
		.ranges = ranges, .nr_ranges = ARRAY_SIZE(ranges), .nr_cpus = 3,
		.firmware_vendor = "a \"good\" one\n",
	};

	heard_begin();
	records_print_machine(&info, "1.2", "CPU");
	CHECK(strcmp(heard_end(),
		     "@machine version=1.2 cpu=\"CPU\" cpus=3 firmware=\"a 'good' one?\" "
		     "revision=0x0 firmware_pages=0 overlap_pages=0\n"
		     "@range start=0x1000 end=0x3000 type=\"reserved\"\n"
		     "@range start=0x3000 end=0x9000 type=\"usable\"\n"
		     "@range start=0xa000 end=0xb000 type=\"usable\"\n") == 0);
}

static void a_finding_brings_its_sentence(void)
{
	const struct finding finding = { "SlitAllTen", SEVERITY_MEDIUM, "SLIT: all is \"10\"" };

	heard_begin();
	records_print_finding(&finding);
	CHECK(strcmp(heard_end(), "@finding label=SlitAllTen severity=medium "
				  "text=\"SLIT: all is '10'\"\n") == 0);
}

static const struct test_case cases[] = {
	{ "nodes are told with what is between them", nodes_are_told_with_what_is_between_them },
	{ "zones are told with their free blocks", zones_are_told_with_their_free_blocks },
	{ "memory is told as it is used", memory_is_told_as_it_is_used },
	{ "the ledger is told line by line", the_ledger_is_told_line_by_line },
	{ "ranges of a type that touch are one", ranges_of_a_type_that_touch_are_one },
	{ "a finding brings its sentence", a_finding_brings_its_sentence },
};

TEST_SUITE(records, cases);
