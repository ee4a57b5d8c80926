/*
 * CPUs: what they can do, and the area each has for itself.
 *
 * Model
 *   Features are read once, on the boot CPU; the others are of the same kind
 *   (a machine that mixes them is beyond what any kernel supports). Each CPU's
 *   GS base leads to its struct cpu_area from before its first mm call on.
 *
 * Promises
 *   - area->self == area, so that %gs:16 gives the area's address
 *   - areas[i]->index == i for all i < nr_present: the position of the CPU
 *     among those that run, 0 the boot CPU
 */

#include "arch/x86_64/cpu.h"

#include "arch/x86_64/insn.h"
#include "lib/string.h"
#include "mm/assert.h"
#include "mm/kmalloc.h"

struct cpu_features cpu_features;

/* The boot CPU's, before anything can be allocated. */
static struct cpu_area boot_area;

/* Made by cpu_make_room(); [0] is not used: the boot CPU's is static. */
static struct cpu_area **areas;
static unsigned nr_running = 1, nr_present = 1;

/* The boot CPU's stacks, each above a page that the kernel's tables do not map for long. */
static struct {
	uint8_t main_guard[PAGE_SIZE];
	uint8_t main[MAIN_STACK_BYTES];
	struct {
		uint8_t guard[PAGE_SIZE];
		uint8_t stack[IST_STACK_BYTES];
	} interrupt[NR_CPU_STACKS - IST_DOUBLE_FAULT];
} boot_stacks __attribute__((aligned(PAGE_SIZE)));

/* CPUID leaves and bits (SDM 2A, CPUID). */
#define LEAF_BASIC		0x00000000u
#define LEAF_FEATURES		0x00000001u
#define LEAF_STRUCTURED		0x00000007u
#define LEAF_EXTENDED		0x80000000u
#define LEAF_EXTENDED_FEATURES	0x80000001u
#define LEAF_BRAND_FIRST	0x80000002u
#define LEAF_BRAND_LAST		0x80000004u
#define LEAF_POWER		0x80000007u
#define LEAF_ADDRESS_BITS	0x80000008u

#define FEATURES_EDX_MCE	(1u << 7)
#define FEATURES_EDX_MTRR	(1u << 12)
#define FEATURES_EDX_PGE	(1u << 13)
#define FEATURES_EDX_MCA	(1u << 14)
#define FEATURES_EDX_PAT	(1u << 16)
#define FEATURES_ECX_X2APIC	(1u << 21)
#define FEATURES_ECX_HYPERVISOR	(1u << 31)
#define STRUCTURED_EBX_SMEP	(1u << 7)
#define STRUCTURED_EBX_SMAP	(1u << 20)
#define STRUCTURED_ECX_UMIP	(1u << 2)
#define EXTENDED_EDX_NX		(1u << 20)
#define EXTENDED_EDX_1G		(1u << 26)
#define POWER_EDX_INVARIANT_TSC	(1u << 8)

#define PHYSICAL_BITS_DEFAULT	36	/* where the leaf is missing (SDM 3A, 4.1.4) */

static void read_name(uint32_t last_extended)
{
	for (uint32_t leaf = LEAF_BRAND_FIRST; leaf <= LEAF_BRAND_LAST; leaf++) {
		struct cpuid_result r = { 0, 0, 0, 0 };

		if (leaf <= last_extended)
			r = cpuid(leaf, 0);
		memcpy(cpu_features.name + (leaf - LEAF_BRAND_FIRST) * sizeof(r), &r, sizeof(r));
	}
	cpu_features.name[sizeof(cpu_features.name) - 1] = '\0';
}

static void read_extended(uint32_t last_extended)
{
	struct cpuid_result r = cpuid(LEAF_EXTENDED_FEATURES, 0);

	cpu_features.has_nx = (r.edx & EXTENDED_EDX_NX) != 0;
	cpu_features.has_1g_pages = (r.edx & EXTENDED_EDX_1G) != 0;
	if (last_extended >= LEAF_POWER)
		cpu_features.has_invariant_tsc =
			(cpuid(LEAF_POWER, 0).edx & POWER_EDX_INVARIANT_TSC) != 0;
	cpu_features.physical_bits = PHYSICAL_BITS_DEFAULT;
	if (last_extended >= LEAF_ADDRESS_BITS)
		cpu_features.physical_bits = cpuid(LEAF_ADDRESS_BITS, 0).eax & 0xff;
}

