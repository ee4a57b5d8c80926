/*
 * The local APIC, in the mode it is found in.
 *
 * Model
 *   x2APIC where the firmware left it on (it cannot be left without a reset of
 *   the APIC, and ids above 254 need it), else xAPIC through one uncached page
 *   of the direct map. Registers have one number in both modes: MSR
 *   0x800 + offset / 16. Interrupts from devices are not used: the PICs are
 *   masked and so is every local source, but for the timer while it is asked for.
 *
 * Locking
 *   In xAPIC mode a command is two registers. Only its own CPU writes them, with
 *   interrupts off.
 */

#include "arch/x86_64/apic.h"

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/trap_frame.h"
#include "arch/x86_64/windows.h"

/* SDM 3A, table 10-1: offsets in the register page. */
#define REG_ID			0x020u
#define REG_VERSION		0x030u
#define REG_TASK_PRIORITY	0x080u
#define REG_EOI			0x0b0u
#define REG_SPURIOUS		0x0f0u
#define REG_COMMAND_LOW		0x300u
#define REG_COMMAND_HIGH	0x310u
#define REG_TIMER		0x320u
#define REG_THERMAL		0x330u
#define REG_PERFORMANCE		0x340u
#define REG_LINT0		0x350u
#define REG_LINT1		0x360u
#define REG_ERROR		0x370u
#define REG_TIMER_INITIAL	0x380u
#define REG_TIMER_CURRENT	0x390u
#define REG_TIMER_DIVIDE	0x3e0u

/*
 * Interrupts below VECTOR_CALL's class of 16 wait for ever: a device that
 * firmware left on could otherwise interrupt without end (SDM 3A, 10.8.3.1).
 */
#define PRIORITY_BELOW_OURS	((VECTOR_CALL & 0xf0u) - 0x10u)
#define SPURIOUS_ENABLE		0x100u
#define LVT_MASKED		0x10000u
#define LVT_PERIODIC		0x20000u
#define TIMER_DIVIDE_BY_16	0x3u
#define TIMER_TRIAL_US		10000u
#define COMMAND_PENDING		0x1000u
#define XAPIC_ID_SHIFT		24
#define MAX_XAPIC_ID		0xfeu		/* 0xff addresses every CPU */
#define MSR_X2APIC_FIRST	0x800u
#define X2APIC_ID_SHIFT		32

/* A command is accepted within microseconds; this many reads are milliseconds. */
#define MAX_COMMAND_POLLS	100000u

#define PIC1_DATA		0x21u
#define PIC2_DATA		0xa1u
#define PIC_MASK_ALL		0xffu

/* Every CPU switches to x2APIC mode that is not in it. */
static bool must_use_x2apic;

static bool is_x2apic(void)
{
	return (rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC) != 0;
}

/*
 * Address of an xAPIC register: before arch_enter_kernel() firmware's identity
 * map reaches it, later the direct map.
 */
static uintptr_t register_va(uint32_t offset)
{
	uint64_t pa = rdmsr(MSR_APIC_BASE) & APIC_BASE_PA_MASK;

	if (!cpu_is_in_kernel())
		return pa + offset;
	return (uintptr_t)arch_device_to_virt(pa) + offset;
}

static uint32_t read_register(uint32_t offset)
{
	if (is_x2apic())
		return (uint32_t)rdmsr(MSR_X2APIC_FIRST + offset / 16);
	return mmio_read32(register_va(offset));
}

static void write_register(uint32_t offset, uint32_t value)
{
	if (is_x2apic())
		wrmsr(MSR_X2APIC_FIRST + offset / 16, value);
	else
		mmio_write32(register_va(offset), value);
}

uint32_t arch_apic_id(void)
{
	uint32_t id = read_register(REG_ID);

	return is_x2apic() ? id : id >> XAPIC_ID_SHIFT;
}

static void mask_local_sources(void)
{
	/* Entries in order of age: the last two exist where the version says so. */
	static const uint16_t sources[] = {
		REG_TIMER, REG_LINT0, REG_LINT1, REG_ERROR, REG_PERFORMANCE, REG_THERMAL,
	};
	unsigned nr_sources = (read_register(REG_VERSION) >> 16 & 0xff) + 1;

	for (unsigned i = 0; i < ARRAY_SIZE(sources) && i < nr_sources; i++)
		write_register(sources[i], LVT_MASKED);
}

