/*
 * Every CPU runs as the others do: control registers, tables, stacks, masks; and what
 * they promise is seen by faults that must come.
 *
 * What the CPUs can do is read here from CPUID once more: a bit looked for in the wrong
 * place would switch the promise and its test off together.
 */

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/machine_check.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/trap_frame.h"
#include "lib/string.h"
#include "mm/page_alloc.h"
#include "tests/test.h"

#define CALL_MS			10000u
#define NR_LOCAL_SOURCES	6u

struct state {
	uint64_t cr0, cr3, cr4, cr8, efer, pat, mtrr_default;
	struct table_register idt, gdt;
	uint32_t local_sources[NR_LOCAL_SOURCES];
};

static bool has_feature(uint32_t leaf, char reg, unsigned bit)
{
	struct cpuid_result r;

	if (cpuid(0, 0).eax < leaf)
		return false;
	r = cpuid(leaf, 0);
	return ((reg == 'b' ? r.ebx : reg == 'c' ? r.ecx : r.edx) >> bit & 1) != 0;
}

/* SDM 2A, CPUID. */
static bool has_smep(void) { return has_feature(7, 'b', 7); }
static bool has_smap(void) { return has_feature(7, 'b', 20); }
static bool has_umip(void) { return has_feature(7, 'c', 2); }
static bool has_mce(void) { return has_feature(1, 'd', 7) && has_feature(1, 'd', 14); }
static bool has_mtrr(void) { return has_feature(1, 'd', 12); }

#define MSR_MTRR_DEFAULT	0x2ffu
#define MSR_X2APIC_FIRST	0x800u

static uint32_t read_apic(uint32_t offset)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	if (base & APIC_BASE_X2APIC)
		return (uint32_t)rdmsr(MSR_X2APIC_FIRST + offset / 16);
	return mmio_read32((uintptr_t)arch_phys_to_virt(base & APIC_BASE_PA_MASK) + offset);
}

/* SDM 3A, table 10-1: timer, thermal, performance, LINT0, LINT1, error. */
static void read_local_sources(struct state *state)
{
	unsigned nr_sources = (read_apic(0x30) >> 16 & 0xff) + 1;

	for (unsigned i = 0; i < NR_LOCAL_SOURCES; i++) {
		bool is_there = (i != 1 || nr_sources > 5) && (i != 2 || nr_sources > 4);

		state->local_sources[i] = is_there ? read_apic(0x320 + i * 16) : 0x10000;
	}
}

static void read_state(void *arg)
{
	struct state *state = arg;

	memset(state, 0, sizeof(*state));
	state->cr0 = read_cr0();
	state->cr3 = read_cr3();
	state->cr4 = read_cr4();
	__asm__ volatile("movq %%cr8, %0" : "=r"(state->cr8));
	state->efer = rdmsr(MSR_EFER);
	state->pat = rdmsr(MSR_PAT);
	state->mtrr_default = has_mtrr() ? rdmsr(MSR_MTRR_DEFAULT) : 0;
	__asm__ volatile("sidt %0" : "=m"(state->idt));
	__asm__ volatile("sgdt %0" : "=m"(state->gdt));
	read_local_sources(state);
}

static struct state state_of(unsigned cpu)
{
	struct state state = { 0 };

	CHECK_EQ(arch_run_on(cpu, read_state, &state, CALL_MS), STATUS_OK);
	return state;
}

static void control_registers_are_equal(void)
{
	struct state first = state_of(0);

	for (unsigned cpu = 1; cpu < cpu_nr_running(); cpu++) {
		struct state other = state_of(cpu);

		CHECK_EQ(other.cr0, first.cr0);
		CHECK_EQ(other.cr3, first.cr3);
		CHECK_EQ(other.cr4, first.cr4);
		CHECK_EQ(other.cr8, first.cr8);
		CHECK_EQ(other.efer, first.efer);
		CHECK_EQ(other.pat, first.pat);
		CHECK_EQ(other.mtrr_default, first.mtrr_default);
		CHECK_EQ(other.idt.base, first.idt.base);
		CHECK_EQ(other.idt.limit, first.idt.limit);
		CHECK(other.gdt.base != first.gdt.base);
	}
}

