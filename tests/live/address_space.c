/*
 * The live page tables, read from CR3 by a walker of the test's own: what they
 * map, with which rights, and that the CPU enforces it.
 */

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/mmu_boot.h"
#include "arch/x86_64/mmu_ranges.h"
#include "arch/x86_64/port.h"
#include "arch/x86_64/windows.h"
#include "lib/align.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"
#include "tests/test.h"

#define ENTRY_PA(entry)		((entry) & 0x000ffffffffff000ull)
#define ENTRY_PA_BITS		52u
#define ENTRY_LARGE		0x80ull
#define TEST_VA			(VMALLOC_END + 0x10000)	/* in a gap of the address map */
/* SDM 3A, table 11-10: the types a PAT entry can name, as far as this kernel uses them. */
#define TYPE_UNCACHED		0u
#define TYPE_WRITE_COMBINING	1u
#define TYPE_WRITE_BACK		6u
#define ENTRY_PAT_4K		(1ull << 7)
#define ENTRY_PAT_LARGE		(1ull << 12)
#define MAX_DEVICE_LEAVES	64u

#define CR3_PA_MASK		0x000ffffffffff000ull

/* What the walk found; the first place of each kind. */
struct survey {
	uint64_t nr_leaves;
	uint64_t nr_writable_code, nr_user, nr_stray_code, nr_strange, nr_wrong_type;
	uintptr_t bad_va;
	/* The run of leaves that continue one another, not judged yet. */
	uint64_t run_start, run_end;
	uintptr_t run_va;
	/* What is not RAM, and how it is cached. */
	struct { uint64_t start, end; unsigned type; } device[MAX_DEVICE_LEAVES];
	unsigned nr_devices;
};

static struct survey survey;

static const uint64_t *table_at(uint64_t pa)
{
	return arch_phys_to_virt(ENTRY_PA(pa));
}

/* A table that is reached in a row through many entries: what is in it was judged at the first. */
static bool is_same_table(const uint64_t *table, unsigned i)
{
	return i > 0 && table[i] == table[i - 1];
}

static void judge_run(void)
{
	if (survey.run_end > survey.run_start &&
	    !mmu_may_map(survey.run_start, survey.run_end - survey.run_start)) {
		survey.nr_strange++;
		survey.bad_va = survey.run_va;
	}
}

static bool is_text(uintptr_t va)
{
	const struct image_info *image = &mmu_boot_info->image;
	uint64_t pa = va - IMAGE_START + image->start;

	return va >= IMAGE_START && pa >= image->text_start - image->text_start % PAGE_SIZE &&
	       pa < image->text_end;
}

static void judge_leaf(uintptr_t va, uint64_t pa, uint64_t bytes, bool can_write, bool can_run,
		       bool is_user)
{
	survey.nr_leaves++;
	survey.nr_writable_code += can_write && can_run;
	survey.nr_user += is_user;
	survey.nr_stray_code += can_run && !is_text(va);
	if ((can_run && (can_write || !is_text(va))) || is_user)
		survey.bad_va = va;
	/* A device may adjoin RAM: what may be mapped together is judged together. */
	if (pa != survey.run_end || !mmu_may_map(survey.run_start, pa + bytes - survey.run_start)) {
		judge_run();
		survey.run_start = pa;
		survey.run_va = va;
	}
	survey.run_end = pa + bytes;
}

/* As the processor reads it: the entry's three bits choose a byte of the PAT. */
static unsigned memory_type(uint64_t entry, unsigned level)
{
	unsigned index = (entry & PTE_PWT ? 1 : 0) | (entry & PTE_PCD ? 2 : 0) |
			 (entry & (level == 1 ? ENTRY_PAT_4K : ENTRY_PAT_LARGE) ? 4 : 0);

	return (unsigned)(rdmsr(MSR_PAT) >> 8 * index) & 7;
}