void cpu_read_features(void)
{
	uint32_t last_basic = cpuid(LEAF_BASIC, 0).eax;
	uint32_t last_extended = cpuid(LEAF_EXTENDED, 0).eax;
	struct cpuid_result r = cpuid(LEAF_FEATURES, 0);

	cpu_features.has_pge = (r.edx & FEATURES_EDX_PGE) != 0;
	cpu_features.has_pat = (r.edx & FEATURES_EDX_PAT) != 0;
	cpu_features.has_mtrr = (r.edx & FEATURES_EDX_MTRR) != 0;
	cpu_features.has_machine_checks = (r.edx & FEATURES_EDX_MCE) != 0 &&
					  (r.edx & FEATURES_EDX_MCA) != 0;
	cpu_features.has_x2apic = (r.ecx & FEATURES_ECX_X2APIC) != 0;
	cpu_features.is_virtual = (r.ecx & FEATURES_ECX_HYPERVISOR) != 0;
	if (last_basic >= LEAF_STRUCTURED) {
		r = cpuid(LEAF_STRUCTURED, 0);
		cpu_features.has_smep = (r.ebx & STRUCTURED_EBX_SMEP) != 0;
		cpu_features.has_smap = (r.ebx & STRUCTURED_EBX_SMAP) != 0;
		cpu_features.has_umip = (r.ecx & STRUCTURED_ECX_UMIP) != 0;
	}
	if (last_extended >= LEAF_EXTENDED_FEATURES)
		read_extended(last_extended);
	read_name(last_extended);
}

enum status arch_check_cpu(const char **reason)
{
	cpu_read_features();
	*reason = NULL;
	if (!cpu_features.has_nx)
		*reason = "this CPU (or its firmware's settings) has no NX bit: data could run";
	else if (!cpu_features.has_pat)
		*reason = "this CPU has no page attribute table";
	else if (!cpu_features.has_pge)
		*reason = "this CPU has no global pages";
	else if (read_cr4() & CR4_LA57)
		*reason = "the firmware runs with 5-level page tables, which cannot be left from "
			  "64-bit mode: switch LA57 off in its setup";
	return *reason ? STATUS_UNSUPPORTED : STATUS_OK;
}

uint64_t arch_physical_end(void)
{
	return 1ull << cpu_features.physical_bits;
}

void cpu_set_efer(void)
{
	/* LMA is the processor's own to change. */
	wrmsr(MSR_EFER, (rdmsr(MSR_EFER) & EFER_LMA) | EFER_LME | EFER_NXE);
}

void cpu_set_control_bits(void)
{
	uint64_t cr4 = read_cr4();

	cr4 &= ~(CR4_PCIDE | CR4_PKE | CR4_CET | CR4_PKS);
	cr4 |= CR4_PGE;
	if (cpu_features.has_smep)
		cr4 |= CR4_SMEP;
	if (cpu_features.has_smap)
		cr4 |= CR4_SMAP;
	if (cpu_features.has_umip)
		cr4 |= CR4_UMIP;
	/* Without it a machine check is a reset without a word. */
	if (cpu_features.has_machine_checks)
		cr4 |= CR4_MCE;
	write_cr4(cr4);
	write_cr0(read_cr0() | CR0_WP);
}

struct cpu_area *cpu_boot_area(void)
{
	return &boot_area;
}

static void name_stack(enum cpu_stack which, const uint8_t *start, uint64_t bytes)
{
	boot_area.stacks[which] = (struct stack){ (uintptr_t)start, (uintptr_t)start + bytes };
}

void cpu_name_boot_stacks(void)
{
	name_stack(STACK_MAIN, boot_stacks.main, MAIN_STACK_BYTES);
	for (unsigned ist = IST_DOUBLE_FAULT; ist < NR_CPU_STACKS; ist++)
		name_stack(ist, boot_stacks.interrupt[ist - IST_DOUBLE_FAULT].stack,
			   IST_STACK_BYTES);
}

uintptr_t cpu_boot_stack_end(void)
{
	return (uintptr_t)boot_stacks.main + MAIN_STACK_BYTES;
}

bool cpu_is_in_kernel(void)
{
	return boot_area.self != NULL;
}

unsigned cpu_nr_running(void)
{
	return __atomic_load_n(&nr_running, __ATOMIC_ACQUIRE);
}

unsigned cpu_nr_present(void)
{
	return __atomic_load_n(&nr_present, __ATOMIC_ACQUIRE);
}

struct cpu_area *cpu_at(unsigned cpu)
{
	ASSERT(cpu < cpu_nr_present());
	return cpu == 0 ? &boot_area : areas[cpu];
}

bool cpu_make_room(uint32_t nr_cpus)
{
	if (!areas)
		areas = kcalloc(nr_cpus, sizeof(areas[0]), GFP_KERNEL | __GFP_NO_INJECTION);
	return areas != NULL;
}

void cpu_join(struct cpu_area *area)
{
	ASSERT(area->index == nr_present);

	areas[area->index] = area;
	__atomic_store_n(&nr_present, area->index + 1, __ATOMIC_SEQ_CST);
}

void cpu_count(struct cpu_area *area)
{
	ASSERT(area->index == nr_running);
	ASSERT(area->index < nr_present);

	__atomic_store_n(&nr_running, area->index + 1, __ATOMIC_RELEASE);
}
