/*
 * Starting the other CPUs, one by one.
 *
 * Model
 *   CPUs are started in boot_info's order with INIT and SIPI addressed to one
 *   APIC id, never broadcast: a broadcast would wake CPUs that firmware keeps
 *   disabled. Each gets a bounded time to show up, a second SIPI, and then
 *   counts as absent. Indexes are given when a CPU is up, so they are dense.
 *
 *   Firmware may have parked CPUs in code of its own, which lies in memory that is free for
 *   us: all get INIT before any memory is given away.
 *
 *   A call stands in the trampoline page as an APIC id that its CPU exchanges for
 *   AP_CLAIMED. An absent CPU's call is withdrawn the same way, so it can never get
 *   further, and what was made for it goes back. One that claimed and got stuck may
 *   go on at any time: its stack, the temporary tables and the trampoline stay as
 *   they are, and no further CPU is started.
 *
 *   A CPU comes through the trampoline page on a temporary root table that maps
 *   this page and the kernel's high half; the kernel's own tables never have
 *   anything in the low half.
 *
 * Promises
 *   - a CPU given up never runs kernel code but its first lines: its call, or the state it
 *     has to claim with, is gone
 *   - who gets past the trampoline finds its own stack and standing tables
 *
 * Locking
 *   None: one CPU starts all others, and they wait to be counted.
 */

#include "arch/x86_64/smp_start.h"

#include "arch.h"
#include "arch/x86_64/ap_trampoline.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/descriptors.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/kswapd.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/machine_check.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/mtrr.h"
#include "arch/x86_64/smp.h"
#include "arch/x86_64/thread.h"
#include "lib/string.h"
#include "log.h"
#include "mm/init.h"
#include "mm/page_alloc.h"
#include "mm/rcu.h"
#include "mm/topology.h"
#include "mm/vmalloc.h"

#define NS_PER_MS		1000000ull
#define INIT_DELAY_US		10000u		/* SDM 3A, 8.4.4.1: 10 ms after INIT */
#define SIPI_WAIT_MS		100u
#define NR_SIPIS		2u
#define SECOND_WAIT_MS		1000u		/* at the second call: an emulator's host is busy */
#define SECOND_CALLS_MS		10000u		/* for those of all CPUs together */
#define READY_WAIT_MS		5000u		/* for mm_init_cpu() of one that showed up */
#define MAX_TRAMPOLINE_PA	0x9f000ull	/* SIPI's vector is a page number below 1 MiB */
#define LOW_4G			(1ull << 32)
#define NR_ABSENT_TOLD		8u		/* by name: a MADT may list thousands */

/* ---- Starting ---- */

/* The temporary root: the kernel's high half, and the trampoline page at its own address. */
static struct {
	struct page_tables tables;
	struct page *page[PT_LEVEL_ROOT];
	unsigned nr_pages;
	uint64_t trampoline_pa;
	struct ap_parameters *parameters;	/* in the trampoline page */
	bool is_made;
	bool is_late;			/* a CPU may yet come through: nothing here may change */
	struct cpu_area *late_area;	/* its area */
	unsigned wait_ms;		/* for an answer to each SIPI */
	unsigned nr_absent;		/* calls that nobody answered */
	unsigned nr_mended;		/* CPUs that had other memory types */
} low;

/* ---- The life of another CPU ---- */

/* First code of another CPU in the kernel, on its own stack and the temporary root. */
static NORETURN void enter_cpu(struct cpu_area *area)
{
	enum cpu_state expected = CPU_STARTING;

	if (!__atomic_compare_exchange_n(&area->state, &expected, CPU_ALIVE, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&area->state, CPU_TURNED_AWAY, __ATOMIC_RELEASE);
		arch_halt();	/* given up: too late */
	}
	mmu_load_tables();
	cpu_set_efer();
	cpu_set_control_bits();
	descriptors_adopt_area(area);
	apic_init_cpu();
	if (mtrr_adopt())
		low.nr_mended++;
	machine_check_report();
	smp_join(area);
	interrupts_on();	/* flushes are answered from here on */
	thread_init_cpu();
	mm_init_cpu(area->apic_id);
	rcu_idle_enter();
	__atomic_store_n(&area->state, CPU_READY, __ATOMIC_RELEASE);
	while (__atomic_load_n(&area->state, __ATOMIC_ACQUIRE) == CPU_READY)
		mm_port_spin_hint();
	rcu_idle_exit();
	thread_idle();
}