static void control_registers_are_as_promised(void)
{
	struct state state = state_of(0);

	CHECK(state.cr0 & CR0_WP);
	CHECK_EQ(state.efer, EFER_LME | EFER_LMA | EFER_NXE);
	CHECK_EQ(state.cr4 & (CR4_PCIDE | CR4_PKE | CR4_CET | CR4_PKS | CR4_LA57), 0);
	CHECK(state.cr4 & CR4_PGE);
	CHECK_EQ((state.cr4 & CR4_SMEP) != 0, has_smep());
	CHECK_EQ((state.cr4 & CR4_SMAP) != 0, has_smap());
	CHECK_EQ((state.cr4 & CR4_UMIP) != 0, has_umip());
	CHECK_EQ((state.cr4 & CR4_MCE) != 0, has_mce());
	CHECK_EQ(state.pat, 0x0007040600070106);	/* mmu.c: entry 1 is write-combining */
	CHECK_EQ(state.idt.limit, NR_VECTORS * 16 - 1);
}

/* Below the class of our own vectors nothing is let in, and no local source fires. */
static void interrupts_of_others_stay_out(void)
{
	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++) {
		struct state state = state_of(cpu);

		CHECK_EQ(state.cr8, (VECTOR_CALL >> 4) - 1);
		for (unsigned i = 0; i < NR_LOCAL_SOURCES; i++)
			CHECK(state.local_sources[i] & 0x10000);
	}
}

/* ---- Stacks ---- */

struct PACKED gate {
	uint16_t offset_low, selector, type, offset_middle;
	uint32_t offset_high, reserved;
};

static void every_vector_is_an_interrupt_gate(void)
{
	const struct gate *gates = (const struct gate *)state_of(0).idt.base;

	for (unsigned vector = 0; vector < NR_VECTORS; vector++) {
		CHECK_EQ(gates[vector].type & 0xff00, 0x8e00);
		CHECK_EQ(gates[vector].selector, SEGMENT_CODE);
	}
	CHECK_EQ(gates[VECTOR_DOUBLE_FAULT].type & 7, IST_DOUBLE_FAULT);
	CHECK_EQ(gates[VECTOR_NMI].type & 7, IST_NMI);
	CHECK_EQ(gates[VECTOR_MACHINE_CHECK].type & 7, IST_MACHINE_CHECK);
	CHECK_EQ(gates[VECTOR_PAGE_FAULT].type & 7, 0);
}

static void read_byte(void *va)
{
	(void)*(volatile char *)va;
}

static void stack_is_like_no_other(unsigned cpu, unsigned which)
{
	const struct stack *stack = &cpu_at(cpu)->stacks[which];

	CHECK(stack->end_va > stack->start_va);
	CHECK(arch_faults(read_byte, (void *)(stack->start_va - 1), NULL));
	CHECK(!arch_faults(read_byte, (void *)stack->start_va, NULL));
	CHECK(!arch_faults(read_byte, (void *)(stack->end_va - 1), NULL));
	for (unsigned i = 0; i < cpu_nr_running() * NR_CPU_STACKS; i++) {
		const struct stack *other = &cpu_at(i / NR_CPU_STACKS)->stacks[i % NR_CPU_STACKS];

		CHECK(other == stack || other->start_va >= stack->end_va ||
		      other->end_va <= stack->start_va);
	}
}

static void every_cpu_has_its_own_stacks(void)
{
	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++) {
		const struct cpu_area *area = cpu_at(cpu);

		for (unsigned which = 0; which < NR_CPU_STACKS; which++)
			stack_is_like_no_other(cpu, which);
		for (unsigned ist = IST_DOUBLE_FAULT; ist < NR_CPU_STACKS; ist++)
			CHECK_EQ(area->tss.interrupt_stack[ist - 1], area->stacks[ist].end_va);
	}
}

/* ---- Faults that must come ---- */

static const uint8_t constant = 1;

struct attempt {
	void (*access)(void *);
	uintptr_t va;
	uint64_t root_pa;		/* tables to try it on, or 0: the kernel's */
	uint64_t cleared;		/* bits of CR4 to try it without */
	struct fault_info fault;
	bool has_faulted;
};

/* Interrupts off: nobody else shall run on these tables. */
static void try_here(void *arg)
{
	struct attempt *attempt = arg;
	uint64_t cr4 = read_cr4();

	interrupts_off();
	if (attempt->root_pa)
		write_cr3(attempt->root_pa);
	write_cr4(cr4 & ~attempt->cleared);
	attempt->has_faulted = arch_faults(attempt->access, (void *)attempt->va, &attempt->fault);
	write_cr4(cr4);
	write_cr3(kernel_tables.root_pa);
	interrupts_on();
}

static void write_byte(void *va)
{
	*(volatile uint8_t *)va = 1;
}

static void run(void *va)
{
	((void (*)(void))va)();
}

#define ERROR_READ_PROTECTED	1u
#define ERROR_WRITE_PROTECTED	3u
#define ERROR_RUN_PROTECTED	0x11u

