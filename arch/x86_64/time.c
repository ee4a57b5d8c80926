/*
 * Time: the time-stamp counter, and how fast it runs.
 *
 * Model
 *   The rate comes from the first of these that answers sensibly:
 *     CPUID 15h      crystal clock and ratio
 *     CPUID 40000010h where a hypervisor tells it
 *     the PIT        counter 2 is gated for 5 ms; its output ends the wait
 *     ACPI's timer   10 ms of its ticks
 *     CPUID 16h      base frequency, exact to about a percent
 *   What disturbs a measurement makes it longer, a virtual CPU that its host does not run by
 *   much: the least of several counts. What the PIT says is compared with ACPI's timer, and
 *   that they differ is told: one of both is not what firmware says.
 *   A machine with none of them gets 1 GHz and says so: times are wrong then,
 *   bounded waits still end.
 *   now = ticks * multiplier >> 32 with a product of 128 bits, which cannot
 *   overflow.
 */

#include "arch/x86_64/time.h"

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/mmu.h"
#include "lib/align.h"
#include "log.h"

#define NS_PER_S		1000000000ull
#define US_PER_S		1000000ull
#define KHZ			1000ull
#define MHZ			1000000ull

#define LEAF_TSC_RATIO		0x15u
#define LEAF_FREQUENCY		0x16u
#define LEAF_HYPERVISOR		0x40000000u
#define LEAF_HYPERVISOR_TSC	0x40000010u

#define MIN_HZ			(50 * MHZ)	/* anything slower is a misreading */
#define MAX_HZ			(20000 * MHZ)
#define DEFAULT_HZ		NS_PER_S

/* The PIT (8254), counter 2, mode 0: output rises when the count is out. */
#define PIT_HZ			1193182ull
#define PIT_COUNTER2		0x42u
#define PIT_CONTROL		0x43u
#define PIT_COUNTER2_MODE0	0xb0u
#define PORT_SPEAKER		0x61u
#define SPEAKER_GATE2		0x01u
#define SPEAKER_ENABLE		0x02u
#define SPEAKER_OUTPUT2		0x20u
#define PIT_MS			5u
#define PIT_COUNTS		(PIT_HZ * PIT_MS / 1000)
#define MAX_MEASUREMENTS	20u
#define MAX_DIFFERENCE		512u		/* two agree when they differ by a 512th */
#define DOUBTFUL_DIFFERENCE	16u		/* two clocks: an emulator's are disturbed apart */
/* A port read takes at least 0.1 us anywhere: half a second at the least, seconds as a rule. */
#define MAX_PIT_POLLS		5000000u

static struct {
	uint64_t hz;
	uint64_t start;			/* counter when time began */
	uint64_t ns_per_tick_q32;	/* nanoseconds per tick, times 2^32 */
} tsc = { .hz = DEFAULT_HZ, .ns_per_tick_q32 = 1ull << 32 };

static bool is_plausible(uint64_t hz)
{
	return hz >= MIN_HZ && hz <= MAX_HZ;
}

static uint64_t hz_by_ratio(void)
{
	struct cpuid_result r;

	if (cpuid(0, 0).eax < LEAF_TSC_RATIO)
		return 0;
	r = cpuid(LEAF_TSC_RATIO, 0);
	return r.eax && r.ebx && r.ecx ? (uint64_t)r.ecx * r.ebx / r.eax : 0;
}

static uint64_t hz_by_hypervisor(void)
{
	if (!cpu_features.is_virtual || cpuid(LEAF_HYPERVISOR, 0).eax < LEAF_HYPERVISOR_TSC)
		return 0;
	return cpuid(LEAF_HYPERVISOR_TSC, 0).eax * KHZ;
}

/* ACPI 6.5, 4.8.3.3: 24 bits are always there. */
#define PM_TIMER_HZ		3579545ull
#define PM_TIMER_MASK		0xffffffu
#define PM_TIMER_TICKS		(PM_TIMER_HZ / 100)
#define MAX_PM_POLLS		5000000u
#define DEAD_PM_POLLS		10000u		/* a millisecond at the least, 3,580 ticks */

/* One measurement; 0 when there is none, or one that does not count. */
static uint64_t hz_by_pm_timer_once(void)
{
	const uint16_t port = mmu_boot_info->power.pm_timer_port;
	uint64_t start = rdtsc_ordered();
	uint32_t first, ticks = 0;

	if (!port)
		return 0;
	first = in32(port);
	for (unsigned i = 0; i < MAX_PM_POLLS && ticks < PM_TIMER_TICKS; i++) {
		ticks = (in32(port) - first) & PM_TIMER_MASK;
		if (ticks == 0 && i == DEAD_PM_POLLS)
			return 0;
	}
	if (ticks < PM_TIMER_TICKS)
		return 0;
	return (rdtsc_ordered() - start) * PM_TIMER_HZ / ticks;
}