/* ---- What CPUs come through ---- */

static uint64_t take_low_table(void *arg)
{
	/* CR3 is loaded in 32-bit mode; the tables below the root can be anywhere. */
	gfp_t where = low.nr_pages == 0 ? GFP_DMA32 : GFP_KERNEL;
	struct page *page;

	(void)arg;
	ASSERT(low.nr_pages < ARRAY_SIZE(low.page));
	page = alloc_page(where | __GFP_ZERO | __GFP_NO_INJECTION);
	if (!page)
		return PA_NONE;
	page_set_type(page, PAGE_TABLE);
	low.page[low.nr_pages++] = page;
	return pfn_to_pa(page_to_pfn(page));
}

static void free_low_tables(void)
{
	low.is_made = false;
	while (low.nr_pages) {
		struct page *page = low.page[--low.nr_pages];

		page_set_type(page, PAGE_USER);
		__free_page(page);
	}
}

static bool make_low_tables(uint64_t trampoline_pa)
{
	low.nr_pages = 0;
	low.trampoline_pa = trampoline_pa;
	low.wait_ms = SIPI_WAIT_MS;
	low.nr_absent = 0;
	if (!paging_init(&low.tables, DIRECT_MAP_START, PT_LEVEL_2M, take_low_table, NULL) ||
	    low.tables.root_pa >= LOW_4G ||
	    paging_map(&low.tables, trampoline_pa, trampoline_pa, PAGE_SIZE, 0) != PAGE_SIZE) {
		free_low_tables();
		return false;
	}
	return true;
}

/* The kernel's high half as it is now: a new stack may have brought a new table. */
static void copy_high_half(void)
{
	uint64_t *root = arch_phys_to_virt(low.tables.root_pa);
	const uint64_t *kernel_root = arch_phys_to_virt(kernel_tables.root_pa);

	memcpy(root + PT_ENTRIES / 2, kernel_root + PT_ENTRIES / 2, PAGE_SIZE / 2);
}

static void place_trampoline(void)
{
	uint64_t pa = low.trampoline_pa;
	uint8_t *page = arch_phys_to_virt(pa);
	struct ap_parameters *p;

	memcpy(page, ap_trampoline_start, (size_t)(ap_trampoline_end - ap_trampoline_start));
	p = (struct ap_parameters *)(page + (ap_parameters - ap_trampoline_start));
	p->entry = (uintptr_t)enter_cpu;
	p->cr0 = (uint32_t)read_cr0();
	p->cr3 = (uint32_t)low.tables.root_pa;
	p->cr4 = (uint32_t)(read_cr4() & ~CR4_PGE);
	p->efer = (uint32_t)(EFER_LME | EFER_NXE);
	p->gdt_base += (uint32_t)pa;
	p->far_32 += (uint32_t)pa;
	p->far_64 += (uint32_t)pa;
	low.parameters = p;
	low.is_made = true;
}

static void *allocate(size_t bytes, unsigned nid)
{
	struct page *page = alloc_pages_node(nid, GFP_KERNEL | __GFP_ZERO | __GFP_NO_INJECTION,
					     order_for_pages(bytes_to_pages(bytes)));

	return page ? page_address(page) : NULL;
}

static void release(void *memory, size_t bytes)
{
	if (memory)
		free_pages((uintptr_t)memory, order_for_pages(bytes_to_pages(bytes)));
}

