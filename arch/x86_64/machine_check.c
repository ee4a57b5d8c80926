/*
 * Machine-check banks: errors that the hardware found by itself.
 *
 * A bank keeps what it found, over a reset too, until somebody clears it: memory that
 * was corrected, a bus that failed, the reason of the last crash. They are read on each
 * CPU when it starts and when a machine check comes, and cleared so that nothing is
 * told twice (SDM 3B, 16.3 and 16.8).
 */

#include "arch/x86_64/machine_check.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"
#include "log.h"

#define MSR_MCG_CAP		0x179u
#define MSR_MC0_STATUS		0x401u
#define MSR_MC0_ADDRESS		0x402u
#define MSRS_PER_BANK		4u
#define MCG_CAP_NR_BANKS	0xffu

#define STATUS_VALID		(1ull << 63)
#define STATUS_UNCORRECTED	(1ull << 61)
#define STATUS_HAS_ADDRESS	(1ull << 58)

static bool report_bank(unsigned bank)
{
	uint64_t status = rdmsr(MSR_MC0_STATUS + bank * MSRS_PER_BANK);
	uint64_t address = 0;

	if (!(status & STATUS_VALID))
		return false;
	if (status & STATUS_HAS_ADDRESS)
		address = rdmsr(MSR_MC0_ADDRESS + bank * MSRS_PER_BANK);
	log_line(LOG_WARN, "machine check: CPU %u, bank %u: %s error, status 0x%016llx, "
		 "address 0x%llx",
		 this_cpu()->index, bank,
		 status & STATUS_UNCORRECTED ? "uncorrected" : "corrected",
		 (unsigned long long)status, (unsigned long long)address);
	wrmsr(MSR_MC0_STATUS + bank * MSRS_PER_BANK, 0);
	return true;
}

unsigned machine_check_report(void)
{
	unsigned nr_banks, nr_told = 0;

	if (!cpu_features.has_machine_checks)
		return 0;
	nr_banks = (unsigned)(rdmsr(MSR_MCG_CAP) & MCG_CAP_NR_BANKS);
	for (unsigned bank = 0; bank < nr_banks; bank++)
		nr_told += report_bank(bank);
	return nr_told;
}
