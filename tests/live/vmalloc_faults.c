/*
 * Touching what vmalloc does not map, on the live tables: the processor must
 * refuse, and the address must be described as what it is. Image only.
 */

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "lib/string.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc/vm_area.h"
#include "mm/vmalloc.h"
#include "tests/test.h"

#define CALL_MS		2000u

#define PAGE_FAULT	14u
#define FAULT_WRITE	(1ull << 1)	/* of the error code */
#define FAULT_PRESENT	(1ull << 0)
#define TEXT_BYTES	160u

static void read_byte(void *addr)
{
	(void)*(volatile char *)addr;
}

static void write_byte(void *addr)
{
	*(volatile char *)addr = 1;
}

/* Jumps to @addr as to a function. */
static void execute(void *addr)
{
	((void (*)(void))(uintptr_t)addr)();
}

static void check_faults(void (*access)(void *), char *addr, uint64_t error_code, const char *part)
{
	struct fault_info info = { 0 };
	char text[TEXT_BYTES];

	CHECK(arch_faults(access, addr, &info));
	CHECK_EQ(info.vector, PAGE_FAULT);
	CHECK_EQ(info.error_code & (FAULT_WRITE | FAULT_PRESENT), error_code);
	CHECK_EQ(info.address_va, (uintptr_t)addr);
	vmalloc_describe(info.address_va, text, sizeof(text));
	if (!strstr(text, part))
		test_fail(__FILE__, __LINE__, "\"%s\" lacks \"%s\"", text, part);
}

static void the_guard_page_stops_an_overflow(void)
{
	char *addr = vmalloc(4 * PAGE_SIZE);

	write_byte(addr + 4 * PAGE_SIZE - 1);
	check_faults(read_byte, addr + 4 * PAGE_SIZE, 0, "0 bytes past vmalloc area 0x");
	check_faults(write_byte, addr + 4 * PAGE_SIZE + 4, FAULT_WRITE,
		     "4 bytes past vmalloc area 0x");
	check_faults(write_byte, addr + 5 * PAGE_SIZE - 1, FAULT_WRITE, ", 16 KiB, allocated by");
	vfree(addr);
}

static void an_underflow_meets_a_guard_page_too(void)
{
	struct fault_info info;
	char *addr = vmalloc(PAGE_SIZE);

	CHECK(arch_faults(read_byte, addr - 1, &info));
	CHECK_EQ(info.address_va, (uintptr_t)addr - 1);
	vfree(addr);
}

/* The mapping is gone at once; this CPU's own translation, at the latest, with the flush. */
static void freed_memory_cannot_be_touched(void)
{
	char *addr = vmalloc(2 * PAGE_SIZE);

	write_byte(addr);
	write_byte(addr + PAGE_SIZE);
	vfree(addr);
	vmalloc_purge();
	check_faults(read_byte, addr, 0, "0 bytes into freed vmalloc area 0x");
	check_faults(write_byte, addr + PAGE_SIZE + 9, FAULT_WRITE,
		     "4105 bytes into freed vmalloc area 0x");
}

static void a_huge_area_is_unmapped_whole(void)
{
	const size_t huge_bytes = PAGE_SIZE << VM_HUGE_ORDER;
	struct fault_info info;
	char *addr = vmalloc_huge(huge_bytes, GFP_KERNEL);

	write_byte(addr);
	write_byte(addr + huge_bytes - 1);
	CHECK(arch_faults(read_byte, addr + huge_bytes, &info));
	vfree(addr);
	vmalloc_purge();
	CHECK(arch_faults(read_byte, addr, &info));
	CHECK(arch_faults(read_byte, addr + huge_bytes - 1, &info));
}

static void nothing_in_the_area_can_be_executed(void)
{
	static const unsigned char ret = 0xc3;
	char *addr = vmalloc(PAGE_SIZE);

	memcpy(addr, &ret, sizeof(ret));
	check_faults(execute, addr, FAULT_PRESENT, "0 bytes into vmalloc area 0x");
	vfree(addr);
}

/* mov $0x5a, %eax; ret */
static const unsigned char code[] = { 0xb8, 0x5a, 0, 0, 0, 0xc3 };

struct call {
	char *addr;
	unsigned result;
	bool has_faulted;
};

static void call(void *arg)
{
	struct call *to = arg;

	to->result = ((unsigned (*)(void))(uintptr_t)to->addr)();
}