static bool add_stack(struct cpu_area *area, enum cpu_stack which, unsigned nid)
{
	uint64_t bytes = which == STACK_MAIN ? MAIN_STACK_BYTES : IST_STACK_BYTES;
	uintptr_t start_va = (uintptr_t)vzalloc_node(bytes, nid);

	area->stacks[which] = (struct stack){ start_va, start_va + bytes };
	return start_va != 0;
}

static void free_area(struct cpu_area *area)
{
	for (unsigned i = 0; i < NR_CPU_STACKS; i++)
		vfree((const void *)area->stacks[i].start_va);
	release(area, sizeof(*area));
}

/*
 * All of it from the CPU's own node. Stacks are vmalloc areas: the pages below
 * them are not mapped.
 */
static struct cpu_area *make_area(uint32_t apic_id, unsigned index)
{
	unsigned nid = topology_nid_of_cpu(mm_topology(), apic_id);
	struct cpu_area *area = allocate(sizeof(*area), nid);

	if (!area)
		return NULL;
	area->index = index;
	area->apic_id = apic_id;
	area->state = CPU_STARTING;
	for (unsigned i = 0; i < NR_CPU_STACKS; i++) {
		if (!add_stack(area, i, nid)) {
			area->stacks[i] = (struct stack){ 0, 0 };
			free_area(area);
			return NULL;
		}
	}
	return area;
}

/* Waits until @area has left @state. */
static bool wait_while(struct cpu_area *area, enum cpu_state state, unsigned timeout_ms)
{
	uint64_t end_ns = arch_now_ns() + timeout_ms * NS_PER_MS;

	while (__atomic_load_n(&area->state, __ATOMIC_ACQUIRE) == state) {
		if (arch_now_ns() > end_ns)
			return false;
		mm_port_spin_hint();
	}
	return true;
}