static void faults_on_every_cpu(struct attempt attempt, uint64_t error_code)
{
	for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++) {
		struct attempt here = attempt;

		CHECK_EQ(arch_run_on(cpu, try_here, &here, CALL_MS), STATUS_OK);
		CHECK(here.has_faulted);
		CHECK_EQ(here.fault.vector, VECTOR_PAGE_FAULT);
		CHECK_EQ(here.fault.error_code, error_code);
	}
}

static void no_cpu_writes_to_read_only_pages(void)
{
	faults_on_every_cpu((struct attempt){ .access = write_byte, .va = (uintptr_t)&constant },
			    ERROR_WRITE_PROTECTED);
}

#define USER_VA			0x400000ull
#define USER_BITS		(PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY)
#define RET			0xc3u

/* The kernel's tables and below them one page for users, at USER_VA. */
static struct page *user_pages[PT_LEVEL_ROOT + 1];

static uint64_t make_user_page(void)
{
	uint64_t pa[PT_LEVEL_ROOT + 1];
	const uint64_t *kernel_root = arch_phys_to_virt(kernel_tables.root_pa);
	uint64_t *root;

	for (unsigned level = 0; level <= PT_LEVEL_ROOT; level++) {
		user_pages[level] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		CHECK(user_pages[level] != NULL);
		if (!user_pages[level])
			return 0;
		pa[level] = pfn_to_pa(page_to_pfn(user_pages[level]));
	}
	*(uint8_t *)arch_phys_to_virt(pa[0]) = RET;
	for (unsigned level = 1; level <= PT_LEVEL_ROOT; level++) {
		uint64_t *table = arch_phys_to_virt(pa[level]);

		table[USER_VA / level_bytes(level) % PT_ENTRIES] = pa[level - 1] | USER_BITS;
	}
	root = arch_phys_to_virt(pa[PT_LEVEL_ROOT]);
	memcpy(root + PT_ENTRIES / 2, kernel_root + PT_ENTRIES / 2, PAGE_SIZE / 2);
	return pa[PT_LEVEL_ROOT];
}

static void free_user_page(void)
{
	for (unsigned level = 0; level <= PT_LEVEL_ROOT; level++)
		if (user_pages[level])
			__free_page(user_pages[level]);
	memset(user_pages, 0, sizeof(user_pages));
}

/* Without the bit the access goes through: the fault is the bit's doing. */
static void bit_keeps_from(void (*access)(void *), uint64_t bit, uint64_t error_code)
{
	struct attempt attempt = { .access = access, .va = USER_VA };

	attempt.root_pa = make_user_page();
	if (attempt.root_pa) {
		faults_on_every_cpu(attempt, error_code);
		attempt.cleared = bit;
		try_here(&attempt);
		CHECK(!attempt.has_faulted);
	}
	free_user_page();
}

static void no_cpu_reads_pages_of_users(void)
{
	if (!has_smap())
		SKIP("no SMAP");
	bit_keeps_from(read_byte, CR4_SMAP, ERROR_READ_PROTECTED);
}

static void no_cpu_runs_pages_of_users(void)
{
	if (!has_smep())
		SKIP("no SMEP");
	bit_keeps_from(run, CR4_SMEP, ERROR_RUN_PROTECTED);
}

/* ---- Machine checks ---- */

#define MSR_MC0_STATUS		0x401u
#define MADE_UP_STATUS		0x9000000000000135ull	/* valid; a read of the data cache */

static void write_status(void *value)
{
	wrmsr(MSR_MC0_STATUS, *(const uint64_t *)value);
}

static void banks_are_told_once(void)
{
	uint64_t status = MADE_UP_STATUS;

	if (!has_mce() || (rdmsr(0x179) & 0xff) == 0)
		SKIP("no machine-check banks");
	if (arch_faults(write_status, &status, NULL))
		SKIP("banks of this machine cannot be made up");
	CHECK_EQ(machine_check_report(), 1);
	CHECK_EQ(rdmsr(MSR_MC0_STATUS), 0);
	CHECK_EQ(machine_check_report(), 0);
}

static const struct test_case cases[] = {
	{ "control registers are equal", control_registers_are_equal },
	{ "control registers are as promised", control_registers_are_as_promised },
	{ "interrupts of others stay out", interrupts_of_others_stay_out },
	{ "every vector is an interrupt gate", every_vector_is_an_interrupt_gate },
	{ "every CPU has its own stacks", every_cpu_has_its_own_stacks },
	{ "no CPU writes to read-only pages", no_cpu_writes_to_read_only_pages },
	{ "no CPU reads pages of users", no_cpu_reads_pages_of_users },
	{ "no CPU runs pages of users", no_cpu_runs_pages_of_users },
	{ "machine-check banks are told once", banks_are_told_once },
};

TEST_SUITE(cpus_alike, cases);