static void try_call(void *arg)
{
	struct call *to = arg;
	struct fault_info info;

	to->has_faulted = arch_faults(call, to, &info);
}

/* On every CPU: what one may fetch from a page that another made NX is a stale translation. */
static void check_runs(char *addr, bool may_run)
{
	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++) {
		struct call to = { .addr = addr };

		if (cpu == mm_port_cpu())
			try_call(&to);
		else
			CHECK_EQ(arch_run_on(cpu, try_call, &to, CALL_MS), STATUS_OK);
		CHECK_EQ(to.has_faulted, !may_run);
		CHECK_EQ(to.result, may_run ? 0x5a : 0);
	}
}

static void what_is_made_executable_runs_and_no_more_when_it_is_not(void)
{
	char *addr = vmalloc(2 * PAGE_SIZE), *second = addr + PAGE_SIZE;

	memcpy(addr, code, sizeof(code));
	memcpy(second, code, sizeof(code));
	check_runs(second, false);
	CHECK(!set_memory_x(second, 1));
	CHECK(set_memory_ro(second, 1));
	check_faults(execute, second, FAULT_PRESENT, "into vmalloc area 0x");
	CHECK(set_memory_x(second, 1));
	check_runs(second, true);
	check_faults(write_byte, second, FAULT_PRESENT | FAULT_WRITE, "into vmalloc area 0x");
	check_faults(execute, addr, FAULT_PRESENT, "0 bytes into vmalloc area 0x");
	CHECK(!set_memory_rw(addr, 2));
	CHECK(set_memory_nx(second, 1));
	check_runs(second, false);
	CHECK(set_memory_rw(second, 1));
	*second = 1;
	CHECK(set_memory_ro(addr, 2));
	CHECK(set_memory_x(addr, 2));
	vfree(addr);
	vmalloc_purge();
	addr = vmalloc(2 * PAGE_SIZE);		/* the same addresses, the usual rights */
	memcpy(addr, code, sizeof(code));
	check_runs(addr, false);
	vfree(addr);
}

static void a_read_only_view_cannot_be_written(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	char *window = vmap(&page, 1, VM_MAP, MM_PORT_READ_ONLY);

	*(char *)page_address(page) = 77;
	CHECK_EQ(*window, 77);
	check_faults(write_byte, window, FAULT_PRESENT | FAULT_WRITE, "0 bytes into vmap area 0x");
	vunmap(window);
	check_faults(read_byte, window, 0, "vmalloc address");
	__free_pages(page, 0);
}

static void what_is_made_read_only_cannot_be_written(void)
{
	char *addr = vmalloc(3 * PAGE_SIZE), *huge = vmalloc_huge(PAGE_SIZE << VM_HUGE_ORDER,
								  GFP_KERNEL);
	char *second = addr + PAGE_SIZE;

	memset(addr, 5, 3 * PAGE_SIZE);
	CHECK(set_memory_ro(second, 1));
	check_faults(write_byte, second, FAULT_PRESENT | FAULT_WRITE, "into vmalloc area 0x");
	CHECK_EQ(*second, 5);
	addr[0] = 6;			/* its neighbours as before */
	addr[2 * PAGE_SIZE] = 6;
	CHECK(set_memory_rw(second, 1));
	*second = 7;
	CHECK(set_memory_ro(huge + 7 * PAGE_SIZE, 1));	/* of a block of 2 MiB */
	check_faults(write_byte, huge + 7 * PAGE_SIZE, FAULT_PRESENT | FAULT_WRITE,
		     "into vmalloc area 0x");
	huge[6 * PAGE_SIZE] = 1;
	huge[8 * PAGE_SIZE] = 1;
	CHECK(set_memory_ro(addr, 3));
	vfree(addr);
	vfree(huge);
	vmalloc_purge();
	addr = vmalloc(3 * PAGE_SIZE);
	memset(addr, 0, 3 * PAGE_SIZE);	/* the same addresses, new rights */
	vfree(addr);
}

static void an_ended_short_window_cannot_be_touched(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	char *window = vm_map_ram(&page, 1);

	*window = 33;
	CHECK_EQ(*(char *)page_address(page), 33);
	vm_unmap_ram(window, 1);
	vmalloc_purge();
	check_faults(read_byte, window, 0, "freed vm_map_ram area");
	__free_pages(page, 0);
}

static void untouched_space_is_not_mapped(void)
{
	check_faults(read_byte, (char *)mm_port_vmalloc_start, 0, "before all areas");
	check_faults(write_byte, (char *)mm_port_vmalloc_end - 1, FAULT_WRITE,
		     "unused vmalloc address");
}