/* Takes the call back. False: the CPU has come after all, and is on its way. */
static bool withdraw_call(uint32_t apic_id)
{
	return __atomic_compare_exchange_n(&low.parameters->apic_id, &apic_id, AP_NOBODY, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static bool give_up(struct cpu_area *area)
{
	enum cpu_state expected = CPU_STARTING;

	return __atomic_compare_exchange_n(&area->state, &expected, CPU_GIVEN_UP, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void smp_stop_others(const struct boot_info *info)
{
	uint32_t nr_failed = 0, first_id = 0;

	for (uint32_t i = 0; i < info->nr_cpus; i++) {
		uint32_t apic_id = info->cpus[i].apic_id;

		if (apic_id == this_cpu()->apic_id || apic_send(apic_id, APIC_COMMAND_INIT))
			continue;
		if (nr_failed++ == 0)
			first_id = apic_id;
	}
	if (nr_failed > 0)
		log_line(LOG_WARN, "smp: %u of the CPUs listed cannot be stopped, nor started: "
			 "APIC id 0x%x is the first", nr_failed, first_id);
}

/* INIT, SIPI, and once more SIPI, as far as the APIC sends them. */
static void call_cpu(struct cpu_area *area)
{
	uint32_t page = (uint32_t)(low.trampoline_pa >> PAGE_SHIFT);

	if (!apic_send(area->apic_id, APIC_COMMAND_INIT))
		return;
	arch_delay_us(INIT_DELAY_US);
	for (unsigned i = 0; i < NR_SIPIS; i++)
		if (!apic_send(area->apic_id, APIC_COMMAND_STARTUP | page) ||
		    wait_while(area, CPU_STARTING, low.wait_ms))
			return;
}

/* What became of a call: see enum cpu_start. */
static enum cpu_start await_cpu(struct cpu_area *area)
{
	if (withdraw_call(area->apic_id))
		return CPU_START_ABSENT;
	if (!wait_while(area, CPU_STARTING, READY_WAIT_MS) && give_up(area))
		return CPU_START_LATE;
	if (!wait_while(area, CPU_ALIVE, READY_WAIT_MS))
		panic_at(__FILE__, __LINE__, "APIC id 0x%x started and got stuck", area->apic_id);
	return CPU_START_RUNS;
}

enum cpu_start smp_start_cpu(uint32_t apic_id)
{
	struct ap_parameters *p = low.parameters;
	struct cpu_area *area;
	enum cpu_start result;

	ASSERT(low.is_made);

	if (low.is_late)
		return CPU_START_LATE;
	area = make_area(apic_id, cpu_nr_running());
	if (!area)
		return CPU_START_NO_MEMORY;
	copy_high_half();
	p->stack = area->stacks[STACK_MAIN].end_va;
	p->argument = (uintptr_t)area;
	__atomic_store_n(&p->apic_id, apic_id, __ATOMIC_RELEASE);
	call_cpu(area);
	result = await_cpu(area);
	if (result == CPU_START_RUNS) {
		cpu_count(area);
		__atomic_store_n(&area->state, CPU_RUNNING, __ATOMIC_RELEASE);
	} else if (result == CPU_START_ABSENT) {
		if (low.nr_absent++ < NR_ABSENT_TOLD)
			log_line(LOG_WARN, "smp: APIC id 0x%x does not answer: absent", apic_id);
		free_area(area);
	} else {
		log_line(LOG_WARN, "smp: APIC id 0x%x came and got no further: no more are started",
			 apic_id);
		low.is_late = true;
		low.late_area = area;
	}
	return result;
}

bool smp_start_begin(const struct boot_info *info)
{
	uint64_t pa = info->trampoline_pa;

	if (low.is_late)
		return true;	/* the tables still stand */
	if (!pa || pa > MAX_TRAMPOLINE_PA) {
		log_line(LOG_WARN, "smp: no page below 640 KiB to start CPUs from: one runs");
		return false;
	}
	if (!cpu_make_room(info->nr_cpus) || !make_low_tables(pa)) {
		log_line(LOG_WARN, "smp: no memory for what other CPUs need: one runs");
		return false;
	}
	place_trampoline();
	return true;
}

void smp_start_end(void)
{
	if (!low.is_late)
		free_low_tables();
}

struct ap_parameters *smp_start_parameters(void)
{
	return low.parameters;
}

const struct cpu_area *smp_start_late_area(void)
{
	return low.late_area;
}

static bool is_running(uint32_t apic_id)
{
	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++)
		if (cpu_at(cpu)->apic_id == apic_id)
			return true;
	return false;
}

/* False: there is no memory, or no time, for more. */
static bool call_all(const struct boot_info *info, unsigned max_cpus, uint64_t end_ns)
{
	for (uint32_t i = 1; i < info->nr_cpus && cpu_nr_running() < max_cpus; i++) {
		if (is_running(info->cpus[i].apic_id))
			continue;
		if (arch_now_ns() > end_ns ||
		    smp_start_cpu(info->cpus[i].apic_id) == CPU_START_NO_MEMORY)
			return false;
	}
	return true;
}

void smp_start_all(const struct boot_info *info, unsigned max_cpus)
{
	if (!call_all(info, max_cpus, UINT64_MAX))
		return;
	low.wait_ms = SECOND_WAIT_MS;
	call_all(info, max_cpus, arch_now_ns() + SECOND_CALLS_MS * NS_PER_MS);
}

static void start_others(const struct boot_info *info, unsigned max_cpus)
{
	if (!smp_start_begin(info))
		return;
	smp_start_all(info, max_cpus);
	smp_start_end();
	if (low.nr_absent > NR_ABSENT_TOLD)
		log_line(LOG_WARN, "smp: nor were %u more calls answered",
			 low.nr_absent - NR_ABSENT_TOLD);
	if (low.nr_mended)
		log_line(LOG_WARN,
			 "mtrr: firmware left %u CPUs with other memory types than CPU 0: "
			 "set alike",
			 low.nr_mended);
	log_line(LOG_INFO, "smp: Brought up %u of %u CPUs", cpu_nr_running(), info->nr_cpus);
}

unsigned arch_start_cpus(const struct boot_info *info, unsigned max_cpus)
{
	if (info->nr_cpus > 1 && max_cpus > 1)
		start_others(info, max_cpus);
	kswapd_start();
	return cpu_nr_running();
}
