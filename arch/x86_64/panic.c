/*
 * Panics: the last report, and the end.
 *
 * Model
 *   A panic belongs to one CPU. It first offers its message to panic_hook, so
 *   that a test that expects it can leave; then it stops the other CPUs,
 *   reports, ends the run as panic_end() does and halts. A second panic on the way (the
 *   report itself faulted) ends the run at once.
 *
 * Report
 *   "Bail out! message" at column 0; registers; a backtrace by frame pointers
 *   whose addresses are relative to the image, as the linker and addr2line see
 *   it; the image's base once. Frames are read only where the live tables map
 *   them.
 */

#include "arch/x86_64/panic.h"

#include "arch.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/symbols.h"
#include "log.h"
#include "mm/slab.h"

#include <stdarg.h>

#define PANIC_STATUS		0x12	/* isa-debug-exit: 37 for QEMU's caller */
#define MESSAGE_BYTES		384
#define NAME_BYTES		64
#define MAX_FRAMES		1000	/* followed; a recursion has many */
#define MAX_LINES		32	/* shown */

void (*panic_hook)(const char *message);

void (*panic_end)(unsigned status) = arch_exit_emulator;

/* Index of the CPU that panics, plus 1. */
static unsigned panicking_cpu;

/* ---- Report ---- */

static uint64_t image_relative(uintptr_t va)
{
	return va - IMAGE_START;
}

static bool is_in_image(uintptr_t va)
{
	return va >= IMAGE_START && va < IMAGE_AREA_END;
}

static void print_repeats(unsigned *nr_same)
{
	if (*nr_same)
		log_raw("  ... %u more of the same\n", *nr_same);
	*nr_same = 0;
}

/* Above the innermost frame stand return addresses: the call is before. */
static void print_address(unsigned depth, uintptr_t va)
{
	char name[NAME_BYTES];

	symbol_describe(image_relative(va) - (depth > 0), name, sizeof(name));
	if (is_in_image(va))
		log_raw("  #%u image+0x%llx %s\n", depth, (unsigned long long)image_relative(va),
			name);
	else
		log_raw("  #%u 0x%016llx\n", depth, (unsigned long long)va);
}

/* Two words at @frame_va can be read: return address and caller's frame. */
static bool is_readable_frame(uintptr_t frame_va)
{
	return frame_va % sizeof(uint64_t) == 0 && frame_va >= HIGH_HALF_START &&
	       mmu_is_mapped(frame_va) && mmu_is_mapped(frame_va + 2 * sizeof(uint64_t) - 1);
}

/* A recursion shows as one line and how often it follows. */
static void print_backtrace(uintptr_t instruction_va, uintptr_t frame_va)
{
	uintptr_t shown_va = instruction_va;
	unsigned nr_same = 0, nr_lines = 1;

	log_raw("backtrace (addresses for addr2line -e build/slabstick.debug):\n");
	print_address(0, instruction_va);
	for (unsigned depth = 1; depth < MAX_FRAMES && is_readable_frame(frame_va); depth++) {
		const uint64_t *frame = (const uint64_t *)frame_va;

		if (!frame[1])
			break;
		if (frame[1] == shown_va) {
			nr_same++;
		} else {
			print_repeats(&nr_same);
			shown_va = frame[1];
			print_address(depth, shown_va);
			nr_lines++;
		}
		if (frame[0] <= frame_va || nr_lines == MAX_LINES)
			break;		/* stacks grow down: callers lie above */
		frame_va = frame[0];
	}
	print_repeats(&nr_same);
	log_raw("image base 0x%016llx\n", (unsigned long long)IMAGE_START);
}

static void print_registers(const struct trap_frame *f)
{
	log_raw("rip 0x%016llx  rsp 0x%016llx  rflags 0x%08llx  cs 0x%02llx  ss 0x%02llx\n",
		(unsigned long long)f->rip, (unsigned long long)f->rsp,
		(unsigned long long)f->rflags, (unsigned long long)f->cs,
		(unsigned long long)f->ss);
	log_raw("rax 0x%016llx  rbx 0x%016llx  rcx 0x%016llx  rdx 0x%016llx\n",
		(unsigned long long)f->rax, (unsigned long long)f->rbx,
		(unsigned long long)f->rcx, (unsigned long long)f->rdx);
	log_raw("rsi 0x%016llx  rdi 0x%016llx  rbp 0x%016llx  r8  0x%016llx\n",
		(unsigned long long)f->rsi, (unsigned long long)f->rdi,
		(unsigned long long)f->rbp, (unsigned long long)f->r8);
	log_raw("r9  0x%016llx  r10 0x%016llx  r11 0x%016llx  r12 0x%016llx\n",
		(unsigned long long)f->r9, (unsigned long long)f->r10,
		(unsigned long long)f->r11, (unsigned long long)f->r12);
	log_raw("r13 0x%016llx  r14 0x%016llx  r15 0x%016llx\n", (unsigned long long)f->r13,
		(unsigned long long)f->r14, (unsigned long long)f->r15);
}

