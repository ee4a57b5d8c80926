/*
 * Ending: telling the emulator, switching off, resetting, halting.
 *
 * The ports come from the FADT where it names them, else they are the usual
 * ones. Each way is tried and, where the machine does not obey, the next one. No
 * firmware service is called: many implementations need memory that is ours by
 * now (shared/QUIRKS: boot services memory used after exit).
 */

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/mmu.h"

#define PORT_DEBUG_EXIT		0xf4u	/* -device isa-debug-exit,iobase=0xf4 */
#define PORT_PM_CONTROL_QEMU	0x604u	/* PM1a control of QEMU's q35 and pc */
#define PM_SLEEP_TYPE_SHIFT	10
#define PM_SLEEP_ENABLE		0x2000u	/* with SLP_TYP 0, which QEMU names for S5 */
#define PORT_RESET		0xcf9u	/* chipset reset control */
#define RESET_HARD		0x02u
#define RESET_GO		0x06u
#define PORT_KEYBOARD_COMMAND	0x64u
#define KEYBOARD_BUSY		0x02u
#define KEYBOARD_PULSE_RESET	0xfeu
#define MAX_KEYBOARD_POLLS	100000u
#define RESET_DELAY_US		10000u

void arch_exit_emulator(unsigned status)
{
	/* Elsewhere the port may belong to anybody. */
	if (cpu_features.is_virtual)
		out32(PORT_DEBUG_EXIT, status);
}

/* ACPI 6.5, 4.8.3.2.1: SLP_TYP and SLP_EN. The other bits, SCI_EN above all, stay. */
static void write_sleep_type(uint16_t port, uint8_t type)
{
	uint16_t kept = in16(port) & (uint16_t)~(PM_SLEEP_ENABLE | 7u << PM_SLEEP_TYPE_SHIFT);

	out16(port, (uint16_t)(kept | (unsigned)type << PM_SLEEP_TYPE_SHIFT | PM_SLEEP_ENABLE));
}

void arch_power_off(void)
{
	const struct power_info *power = &mmu_boot_info->power;

	interrupts_off();
	if (power->has_s5 && power->pm1a_control_port) {
		write_sleep_type(power->pm1a_control_port, power->s5_type_a);
		if (power->pm1b_control_port)
			write_sleep_type(power->pm1b_control_port, power->s5_type_b);
		arch_delay_us(RESET_DELAY_US);
	}
	if (cpu_features.is_virtual)
		out16(PORT_PM_CONTROL_QEMU, PM_SLEEP_ENABLE);
	arch_delay_us(RESET_DELAY_US);
	interrupts_on();
}

static void reset_by_keyboard_controller(void)
{
	for (unsigned i = 0; i < MAX_KEYBOARD_POLLS; i++)
		if (!(in8(PORT_KEYBOARD_COMMAND) & KEYBOARD_BUSY))
			break;
	out8(PORT_KEYBOARD_COMMAND, KEYBOARD_PULSE_RESET);
}

/* With no interrupt table any exception is a triple fault, and that a reset. */
static void reset_by_triple_fault(void)
{
	const struct table_register none = { 0, 0 };

	lidt(&none);
	__asm__ volatile("int3");
}

void arch_reboot(void)
{
	const struct power_info *power = &mmu_boot_info->power;

	interrupts_off();
	if (power->reset_port) {
		out8(power->reset_port, power->reset_value);
		arch_delay_us(RESET_DELAY_US);
	}
	out8(PORT_RESET, RESET_HARD);
	arch_delay_us(RESET_DELAY_US);
	out8(PORT_RESET, RESET_GO);
	arch_delay_us(RESET_DELAY_US);
	reset_by_keyboard_controller();
	arch_delay_us(RESET_DELAY_US);
	reset_by_triple_fault();
}

void arch_halt(void)
{
	interrupts_off();
	for (;;)
		halt_until_interrupt();
}
