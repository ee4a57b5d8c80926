/*
 * Memory type range registers: what firmware gave the boot CPU, all get.
 *
 * Firmware sets them on every CPU, or should. Where it did not, or where INIT took
 * them away, a CPU runs with all memory uncached, a hundred times slower and in
 * disagreement with the others about every frame. The PAT cannot mend that: uncached
 * by MTRR is uncached (SDM 3A, 11.5.2.2).
 *
 * The types change with the caches off and empty (SDM 3A, 11.11.7.2).
 */

#include "arch/x86_64/mtrr.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/mmu.h"

#define MSR_MTRR_CAP		0xfeu
#define MSR_MTRR_VARIABLE	0x200u		/* base and mask, alternating */
#define MSR_MTRR_DEFAULT	0x2ffu
#define CAP_NR_VARIABLE		0xffu
#define CAP_HAS_FIXED		(1ull << 8)
#define DEFAULT_ENABLED		(1ull << 11)
#define MAX_VARIABLE		32u		/* no CPU known has more than ten */

/* SDM 3A, table 11-8. */
static const uint32_t fixed_msrs[] = {
	0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f,
};

struct mtrrs {
	uint64_t standard;		/* type of all that no range names; whether any count */
	uint64_t fixed[ARRAY_SIZE(fixed_msrs)];
	uint64_t variable[2 * MAX_VARIABLE];
};

static struct mtrrs noted;

static unsigned nr_variable(void)
{
	unsigned nr = (unsigned)(rdmsr(MSR_MTRR_CAP) & CAP_NR_VARIABLE);

	return nr < MAX_VARIABLE ? nr : MAX_VARIABLE;
}

static bool has_fixed(void)
{
	return (rdmsr(MSR_MTRR_CAP) & CAP_HAS_FIXED) != 0;
}

void mtrr_note(void)
{
	if (!cpu_features.has_mtrr)
		return;
	noted.standard = rdmsr(MSR_MTRR_DEFAULT);
	for (unsigned i = 0; has_fixed() && i < ARRAY_SIZE(fixed_msrs); i++)
		noted.fixed[i] = rdmsr(fixed_msrs[i]);
	for (unsigned i = 0; i < 2 * nr_variable(); i++)
		noted.variable[i] = rdmsr(MSR_MTRR_VARIABLE + i);
}

static bool are_as_noted(void)
{
	if (rdmsr(MSR_MTRR_DEFAULT) != noted.standard)
		return false;
	for (unsigned i = 0; has_fixed() && i < ARRAY_SIZE(fixed_msrs); i++)
		if (rdmsr(fixed_msrs[i]) != noted.fixed[i])
			return false;
	for (unsigned i = 0; i < 2 * nr_variable(); i++)
		if (rdmsr(MSR_MTRR_VARIABLE + i) != noted.variable[i])
			return false;
	return true;
}

static void write_all(void)
{
	for (unsigned i = 0; has_fixed() && i < ARRAY_SIZE(fixed_msrs); i++)
		wrmsr(fixed_msrs[i], noted.fixed[i]);
	for (unsigned i = 0; i < 2 * nr_variable(); i++)
		wrmsr(MSR_MTRR_VARIABLE + i, noted.variable[i]);
}

bool mtrr_adopt(void)
{
	uint64_t cr0 = read_cr0();

	if (!cpu_features.has_mtrr || are_as_noted())
		return false;
	write_cr0((cr0 | CR0_CD) & ~CR0_NW);
	wbinvd();
	mmu_flush_local_all();
	wrmsr(MSR_MTRR_DEFAULT, noted.standard & ~DEFAULT_ENABLED);
	write_all();
	wbinvd();
	mmu_flush_local_all();
	wrmsr(MSR_MTRR_DEFAULT, noted.standard);
	write_cr0(cr0);
	return true;
}