/* RAM is write-back; what is not RAM is one of the others, and everywhere the same. */
static bool has_right_type(uint64_t start, uint64_t end, unsigned type)
{
	if (mmu_is_in_ram(mmu_boot_info, start, end))
		return type == TYPE_WRITE_BACK;
	if (type != TYPE_UNCACHED && type != TYPE_WRITE_COMBINING)
		return false;
	for (unsigned i = 0; i < survey.nr_devices; i++)
		if (start < survey.device[i].end && survey.device[i].start < end &&
		    survey.device[i].type != type)
			return false;
	if (survey.nr_devices > 0 && survey.device[survey.nr_devices - 1].end == start &&
	    survey.device[survey.nr_devices - 1].type == type) {
		survey.device[survey.nr_devices - 1].end = end;
	} else {
		if (survey.nr_devices == MAX_DEVICE_LEAVES)
			return false;
		survey.device[survey.nr_devices].start = start;
		survey.device[survey.nr_devices].end = end;
		survey.device[survey.nr_devices++].type = type;
	}
	return true;
}

static void judge_type(uintptr_t va, uint64_t entry, unsigned level)
{
	uint64_t bytes = level_bytes(level);
	uint64_t pa = ENTRY_PA(entry) & ~(bytes - 1);

	if (has_right_type(pa, pa + bytes, memory_type(entry, level)))
		return;
	survey.nr_wrong_type++;
	survey.bad_va = va;
}

static void walk(uint64_t table_pa, unsigned level, uintptr_t base_va, bool can_write, bool can_run,
		 bool is_user)
{
	const uint64_t *table = table_at(table_pa);
	uint64_t bytes = PAGE_SIZE << (9 * (level - 1));

	for (unsigned i = 0; i < 512; i++) {
		uintptr_t va = base_va + i * bytes;
		uint64_t entry = table[i];
		bool writes = can_write && (entry & PTE_WRITE);
		bool runs = can_run && !(entry & PTE_NX);
		bool users = is_user && (entry & PTE_USER);

		if (level == 4 && i >= 256)
			va |= 0xffff000000000000ull;
		if (!(entry & PTE_PRESENT))
			continue;
		if (level == 1 || (entry & ENTRY_LARGE))
			judge_type(va, entry, level);
		if (level == 1 || (entry & ENTRY_LARGE))
			judge_leaf(va, ENTRY_PA(entry) & ~(bytes - 1), bytes, writes, runs, users);
		else if (!is_same_table(table, i))
			walk(entry, level - 1, va, writes, runs, users);
	}
}

static void take_survey(void)
{
	survey = (struct survey){ 0 };
	walk(read_cr3() & CR3_PA_MASK, 4, 0, true, true, true);
	judge_run();
}

static void no_page_is_writable_and_executable(void)
{
	take_survey();
	CHECK(survey.nr_leaves > 0);
	CHECK_EQ(survey.nr_writable_code, 0);
	CHECK_EQ(survey.bad_va, 0);
	test_comment("%llu leaves", (unsigned long long)survey.nr_leaves);
}

static void no_page_is_for_users(void)
{
	take_survey();
	CHECK_EQ(survey.nr_user, 0);
}

static void only_text_is_executable(void)
{
	take_survey();
	CHECK_EQ(survey.nr_stray_code, 0);
	CHECK_EQ(survey.bad_va, 0);
}

static void every_frame_is_ram_or_a_declared_device(void)
{
	take_survey();
	CHECK_EQ(survey.nr_strange, 0);
	CHECK_EQ(survey.bad_va, 0);
}

static void ram_is_write_back_and_devices_are_not(void)
{
	take_survey();
	CHECK_EQ(survey.nr_wrong_type, 0);
	CHECK_EQ(survey.bad_va, 0);
	CHECK(survey.nr_devices > 0);
}

static bool is_cached_as(const volatile void *va, unsigned type)
{
	struct translation t = paging_walk(&kernel_tables, (uintptr_t)va);

	return t.level == PT_LEVEL_4K && memory_type(t.bits, 1) == type;
}

static void ioremap_is_not_cached(void)
{
	uint64_t apic_pa = mmu_windows.of[DEVICE_APIC].start_pa;
	uint64_t screen_pa = mmu_windows.of[DEVICE_SCREEN].start_pa;
	void *window;

	if (apic_pa) {
		window = ioremap(apic_pa, PAGE_SIZE);
		CHECK(is_cached_as(window, TYPE_UNCACHED));
		iounmap(window);
		CHECK(ioremap_wc(apic_pa, PAGE_SIZE) == NULL);
	}
	if (screen_pa) {
		window = ioremap_wc(screen_pa, PAGE_SIZE);
		CHECK(is_cached_as(window, TYPE_WRITE_COMBINING));
		iounmap(window);
		CHECK(ioremap(screen_pa, PAGE_SIZE) == NULL);
	}
}

