/*
 * Starting the other CPUs, one by one.
 *
 * Model
 *   CPUs are started in boot_info's order with INIT and SIPI addressed to one
 *   APIC id, never broadcast: a broadcast would wake CPUs that firmware keeps
 *   disabled. Each gets a bounded time to show up, a second SIPI, and then
 *   counts as absent. Indexes are given when a CPU is up, so they are dense.
 *
 *   A CPU comes through the trampoline page on a temporary root table that maps
 *   this page and the kernel's high half; the kernel's own tables never have
 *   anything in the low half.
 *
 * Promises
 *   - a CPU given up never runs kernel code: the state it has to claim with
 *     is gone, and the trampoline checks whose turn it is
 *
 * Locking
 *   None: one CPU starts all others, and they wait to be counted.
 */

#include "arch.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/descriptors.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/kswapd.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/thread.h"
#include "lib/string.h"
#include "log.h"
#include "mm/init.h"
#include "mm/page_alloc.h"
#include "mm/topology.h"
#include "mm/vmalloc.h"

#define NS_PER_MS		1000000ull
#define INIT_DELAY_US		10000u		/* SDM 3A, 8.4.4.1: 10 ms after INIT */
#define SIPI_WAIT_MS		100u
#define NR_SIPIS		2u
#define READY_WAIT_MS		2000u		/* for mm_init_cpu() of one that showed up */
#define MAX_TRAMPOLINE_PA	0x9f000ull	/* SIPI's vector is a page number below 1 MiB */
#define LOW_4G			(1ull << 32)
#define EFER_LME		(1ull << 8)

extern const uint8_t ap_trampoline_start[], ap_trampoline_end[], ap_parameters[];

/* As ap_trampoline.S lays it out. */
struct PACKED ap_parameters {
	uint64_t entry, stack, argument;
	uint32_t cr0, cr3, cr4, efer, apic_id;
	uint16_t gdt_limit;
	uint32_t gdt_base;
	uint16_t padding;
	uint32_t far_32;
	uint16_t far_32_selector[2];
	uint32_t far_64;
	uint16_t far_64_selector[2];
};

/* ---- The life of another CPU ---- */

