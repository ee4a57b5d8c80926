/*
 * Ending: telling the emulator, switching off, resetting, halting.
 *
 * Each way is tried and, where the machine does not obey, the next one. No
 * firmware service is called: many implementations need memory that is ours by
 * now (shared/QUIRKS: boot services memory used after exit).
 */

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"

#define PORT_DEBUG_EXIT		0xf4u	/* -device isa-debug-exit,iobase=0xf4 */
#define PORT_PM_CONTROL_QEMU	0x604u	/* PM1a control of QEMU's q35 and pc */
#define PM_SLEEP_TYPE5_ENABLE	0x2000u	/* SLP_TYP 0, which both name for S5; SLP_EN */
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

void arch_power_off(void)
{
	if (cpu_features.is_virtual)
		out16(PORT_PM_CONTROL_QEMU, PM_SLEEP_TYPE5_ENABLE);
	arch_delay_us(RESET_DELAY_US);
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
	interrupts_off();
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