/* Uncached memory would be a second way to cache a frame of the direct map. */
static void only_devices_are_mapped_uncached(void)
{
	const struct boot_info *info = mmu_boot_info;
	struct page *page = alloc_page(GFP_KERNEL);

	CHECK(page != NULL);
	CHECK(vmap(&page, 1, 0, MM_PORT_UNCACHED) == NULL);
	CHECK(vmap(&page, 1, 0, MM_PORT_WRITE_COMBINING) == NULL);
	CHECK_PANICS("MM_PORT_READ_WRITE",
		     CHECK(port_protect_pages((uintptr_t)page_address(page), 1, MM_PORT_UNCACHED)));
	__free_page(page);
	for (uint32_t i = 0; i < info->nr_ranges; i++) {
		const struct mem_range *range = &info->ranges[i];

		if (range->type != MEM_MMIO && range->type != MEM_RESERVED)
			CHECK(ioremap(range->start, PAGE_SIZE) == NULL);
	}
	CHECK(ioremap(info->image.start, PAGE_SIZE) == NULL);
	CHECK(ioremap(mmu_windows.end_pa, PAGE_SIZE) == NULL);
	CHECK(ioremap(mmu_windows.end_pa - PAGE_SIZE, 2 * PAGE_SIZE) == NULL);
	CHECK(ioremap(0xe0000, PAGE_SIZE) == NULL);
}

static void low_half_is_empty(void)
{
	const uint64_t *root = table_at(read_cr3());

	for (unsigned i = 0; i < 256; i++)
		CHECK_EQ(root[i], 0);
}

static void tables_verify(void)
{
	struct violation broken = { "", "", 0 };

	CHECK(paging_verify(&kernel_tables, &broken));
	CHECK_EQ(read_cr3() & CR3_PA_MASK, kernel_tables.root_pa);
}

static void walks_agree(void)
{
	uint64_t pa = mmu_boot_info->image.text_start;
	struct translation direct = paging_walk(&kernel_tables, DIRECT_MAP_START + pa);

	CHECK_EQ(direct.pa, pa);
	CHECK_EQ(mm_port_lookup(DIRECT_MAP_START + pa), pa_to_pfn(pa));
	CHECK_EQ(mm_port_lookup((uintptr_t)walks_agree),
		 pa_to_pfn((uintptr_t)walks_agree - IMAGE_START + mmu_boot_info->image.start));
	CHECK_EQ(mm_port_lookup(TEST_VA), PFN_NONE);
}

/* ---- What the CPU enforces ---- */

static uint64_t writable_word;
static const uint64_t constant_word = 1;

static void read_at(void *va)
{
	(void)*(volatile uint64_t *)va;
}

static void write_at(void *va)
{
	*(volatile uint8_t *)va = 0xc3;
}

static void run_at(void *va)
{
	((void (*)(void))va)();
}

static bool faults(void (*access)(void *), uintptr_t va, uint64_t error_code)
{
	struct fault_info fault = { 0 };

	if (!arch_faults(access, (void *)va, &fault))
		return false;
	CHECK_EQ(fault.vector, 14);
	CHECK_EQ(fault.address_va, va);
	CHECK_EQ(fault.error_code, error_code);
	return true;
}

#define ERROR_READ_ABSENT	0u
#define ERROR_WRITE_PROTECTED	3u
#define ERROR_RUN_PROTECTED	0x11u

/* The last one that there can be: of no section of this machine. */
static void struct_pages_of_absent_sections_are_read_only(void)
{
	struct page *page = (struct page *)VMEMMAP_END - 1;

	CHECK(!faults(read_at, (uintptr_t)&page->state, 0));
	CHECK_EQ(page->state, 0);
	CHECK_EQ(page->type, PAGE_HOLE);
	CHECK(faults(write_at, (uintptr_t)&page->state, ERROR_WRITE_PROTECTED));
	CHECK(faults(run_at, (uintptr_t)page, ERROR_RUN_PROTECTED));
}

