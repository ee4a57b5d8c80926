/*
 * CPUs that come late, or never. On a machine that was told to start fewer CPUs
 * than it has (option cpus=): the spare ones are held up in the trampoline page.
 */

#include "arch.h"
#include "arch/x86_64/ap_trampoline.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/smp_start.h"
#include "efi/options.h"
#include "lib/align.h"
#include "mm/config.h"
#include "mm/kmalloc.h"
#include "tests/test.h"

#define CALL_MS			10000u
#define NS_PER_MS		1000000ull
#define NO_SUCH_APIC_ID		0xe7u
#define EVERYBODY		0xffu		/* no CPU's id in xAPIC mode */

/* The next CPU of boot_info that does not run, or NULL. */
static const struct boot_cpu *spare_cpu(unsigned nr_passed_over)
{
	const struct boot_info *info = mmu_boot_info;

	for (uint32_t i = 0; i < info->nr_cpus; i++) {
		bool is_running = false;

		for (unsigned cpu = 0; cpu < cpu_nr_running(); cpu++)
			is_running |= cpu_at(cpu)->apic_id == info->cpus[i].apic_id;
		if (!is_running && nr_passed_over-- == 0)
			return &info->cpus[i];
	}
	return NULL;
}

/* What the other cases of the image loop over is not what happens to run. */
static void every_listed_cpu_runs(void)
{
	uint64_t nr_asked = options_number("cpus", MAX_CPUS);

	CHECK_EQ(cpu_nr_running(), min_u64(mmu_boot_info->nr_cpus, nr_asked));
	CHECK_EQ(cpu_nr_present(), cpu_nr_running());
}

static void a_cpu_that_never_comes_is_absent(void)
{
	unsigned nr_running = cpu_nr_running();

	if (!spare_cpu(0))
		SKIP("no spare CPU: see the machine late_cpus");
	CHECK(smp_start_begin(mmu_boot_info));
	CHECK_EQ(smp_start_cpu(NO_SUCH_APIC_ID), CPU_START_ABSENT);
	CHECK(!apic_send(EVERYBODY, APIC_COMMAND_FIXED | 0xf0));
	CHECK_EQ(smp_start_cpu(EVERYBODY), CPU_START_ABSENT);
	CHECK_EQ(smp_start_parameters()->apic_id, AP_NOBODY);
	smp_start_end();
	CHECK_EQ(cpu_nr_running(), nr_running);
	CHECK_EQ(cpu_nr_present(), nr_running);
}

/* Its tables are gone by then: it must not get as far as loading them. */
static void a_cpu_that_comes_too_late_is_turned_away(void)
{
	const struct boot_cpu *spare = spare_cpu(0);
	volatile struct ap_parameters *parameters;
	uint64_t end_ns;

	if (!spare)
		SKIP("no spare CPU: see the machine late_cpus");
	CHECK(smp_start_begin(mmu_boot_info));
	parameters = smp_start_parameters();
	parameters->hold_before_claim = 1;
	CHECK_EQ(smp_start_cpu(spare->apic_id), CPU_START_ABSENT);
	smp_start_end();
	CHECK_EQ(parameters->nr_refused, 0);
	parameters->hold_before_claim = 0;
	end_ns = arch_now_ns() + CALL_MS * NS_PER_MS;
	while (parameters->nr_refused == 0 && arch_now_ns() < end_ns)
		mm_port_spin_hint();
	CHECK_EQ(parameters->nr_refused, 1);
}

static void note_apic_id(void *arg)
{
	*(uint32_t *)arg = arch_apic_id();
}

static void a_cpu_turned_away_can_be_called_again(void)
{
	const struct boot_cpu *spare = spare_cpu(0);
	unsigned nr_running = cpu_nr_running();
	uint32_t apic_id = UINT32_MAX;

	if (!spare)
		SKIP("no spare CPU: see the machine late_cpus");
	CHECK(smp_start_begin(mmu_boot_info));
	CHECK_EQ(smp_start_cpu(spare->apic_id), CPU_START_RUNS);
	smp_start_end();
	CHECK_EQ(cpu_nr_running(), nr_running + 1);
	CHECK_EQ(arch_run_on(nr_running, note_apic_id, &apic_id, CALL_MS), STATUS_OK);
	CHECK_EQ(apic_id, cpu_at(nr_running)->apic_id);
}

/* As one on a busy host may be. Who was absent at the first call comes at the second. */
static void a_cpu_that_misses_its_first_call_is_called_again(void)
{
	const struct boot_cpu *spare = spare_cpu(0);
	unsigned nr_running = cpu_nr_running();
	volatile struct ap_parameters *parameters;
	struct boot_cpu cpus[2];
	struct boot_info *info;

	if (!spare)
		SKIP("no spare CPU: see the machine late_cpus");
	info = kmalloc(sizeof(*info), GFP_KERNEL);
	CHECK(info != NULL);
	cpus[0] = mmu_boot_info->cpus[0];
	cpus[1] = *spare;
	*info = *mmu_boot_info;
	info->cpus = cpus;
	info->nr_cpus = ARRAY_SIZE(cpus);
	CHECK(smp_start_begin(mmu_boot_info));
	parameters = smp_start_parameters();
	parameters->nr_to_lose = 1;
	smp_start_all(info, nr_running + 1);
	CHECK_EQ(parameters->nr_to_lose, 0);
	smp_start_end();
	CHECK_EQ(cpu_nr_running(), nr_running + 1);
	kfree(info);
}

/*
 * It has its stack already, and passes through the temporary tables when it goes on.
 * Last: no CPU is started after it.
 */
static void a_cpu_late_on_its_way_halts_in_the_kernel(void)
{
	const struct boot_cpu *spare = spare_cpu(0);
	volatile struct ap_parameters *parameters;
	uint64_t end_ns;

	if (!spare)
		SKIP("no spare CPU: see the machine late_cpus");
	CHECK(smp_start_begin(mmu_boot_info));
	parameters = smp_start_parameters();
	parameters->hold_after_claim = 1;
	CHECK_EQ(smp_start_cpu(spare->apic_id), CPU_START_LATE);
	smp_start_end();
	CHECK_EQ(parameters->apic_id, AP_CLAIMED);
	CHECK_EQ(smp_start_late_area()->state, CPU_GIVEN_UP);
	CHECK_EQ(smp_start_cpu(spare->apic_id), CPU_START_LATE);
	parameters->hold_after_claim = 0;
	end_ns = arch_now_ns() + CALL_MS * NS_PER_MS;
	while (__atomic_load_n(&smp_start_late_area()->state, __ATOMIC_ACQUIRE) == CPU_GIVEN_UP &&
	       arch_now_ns() < end_ns)
		mm_port_spin_hint();
	CHECK_EQ(smp_start_late_area()->state, CPU_TURNED_AWAY);
	CHECK_EQ(cpu_nr_present(), cpu_nr_running());
}

static const struct test_case cases[] = {
	{ "every listed CPU runs", every_listed_cpu_runs },
	{ "a CPU that never comes is absent", a_cpu_that_never_comes_is_absent },
	{ "a CPU that comes too late is turned away", a_cpu_that_comes_too_late_is_turned_away },
	{ "a CPU turned away can be called again", a_cpu_turned_away_can_be_called_again },
	{ "a CPU that misses its first call is called again",
	  a_cpu_that_misses_its_first_call_is_called_again },
	{ "a CPU late on its way halts in the kernel", a_cpu_late_on_its_way_halts_in_the_kernel },
};

TEST_SUITE(cpu_start, cases);