/* ---- Stale translations, on every CPU ---- */

#define PROBE_TIMEOUT_MS	2000u

struct probe {
	char *addr;
	bool has_faulted;
	uint8_t value;
};

static void read_probe(void *arg)
{
	struct probe *probe = arg;

	probe->value = *(volatile uint8_t *)probe->addr;
}

/* Runs on the CPU in question. */
static void probe_address(void *arg)
{
	struct probe *probe = arg;
	struct fault_info info;

	probe->has_faulted = arch_faults(read_probe, probe, &info);
}

/* False when @cpu does not run. */
static bool probe_on(unsigned cpu, struct probe *probe)
{
	probe->has_faulted = false;
	if (cpu == mm_port_cpu()) {
		probe_address(probe);
		return true;
	}
	return arch_run_on(cpu, probe_address, probe, PROBE_TIMEOUT_MS) == STATUS_OK;
}

/*
 * Each CPU reads the area while it lives, so that its TLB holds the translation;
 * after the free and the flush none may still reach it, and the pages may go to
 * another owner, whose data nobody sees through the old address.
 */
static void check_no_cpu_keeps_a_translation(char *addr, void (*end)(char *addr))
{
	unsigned nr_cpus = 0;

	*addr = 42;
	for (unsigned cpu = 0; cpu < vm_areas.nr_cpus; cpu++) {
		struct probe probe = { .addr = addr };

		if (!probe_on(cpu, &probe))
			continue;
		CHECK(!probe.has_faulted);
		CHECK_EQ(probe.value, 42);
	}
	end(addr);
	for (unsigned cpu = 0; cpu < vm_areas.nr_cpus; cpu++) {
		struct probe probe = { .addr = addr };

		if (!probe_on(cpu, &probe))
			continue;
		if (!probe.has_faulted)
			test_fail(__FILE__, __LINE__, "CPU %u still reads 0x%llx", cpu,
				  (unsigned long long)(uintptr_t)addr);
		nr_cpus++;
	}
	test_comment("probed on %u CPUs", nr_cpus);
}

static void end_by_vfree(char *addr)
{
	vfree(addr);
	vmalloc_purge();
}

static void end_by_vm_unmap_ram(char *addr)
{
	vm_unmap_ram(addr, 1);
	vmalloc_purge();
}

static void end_by_vunmap(char *addr)
{
	vunmap(addr);
}

static void no_cpu_reaches_freed_memory(void)
{
	check_no_cpu_keeps_a_translation(vmalloc(3 * PAGE_SIZE), end_by_vfree);
	check_no_cpu_keeps_a_translation(vmalloc(1000 * PAGE_SIZE), end_by_vfree);
	check_no_cpu_keeps_a_translation(vmalloc_huge(PAGE_SIZE << VM_HUGE_ORDER, GFP_KERNEL),
					 end_by_vfree);
}

static void no_cpu_reaches_an_ended_view(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);

	check_no_cpu_keeps_a_translation(vmap(&page, 1, VM_MAP, MM_PORT_READ_WRITE),
					 end_by_vunmap);
	check_no_cpu_keeps_a_translation(vm_map_ram(&page, 1), end_by_vm_unmap_ram);
	__free_pages(page, 0);
}

static const struct test_case cases[] = {
	{ "the guard page stops an overflow", the_guard_page_stops_an_overflow },
	{ "an underflow meets a guard page too", an_underflow_meets_a_guard_page_too },
	{ "freed memory cannot be touched", freed_memory_cannot_be_touched },
	{ "a huge area is unmapped whole", a_huge_area_is_unmapped_whole },
	{ "nothing in the area can be executed", nothing_in_the_area_can_be_executed },
	{ "what is made executable runs, and no more when it is not",
	  what_is_made_executable_runs_and_no_more_when_it_is_not },
	{ "a read-only view cannot be written", a_read_only_view_cannot_be_written },
	{ "what is made read-only cannot be written", what_is_made_read_only_cannot_be_written },
	{ "an ended short window cannot be touched", an_ended_short_window_cannot_be_touched },
	{ "untouched space is not mapped", untouched_space_is_not_mapped },
	{ "no CPU reaches freed memory", no_cpu_reaches_freed_memory },
	{ "no CPU reaches an ended view", no_cpu_reaches_an_ended_view },
};

TEST_SUITE(vmalloc_faults, cases);