/* Behind the backdrop of all of the vmemmap stands one page; its tables are a handful. */
static void absent_sections_cost_one_page(void)
{
	pfn_t zeroes_pfn = mm_port_lookup(VMEMMAP_END - PAGE_SIZE);
	struct translation t = paging_walk(&kernel_tables, VMEMMAP_END - 1);

	CHECK_EQ(t.bits, KERNEL_READ_ONLY | PTE_BACKDROP);
	CHECK(mmu_is_boot_table(pfn_to_pa(zeroes_pfn)));
	for (unsigned i = 0; i < 1000; i++) {
		uintptr_t va = VMEMMAP_START + test_random_below(VMEMMAP_END - VMEMMAP_START);

		t = paging_walk(&kernel_tables, va);
		CHECK(t.level != 0);
		if (t.bits & PTE_BACKDROP)
			CHECK_EQ(pa_to_pfn(t.pa), zeroes_pfn);
	}
}

static void page_0_faults(void)
{
	CHECK(faults(read_at, 0, ERROR_READ_ABSENT));
	CHECK(faults(read_at, PAGE_SIZE - 8, ERROR_READ_ABSENT));
	CHECK(faults(read_at, mmu_boot_info->image.start, ERROR_READ_ABSENT));
}

static void text_and_rodata_are_read_only(void)
{
	uint64_t text_pa = mmu_boot_info->image.text_start;

	CHECK(faults(write_at, (uintptr_t)write_at, ERROR_WRITE_PROTECTED));
	CHECK(faults(write_at, (uintptr_t)&constant_word, ERROR_WRITE_PROTECTED));
	CHECK(faults(write_at, DIRECT_MAP_START + text_pa, ERROR_WRITE_PROTECTED));
}

static void data_is_not_executable(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	CHECK(!faults(write_at, (uintptr_t)&writable_word, 0));
	CHECK(faults(run_at, (uintptr_t)&writable_word, ERROR_RUN_PROTECTED));
	CHECK(page != NULL);
	if (!page)
		return;
	CHECK(faults(run_at, (uintptr_t)page_address(page), ERROR_RUN_PROTECTED));
	__free_page(page);
}

/*
 * The last page that the CPU addresses: an entry with a bit too many would fault. Nobody is
 * there, or who is ignores it; on real machines nothing is read that nobody asked for.
 */
static void windows_reach_as_far_as_the_cpu(void)
{
	void *window = ioremap(mmu_windows.end_pa - PAGE_SIZE, PAGE_SIZE);

	CHECK_EQ(mmu_windows.end_pa, 1ull << min_u64(cpu_features.physical_bits, ENTRY_PA_BITS));
	test_comment("the last is at 0x%llx", (unsigned long long)mmu_windows.end_pa - PAGE_SIZE);
	CHECK(window != NULL);
	if (!window)
		return;
	CHECK(is_cached_as(window, TYPE_UNCACHED));
	CHECK_EQ(pfn_to_pa(vmalloc_to_pfn(window)), mmu_windows.end_pa - PAGE_SIZE);
	if (cpu_features.is_virtual)
		read_at(window);
	iounmap(window);
}

/* ---- Editing the live tables ---- */

static void mapping_comes_and_goes(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	uint64_t nr_tables;
	pfn_t pfn;

	CHECK(page != NULL);
	if (!page)
		return;
	pfn = page_to_pfn(page);
	port_drop_spare_tables();
	nr_tables = kernel_tables.nr_tables;
	CHECK(mm_port_map_pages(TEST_VA, &pfn, 1, MM_PORT_READ_WRITE));
	CHECK_EQ(mm_port_lookup(TEST_VA), pfn);
	*(volatile uint64_t *)TEST_VA = 4711;
	CHECK_EQ(*(uint64_t *)page_address(page), 4711);
	CHECK(faults(run_at, TEST_VA, ERROR_RUN_PROTECTED));
	mm_port_unmap_pages(TEST_VA, 1);
	mm_port_flush_tlb(TEST_VA, 1);
	CHECK(faults(read_at, TEST_VA, ERROR_READ_ABSENT));
	port_drop_spare_tables();
	CHECK_EQ(kernel_tables.nr_tables, nr_tables);
	__free_page(page);
}