bool apic_choose_mode(const struct boot_info *info)
{
	bool is_reachable = mmu_windows.of[DEVICE_APIC].end_pa != 0;

	if (!is_x2apic() && !is_reachable && !cpu_features.has_x2apic)
		return false;
	must_use_x2apic = is_x2apic() || !is_reachable;
	for (uint32_t i = 0; i < info->nr_cpus; i++)
		if (info->cpus[i].apic_id > MAX_XAPIC_ID && cpu_features.has_x2apic)
			must_use_x2apic = true;
	return true;
}

uint64_t apic_base_pa(void)
{
	return rdmsr(MSR_APIC_BASE) & APIC_BASE_PA_MASK;
}

/* A CPU comes out of reset in its own mode, whatever the others are in. */
static void enable(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	if (!(base & APIC_BASE_ENABLED))
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLED);
	/* xAPIC to x2APIC is one more write: SDM 3A, 10.12.5. */
	if (must_use_x2apic && !(base & APIC_BASE_X2APIC))
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLED | APIC_BASE_X2APIC);
}

void apic_init_cpu(void)
{
	out8(PIC1_DATA, PIC_MASK_ALL);
	out8(PIC2_DATA, PIC_MASK_ALL);
	enable();
	mask_local_sources();
	write_register(REG_TASK_PRIORITY, PRIORITY_BELOW_OURS);
	write_register(REG_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
}

static bool wait_until_sent(void)
{
	for (unsigned i = 0; i < MAX_COMMAND_POLLS; i++) {
		if (!(read_register(REG_COMMAND_LOW) & COMMAND_PENDING))
			return true;
		__builtin_ia32_pause();
	}
	return false;
}

bool apic_send(uint32_t apic_id, uint32_t command)
{
	bool were_on, is_sent;

	if (is_x2apic()) {
		/* MSR writes here are not serialising: earlier stores first (SDM 3A, 10.12.3). */
		__asm__ volatile("mfence; lfence" ::: "memory");
		wrmsr(MSR_X2APIC_FIRST + REG_COMMAND_LOW / 16,
		      (uint64_t)apic_id << X2APIC_ID_SHIFT | command);
		return true;
	}
	if (apic_id > MAX_XAPIC_ID || !wait_until_sent())
		return false;
	/* A handler that sends must not come between the two words. */
	were_on = are_interrupts_on();
	interrupts_off();
	write_register(REG_COMMAND_HIGH, apic_id << XAPIC_ID_SHIFT);
	write_register(REG_COMMAND_LOW, command);
	is_sent = wait_until_sent();
	if (were_on)
		interrupts_on();
	return is_sent;
}

void apic_end_interrupt(void)
{
	write_register(REG_EOI, 0);
}

/* ---- The timer ---- */

static void (*timer_handler)(void);

/* Counts of this CPU's timer in TIMER_TRIAL_US. */
static uint32_t count_in_trial(void)
{
	write_register(REG_TIMER, LVT_MASKED);
	write_register(REG_TIMER_DIVIDE, TIMER_DIVIDE_BY_16);
	write_register(REG_TIMER_INITIAL, UINT32_MAX);
	arch_delay_us(TIMER_TRIAL_US);
	return UINT32_MAX - read_register(REG_TIMER_CURRENT);
}

void arch_timer_start(unsigned hz, void (*handler)(void))
{
	uint64_t count = (uint64_t)count_in_trial() * (1000000u / TIMER_TRIAL_US) / hz;

	__atomic_store_n(&timer_handler, handler, __ATOMIC_RELEASE);
	write_register(REG_TIMER, LVT_PERIODIC | VECTOR_TIMER);
	write_register(REG_TIMER_INITIAL, count ? (uint32_t)count : 1);
}

void arch_timer_stop(void)
{
	write_register(REG_TIMER, LVT_MASKED);
	write_register(REG_TIMER_INITIAL, 0);
}

void apic_timer_interrupt(void)
{
	void (*handler)(void) = __atomic_load_n(&timer_handler, __ATOMIC_ACQUIRE);

	if (handler)
		handler();
}