static void print_control_registers(void)
{
	log_raw("cr0 0x%08llx  cr2 0x%016llx  cr3 0x%012llx  cr4 0x%08llx\n",
		(unsigned long long)read_cr0(), (unsigned long long)read_cr2(),
		(unsigned long long)read_cr3(), (unsigned long long)read_cr4());
}

/* ---- Panic ---- */

/* A panic on the way of panic_end() finds it gone. */
static NORETURN void end_run(void)
{
	void (*end)(unsigned status) = panic_end;

	arch_serial_settle();
	panic_end = arch_exit_emulator;
	end(PANIC_STATUS);
	arch_halt();
}

static bool is_stopping;

/* Halts every other running CPU. Bounded; they may already be gone. */
static void stop_others(void)
{
	unsigned me = this_cpu()->index;

	__atomic_store_n(&is_stopping, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < cpu_nr_present(); i++)
		if (i != me)
			apic_send(cpu_at(i)->apic_id, APIC_COMMAND_NMI);
}

bool panic_take_nmi(void)
{
	if (!__atomic_load_n(&is_stopping, __ATOMIC_ACQUIRE))
		return false;
	arch_halt();
}

/* True for the first panic; ends the run for one inside a panic, parks for one on another CPU. */
static void claim_panic(void)
{
	unsigned mine = this_cpu()->index + 1;
	unsigned expected = 0;

	if (__atomic_compare_exchange_n(&panicking_cpu, &expected, mine, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return;
	if (expected == mine)
		end_run();
	arch_halt();
}

/* A panic before there is any way for the log to go: the first serial port, if there is one. */
static void find_a_sink(void)
{
	static const struct uart_info unknown = { .space = UART_NONE };

	if (!log_has_sink() && arch_serial_init(&unknown) == STATUS_OK)
		log_add_sink(arch_serial_write);
}

void panic_with(const char *message, const struct trap_frame *frame, uintptr_t instruction_va,
		uintptr_t frame_va)
{
	bool were_on = are_interrupts_on();

	interrupts_off();
	this_cpu()->fault_resume_sp = 0;	/* a hook that leaves abandons guarded calls too */
	if (panic_hook) {
		if (were_on || (frame && frame->rflags & RFLAGS_INTERRUPT))
			interrupts_on();
		panic_hook(message);
		interrupts_off();
	}
	claim_panic();
	stop_others();
	log_ignore_lock();
	find_a_sink();
	arch_serial_settle();		/* what follows must not be lost in a reader's pause */
	log_tell_muted();
	log_fresh_line();
	log_raw("Bail out! %s\n", message);
	log_raw("CPU %u, APIC id 0x%x\n", this_cpu()->index, this_cpu()->apic_id);
	if (frame && frame->vector == VECTOR_PAGE_FAULT)
		slab_log_audit((const void *)read_cr2());
	if (frame)
		print_registers(frame);
	print_control_registers();
	print_backtrace(instruction_va, frame_va);
	end_run();
}

void panic_at(const char *file, int line, const char *format, ...)
{
	uintptr_t frame_va = (uintptr_t)__builtin_frame_address(0);
	char message[MESSAGE_BYTES];
	int used = 0;
	va_list args;

	if (file)
		used = format_text(message, sizeof(message), "%s:%d ", file, line);
	if (used < 0 || (size_t)used >= sizeof(message))
		used = 0;
	va_start(args, format);
	format_vtext(message + used, sizeof(message) - (size_t)used, format, args);
	va_end(args);
	panic_with(message, NULL, (uintptr_t)__builtin_return_address(0),
		   *(const uintptr_t *)frame_va);
}