static uint64_t hz_by_base_frequency(void)
{
	if (cpuid(0, 0).eax < LEAF_FREQUENCY)
		return 0;
	return (cpuid(LEAF_FREQUENCY, 0).eax & 0xffff) * MHZ;
}

/* Returns when: taken before, so that what disturbs here, too, makes the measurement longer. */
static uint64_t start_pit(void)
{
	uint8_t speaker = in8(PORT_SPEAKER) & (uint8_t)~(SPEAKER_ENABLE | SPEAKER_GATE2);
	uint64_t start;

	out8(PORT_SPEAKER, speaker);
	out8(PIT_CONTROL, PIT_COUNTER2_MODE0);
	out8(PIT_COUNTER2, (uint8_t)PIT_COUNTS);
	out8(PIT_COUNTER2, (uint8_t)(PIT_COUNTS >> 8));
	start = rdtsc_ordered();
	out8(PORT_SPEAKER, speaker | SPEAKER_GATE2);
	return start;
}

static bool is_pit_out(void)
{
	return (in8(PORT_SPEAKER) & SPEAKER_OUTPUT2) != 0;
}

/* One measurement; 0 when there is no PIT: its output is high already, or never rises. */
static uint64_t hz_by_pit_once(void)
{
	uint64_t start = start_pit();

	if (is_pit_out())
		return 0;
	for (unsigned i = 0; i < MAX_PIT_POLLS; i++)
		if (is_pit_out())
			return (rdtsc_ordered() - start) * 1000 / PIT_MS;
	return 0;
}

/* The least of what @measure says, once another agrees with it, or of all that it may say. */
static uint64_t least_of(uint64_t (*measure)(void))
{
	uint64_t least = 0;

	for (unsigned i = 0; i < MAX_MEASUREMENTS; i++) {
		uint64_t hz = measure();
		uint64_t previous = least;

		if (!hz)
			break;
		least = i == 0 ? hz : min_u64(hz, previous);
		if (i > 0 && max_u64(hz, previous) - least <= least / MAX_DIFFERENCE)
			break;
	}
	return least;
}

static uint64_t hz_by_pm_timer(void)
{
	return least_of(hz_by_pm_timer_once);
}

/* The PIT's word stands: it is where it always was, the other's port is what firmware says. */
static void compare_with_pm_timer(uint64_t hz)
{
	uint64_t other_hz = hz_by_pm_timer();

	if (mmu_boot_info->power.pm_timer_port &&
	    max_u64(hz, other_hz) - min_u64(hz, other_hz) > hz / DOUBTFUL_DIFFERENCE)
		log_line(LOG_WARN, "tsc: ACPI's timer at port 0x%x says %llu MHz: not believed",
			 mmu_boot_info->power.pm_timer_port, (unsigned long long)(other_hz / MHZ));
}

static uint64_t hz_by_pit(void)
{
	uint64_t hz = least_of(hz_by_pit_once);

	if (is_plausible(hz))
		compare_with_pm_timer(hz);
	return hz;
}

void time_init(void)
{
	static uint64_t (*const ways[])(void) = {
		hz_by_ratio, hz_by_hypervisor, hz_by_pit, hz_by_pm_timer, hz_by_base_frequency,
	};
	static const char *const way_names[] = {
		"CPUID 15h", "the hypervisor", "the PIT", "ACPI's timer", "CPUID 16h",
	};

	tsc.start = rdtsc_ordered();
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		uint64_t hz = ways[i]();

		if (!is_plausible(hz))
			continue;
		tsc.hz = hz;
		tsc.ns_per_tick_q32 = (NS_PER_S << 32) / hz;
		log_line(LOG_INFO, "tsc: %llu.%03llu MHz by %s%s", (unsigned long long)(hz / MHZ),
			 (unsigned long long)(hz / KHZ % 1000), way_names[i],
			 cpu_features.has_invariant_tsc ? "" : ", not invariant");
		return;
	}
	log_line(LOG_WARN, "tsc: no clock to measure it by, taken as 1 GHz: times are not real");
}

uint64_t arch_cycles(void)
{
	return rdtsc_ordered();
}

uint64_t arch_now_ns(void)
{
	uint64_t ticks = rdtsc_ordered() - tsc.start;

	return (uint64_t)((unsigned __int128)ticks * tsc.ns_per_tick_q32 >> 32);
}

void arch_delay_us(uint64_t us)
{
	uint64_t start = rdtsc_ordered();
	uint64_t ticks = us * (tsc.hz / US_PER_S) + us * (tsc.hz % US_PER_S) / US_PER_S;

	while (rdtsc_ordered() - start < ticks)
		__builtin_ia32_pause();
}
