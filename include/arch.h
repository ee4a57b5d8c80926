#ifndef ARCH_H
#define ARCH_H

/*
 * What the boot sequence and the image's tests need from the machine.
 * Implemented by arch/x86_64; mm/ does not see it (mm/port.h is its view).
 */

#include "boot_info.h"
#include "lib/compiler.h"
#include "status.h"

/* ---- Before and during the hand-over (firmware's identity map is live) ---- */

/*
 * Checks that this CPU has what the kernel needs (NX, 2 MiB pages, SYSCALL-era
 * long mode, a PAT) and is in a paging mode it can leave. On failure *reason
 * is a sentence for the screen.
 */
enum status arch_check_cpu(const char **reason) MUST_CHECK;

/* Behind the last physical address of this CPU. For after arch_check_cpu(). */
uint64_t arch_physical_end(void);

/* APIC id of the CPU that runs this, whether in xAPIC or x2APIC mode. */
uint32_t arch_apic_id(void);

/* True when firmware's page tables map [@pa, @pa + @bytes) one to one: it can be read. */
bool arch_firmware_maps(uint64_t pa, uint64_t bytes);

/*
 * Upper bound of the page-table pages arch_enter_kernel() needs for @ranges:
 * direct map, image, devices, first vmemmap and vmalloc levels.
 */
uint64_t arch_table_pages_needed(const struct mem_range *ranges, uint32_t nr_ranges);

/*
 * Builds the kernel's address space from @info's table pool, relocates the
 * image to its high address, moves @info, switches page tables and stack and
 * calls @kernel there. Interrupts are off until arch_init(). Firmware's tables
 * and the low half are gone when @kernel runs.
 *
 * Static data that holds addresses of the image moves with it. Addresses that
 * code stored by hand (a sink, a callback) still lead to the low half and are
 * dead: who stored them stores them again in the kernel.
 */
void arch_enter_kernel(struct boot_info *info, void (*kernel)(struct boot_info *)) NORETURN;

/* ---- In the kernel ---- */

/* Clock, local APIC, threads; the page tables grow from alloc_pages() from now on. */
void arch_init(const struct boot_info *info);

/*
 * Goes on with @next(@info) on a vmalloc'ed stack with guard pages instead of
 * the static one of boot, which nobody uses again. After mm_init(). Without
 * memory for it the boot stack, which has a guard page too, stays in use.
 */
void arch_leave_boot_stack(void (*next)(const struct boot_info *), const struct boot_info *info)
	NORETURN;

/* Kernel virtual address of physical @pa in the direct map. */
void *arch_phys_to_virt(uint64_t pa);

/* Kernel virtual address of @pa in the screen or the UART, which may lie above the direct map. */
void *arch_device_to_virt(uint64_t pa);

/*
 * Log sink for the UART @uart, or a PC's first serial port when that does not answer;
 * STATUS_ABSENT when neither does.
 */
enum status arch_serial_init(const struct uart_info *uart) MUST_CHECK;
void arch_serial_write(const char *text, size_t bytes);

/*
 * True while nobody takes what is written: lines are lost, and counted for when the reader
 * goes on.
 */
bool arch_serial_is_paused(void);

/*
 * Waits until all is sent, a minute at most in all calls: before the verdict, so that it
 * is not lost, and before the machine goes.
 */
void arch_serial_settle(void);

/* The next byte that came in, or -1: none yet, or no UART. Does not wait. */
int arch_serial_read(void);

/*
 * The next byte of the keyboard as a terminal would send it (cursor keys: ESC [ A), or
 * -1: none yet, or no keyboard. Does not wait.
 */
int arch_keyboard_read(void);

/*
 * How many instructions @work(@arg) executes, exactly, its return not counted: each one
 * is stepped over, on this CPU. One at a time.
 */
uint64_t arch_count_instructions(void (*work)(void *), void *arg);

/* Time-stamp counter: instructions under QEMU's icount, cycles elsewhere. Serialised. */
uint64_t arch_cycles(void);
uint64_t arch_now_ns(void);
void arch_delay_us(uint64_t us);

/*
 * Interrupts the CPU that runs this @hz times a second, from now on; @handler(), the same
 * for all CPUs, runs then with interrupts off. What it may call of mm depends on the image
 * (mm/context.h). Stopping takes effect at once.
 */
void arch_timer_start(unsigned hz, void (*handler)(void));
void arch_timer_stop(void);

/*
 * Starts the other CPUs of @info, each within a bounded time, until @max_cpus
 * run; who does not answer is called once more. Returns how many run in all.
 */
unsigned arch_start_cpus(const struct boot_info *info, unsigned max_cpus);

/*
 * Runs @work(@arg) on running CPU @cpu and waits for it. STATUS_TIMEOUT when it did
 * not begin within @timeout_ms: then it never will. Work that has begun is waited
 * for, and is a panic when it does not end. It must not yield or wait: it runs on the
 * stack of whatever thread is at hand.
 */
enum status arch_run_on(unsigned cpu, void (*work)(void *), void *arg,
			unsigned timeout_ms) MUST_CHECK;

/* show=ptdump: the live page tables to the log, as Linux's page-table dump has them. */
void arch_print_tables(void);

/*
 * Tells the bed this program runs in how it went (isa-debug-exit where @status
 * is understood: 0x10 passed, 0x11 failed, 0x12 panicked). Returns where there
 * is no such device.
 */
void arch_exit_emulator(unsigned status);
void arch_power_off(void);	/* returns when the machine did not obey */
void arch_reboot(void);		/* likewise */
void arch_halt(void) NORETURN;

/* ---- Faults and panics ---- */

/*
 * Prints "Bail out! file:line message" (or message alone), registers, a
 * backtrace of image-relative addresses and the image base; then ends the run
 * as panicked. Re-entered, it stops at once.
 */
void panic_at(const char *file, int line, const char *format, ...) PRINTF(3, 4) NORETURN;

/*
 * Called first by every panic with the finished message. A test that expects
 * one sets it and does not return from it (longjmp). NULL: none.
 */
extern void (*panic_hook)(const char *message);

/*
 * Called last by a panic, with the status for an emulator: who knows how the run is to end
 * puts his own here. Where it returns the machine halts. It may not wait for anybody.
 */
extern void (*panic_end)(unsigned status);

struct fault_info {
	unsigned vector;
	uint64_t error_code;
	uintptr_t instruction_va;
	uintptr_t address_va;		/* CR2 for page and double faults, else 0 */
};

/*
 * Runs @access(@arg) and returns true when it faulted; then *info tells how
 * and @access was abandoned. For tests of guard pages, W^X, null pointers.
 */
bool arch_faults(void (*access)(void *), void *arg, struct fault_info *info);

#endif