/* First code of another CPU in the kernel, on its own stack and the temporary root. */
static NORETURN void enter_cpu(struct cpu_area *area)
{
	enum cpu_state expected = CPU_STARTING;

	if (!__atomic_compare_exchange_n(&area->state, &expected, CPU_ALIVE, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		arch_halt();	/* given up: too late */
	mmu_load_tables();
	cpu_set_control_bits();
	descriptors_adopt_area(area);
	apic_init_cpu();
	thread_init_cpu();
	mm_init_cpu(area->apic_id);
	__atomic_store_n(&area->state, CPU_READY, __ATOMIC_RELEASE);
	while (__atomic_load_n(&area->state, __ATOMIC_ACQUIRE) == CPU_READY)
		mm_port_spin_hint();
	mmu_flush_local_all();	/* flushes before this CPU was counted passed it over */
	interrupts_on();
	thread_idle();
}

/* ---- Starting ---- */

/* The temporary root: the kernel's high half, and the trampoline page at its own address. */
struct low_tables {
	struct page_tables tables;
	struct page *page[PT_LEVEL_ROOT];
	unsigned nr_pages;
	uint64_t trampoline_pa;
	struct ap_parameters *parameters;	/* in the trampoline page */
};

static uint64_t take_low_table(void *arg)
{
	struct low_tables *low = arg;
	/* CR3 is loaded in 32-bit mode; the tables below the root can be anywhere. */
	gfp_t where = low->nr_pages == 0 ? GFP_DMA32 : GFP_KERNEL;
	struct page *page;

	ASSERT(low->nr_pages < ARRAY_SIZE(low->page));
	page = alloc_page(where | __GFP_ZERO | __GFP_NOFAIL_INJECTION);
	if (!page)
		return PA_NONE;
	page_set_type(page, PAGE_TABLE);
	low->page[low->nr_pages++] = page;
	return pfn_to_pa(page_to_pfn(page));
}

static void free_low_tables(struct low_tables *low)
{
	while (low->nr_pages) {
		struct page *page = low->page[--low->nr_pages];

		page_set_type(page, PAGE_USER);
		__free_page(page);
	}
}

static bool make_low_tables(struct low_tables *low, uint64_t trampoline_pa)
{
	low->nr_pages = 0;
	low->trampoline_pa = trampoline_pa;
	if (!paging_init(&low->tables, DIRECT_MAP_START, PT_LEVEL_2M, take_low_table, low) ||
	    low->tables.root_pa >= LOW_4G ||
	    paging_map(&low->tables, trampoline_pa, trampoline_pa, PAGE_SIZE, 0) != PAGE_SIZE) {
		free_low_tables(low);
		return false;
	}
	return true;
}

/* The kernel's high half as it is now: a new stack may have brought a new table. */
static void copy_high_half(const struct low_tables *low)
{
	uint64_t *root = arch_phys_to_virt(low->tables.root_pa);
	const uint64_t *kernel_root = arch_phys_to_virt(kernel_tables.root_pa);

	memcpy(root + PT_ENTRIES / 2, kernel_root + PT_ENTRIES / 2, PAGE_SIZE / 2);
}

static void place_trampoline(struct low_tables *low)
{
	uint64_t pa = low->trampoline_pa;
	uint8_t *page = arch_phys_to_virt(pa);
	struct ap_parameters *p;

	memcpy(page, ap_trampoline_start, (size_t)(ap_trampoline_end - ap_trampoline_start));
	p = (struct ap_parameters *)(page + (ap_parameters - ap_trampoline_start));
	p->entry = (uintptr_t)enter_cpu;
	p->cr0 = (uint32_t)read_cr0();
	p->cr3 = (uint32_t)low->tables.root_pa;
	p->cr4 = (uint32_t)(read_cr4() & ~CR4_PGE);
	p->efer = (uint32_t)(EFER_LME | EFER_NXE);
	p->gdt_base += (uint32_t)pa;
	p->far_32 += (uint32_t)pa;
	p->far_64 += (uint32_t)pa;
	low->parameters = p;
}

static void *allocate(size_t bytes, unsigned nid)
{
	struct page *page = alloc_pages_node(nid, GFP_KERNEL | __GFP_ZERO | __GFP_NOFAIL_INJECTION,
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

/* INIT, SIPI, and once more SIPI. False: it does not run, and never will. */
static bool wake_cpu(struct cpu_area *area, uint64_t trampoline_pa)
{
	enum cpu_state expected = CPU_STARTING;

	if (!apic_send(area->apic_id, APIC_COMMAND_INIT))
		return false;
	arch_delay_us(INIT_DELAY_US);
	for (unsigned i = 0; i < NR_SIPIS; i++) {
		if (!apic_send(area->apic_id, APIC_COMMAND_STARTUP |
			       (uint32_t)(trampoline_pa >> PAGE_SHIFT)))
			return false;
		if (wait_while(area, CPU_STARTING, SIPI_WAIT_MS))
			return true;
	}
	return !__atomic_compare_exchange_n(&area->state, &expected, CPU_GIVEN_UP, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* False: out of memory, no use trying further ones. */
static bool start_cpu(uint32_t apic_id, const struct low_tables *low)
{
	struct ap_parameters *p = low->parameters;
	struct cpu_area *area = make_area(apic_id, cpu_nr_running());

	if (!area)
		return false;
	copy_high_half(low);
	p->stack = area->stacks[STACK_MAIN].end_va;
	p->argument = (uintptr_t)area;
	p->apic_id = apic_id;
	if (!wake_cpu(area, low->trampoline_pa)) {
		log_line(LOG_WARN, "smp: APIC id 0x%x does not answer: absent", apic_id);
		/* It may still wake up and look at its area: the block stays. */
		return true;
	}
	if (!wait_while(area, CPU_ALIVE, READY_WAIT_MS))
		panic_at(__FILE__, __LINE__, "APIC id 0x%x started and got stuck", apic_id);
	cpu_add(area);
	__atomic_store_n(&area->state, CPU_RUNNING, __ATOMIC_RELEASE);
	return true;
}

static void start_others(const struct boot_info *info, unsigned max_cpus)
{
	uint64_t pa = info->trampoline_pa;
	struct low_tables low;

	if (!pa || pa > MAX_TRAMPOLINE_PA) {
		log_line(LOG_WARN, "smp: no page below 640 KiB to start CPUs from: one runs");
		return;
	}
	if (!cpu_make_room(info->nr_cpus) || !make_low_tables(&low, pa)) {
		log_line(LOG_WARN, "smp: no memory for what other CPUs need: one runs");
		return;
	}
	place_trampoline(&low);
	for (uint32_t i = 1; i < info->nr_cpus && cpu_nr_running() < max_cpus; i++)
		if (!start_cpu(info->cpus[i].apic_id, &low))
			break;
	free_low_tables(&low);
	log_line(LOG_INFO, "smp: Brought up %u of %u CPUs", cpu_nr_running(), info->nr_cpus);
}

unsigned arch_start_cpus(const struct boot_info *info, unsigned max_cpus)
{
	if (info->nr_cpus > 1 && max_cpus > 1)
		start_others(info, max_cpus);
	kswapd_start();
	return cpu_nr_running();
}