static void read_only_mapping_cannot_be_written(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	pfn_t pfn;

	CHECK(page != NULL);
	if (!page)
		return;
	pfn = page_to_pfn(page);
	CHECK(mm_port_map_pages(TEST_VA, &pfn, 1, MM_PORT_READ_ONLY));
	CHECK(!faults(read_at, TEST_VA, 0));
	CHECK(faults(write_at, TEST_VA, ERROR_WRITE_PROTECTED));
	CHECK(port_protect_pages(TEST_VA, 1, MM_PORT_READ_WRITE));
	CHECK(!faults(write_at, TEST_VA, 0));
	mm_port_unmap_pages(TEST_VA, 1);
	mm_port_flush_tlb(TEST_VA, 1);
	__free_page(page);
}

/* A 2 MiB block of the direct map loses the right to write to one page, and gets it back. */
static void direct_map_splits_and_merges(void)
{
	struct page *block = alloc_pages(GFP_KERNEL, PAGEBLOCK_ORDER);
	struct violation broken = { "", "", 0 };
	unsigned level;
	uintptr_t va;

	if (!block)
		SKIP("no 2 MiB block");
	va = (uintptr_t)page_address(block);
	level = paging_walk(&kernel_tables, va).level;
	CHECK(port_protect_pages(va + PAGE_SIZE, 1, MM_PORT_READ_ONLY));
	CHECK_EQ(paging_walk(&kernel_tables, va).level, PT_LEVEL_4K);
	CHECK(faults(write_at, va + PAGE_SIZE, ERROR_WRITE_PROTECTED));
	CHECK(!faults(write_at, va, 0));
	CHECK(!faults(write_at, va + 2 * PAGE_SIZE, 0));
	CHECK(port_protect_pages(va + PAGE_SIZE, 1, MM_PORT_READ_WRITE));
	port_merge_pages(va & ~(level_bytes(PT_LEVEL_1G) - 1),
			 level_bytes(PT_LEVEL_1G) / PAGE_SIZE);
	CHECK_EQ(paging_walk(&kernel_tables, va).level, level);
	CHECK(!faults(write_at, va + PAGE_SIZE, 0));
	CHECK(paging_verify(&kernel_tables, &broken));
	__free_pages(block, PAGEBLOCK_ORDER);
}

static void screen_is_write_combining(void)
{
	const struct framebuffer_info *screen = &mmu_boot_info->framebuffer;
	struct translation t;

	CHECK_EQ(rdmsr(MSR_PAT) >> 8 & 0xff, TYPE_WRITE_COMBINING);
	if (!screen->base_pa)
		SKIP("no framebuffer");
	t = paging_walk(&kernel_tables, DIRECT_MAP_START + screen->base_pa);
	CHECK(t.level != 0);
	CHECK_EQ(t.bits & (PTE_PWT | PTE_PCD), PTE_PWT);
}

static const struct test_case cases[] = {
	{ "no page is writable and executable", no_page_is_writable_and_executable },
	{ "no page is for users", no_page_is_for_users },
	{ "only text is executable", only_text_is_executable },
	{ "every frame is RAM or a declared device", every_frame_is_ram_or_a_declared_device },
	{ "RAM is write-back and devices are not", ram_is_write_back_and_devices_are_not },
	{ "ioremap is not cached", ioremap_is_not_cached },
	{ "only devices are mapped uncached", only_devices_are_mapped_uncached },
	{ "the low half is empty", low_half_is_empty },
	{ "the tables verify", tables_verify },
	{ "walks agree with the layout", walks_agree },
	{ "struct pages of absent sections are read-only",
	  struct_pages_of_absent_sections_are_read_only },
	{ "absent sections cost one page", absent_sections_cost_one_page },
	{ "page 0 faults", page_0_faults },
	{ "text and rodata are read-only", text_and_rodata_are_read_only },
	{ "data is not executable", data_is_not_executable },
	{ "windows reach as far as the CPU", windows_reach_as_far_as_the_cpu },
	{ "a mapping comes and goes", mapping_comes_and_goes },
	{ "a read-only mapping cannot be written", read_only_mapping_cannot_be_written },
	{ "the direct map splits and merges", direct_map_splits_and_merges },
	{ "the screen is write-combining", screen_is_write_combining },
};

TEST_SUITE(address_space, cases);
