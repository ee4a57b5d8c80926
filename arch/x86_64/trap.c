/*
 * Exceptions, expected faults and interrupts.
 *
 * Every vector comes to trap_dispatch(). Our own interrupts go to smp.c; any
 * other is counted. An exception while this CPU runs a guarded call
 * (arch_faults) is noted and the call abandoned; any other ends in a panic.
 */

#include "arch/x86_64/trap.h"

#include "arch.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/describe.h"
#include "arch/x86_64/guarded.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/machine_check.h"
#include "arch/x86_64/panic.h"
#include "arch/x86_64/smp.h"
#include "arch/x86_64/step.h"
#include "log.h"
#include "mm/assert.h"

#define MESSAGE_BYTES		384

#define PF_PRESENT	(1u << 0)
#define PF_WRITE	(1u << 1)
#define PF_RESERVED	(1u << 3)
#define PF_FETCH	(1u << 4)

static const char *const exception_names[NR_EXCEPTIONS] = {
	"divide error", "debug", "NMI", "breakpoint", "overflow", "bound range exceeded",
	"invalid opcode", "no FPU", "double fault", "coprocessor overrun", "invalid TSS",
	"segment not present", "stack segment fault", "general protection", "page fault",
	"reserved 15", "x87 error", "alignment check", "machine check", "SIMD error",
	"virtualisation", "control protection", "reserved 22", "reserved 23", "reserved 24",
	"reserved 25", "reserved 26", "reserved 27", "hypervisor injection",
	"VMM communication", "security", "reserved 31",
};

/* ---- Exceptions ---- */

static const char *page_fault_access(uint64_t error_code)
{
	if (error_code & PF_RESERVED)
		return "reserved bit in the entry for";
	if (error_code & PF_FETCH)
		return "execution of";
	return error_code & PF_WRITE ? "write to" : "read of";
}

static void describe_exception(const struct trap_frame *frame, char *text, size_t size)
{
	const char *name = exception_names[frame->vector];

	if (frame->vector == VECTOR_PAGE_FAULT) {
		char place[MESSAGE_BYTES / 2];

		describe_address(read_cr2(), place, sizeof(place));
		format_text(text, size, "page fault: %s %s 0x%llx: %s",
			    page_fault_access(frame->error_code),
			    frame->error_code & PF_PRESENT ? "protected" : "unmapped",
			    (unsigned long long)read_cr2(), place);
		return;
	}
	if (frame->vector == VECTOR_DOUBLE_FAULT) {
		char place[MESSAGE_BYTES / 2];

		describe_address(read_cr2(), place, sizeof(place));
		format_text(text, size, "double fault: stack pointer 0x%llx, last page fault at "
			    "0x%llx: %s", (unsigned long long)frame->rsp,
			    (unsigned long long)read_cr2(), place);
		return;
	}
	format_text(text, size, "exception %u (%s), error code 0x%llx", (unsigned)frame->vector,
		    name, (unsigned long long)frame->error_code);
}

/* A double fault is as a rule a page fault whose frame could not be pushed. */
static bool is_cr2_meant(uint64_t vector)
{
	return vector == VECTOR_PAGE_FAULT || vector == VECTOR_DOUBLE_FAULT;
}

/* These come at any instruction, whatever it does: nobody's access caused them. */
static bool comes_from_outside(uint64_t vector)
{
	return vector == VECTOR_NMI || vector == VECTOR_MACHINE_CHECK;
}

static bool resume_expected(struct trap_frame *frame)
{
	struct cpu_area *cpu = this_cpu();

	if (!cpu->fault_resume_sp || comes_from_outside(frame->vector))
		return false;
	cpu->fault = (struct fault_info){
		.vector = (unsigned)frame->vector,
		.error_code = frame->error_code,
		.instruction_va = frame->rip,
		.address_va = is_cr2_meant(frame->vector) ? read_cr2() : 0,
	};
	frame->rip = (uintptr_t)guarded_fault;
	frame->rsp = cpu->fault_resume_sp;
	return true;
}

static void handle_exception(struct trap_frame *frame)
{
	char text[MESSAGE_BYTES];

	if (frame->vector == VECTOR_NMI && panic_take_nmi())
		return;
	if (frame->vector == VECTOR_DEBUG && step_take())
		return;
	if (resume_expected(frame))
		return;
	if (frame->vector == VECTOR_MACHINE_CHECK) {
		log_ignore_lock();
		machine_check_report();
	}
	describe_exception(frame, text, sizeof(text));
	panic_with(text, frame, frame->rip, frame->rbp);
}

static void handle_interrupt(unsigned vector)
{
	struct cpu_area *cpu = this_cpu();

	smp_idle_exit();	/* before anything that may be mapped anew */
	if (vector == VECTOR_SPURIOUS) {
		cpu->nr_spurious++;	/* has no in-service bit: no EOI */
		return;
	}
	cpu->nr_handlers++;
	if (vector == VECTOR_CALL || vector == VECTOR_FLUSH)
		smp_interrupt(vector);
	else if (vector == VECTOR_TIMER)
		apic_timer_interrupt();
	else
		cpu->nr_spurious++;
	cpu->nr_handlers--;
	apic_end_interrupt();
}

void trap_dispatch(struct trap_frame *frame)
{
	if (frame->vector < NR_EXCEPTIONS)
		handle_exception(frame);
	else
		handle_interrupt((unsigned)frame->vector);
}

bool arch_faults(void (*access)(void *), void *arg, struct fault_info *info)
{
	struct cpu_area *cpu = this_cpu();
	bool has_faulted;

	ASSERT(!cpu->fault_resume_sp);
	has_faulted = guarded_call(access, arg, &cpu->fault_resume_sp);
	if (has_faulted && info)
		*info = cpu->fault;
	return has_faulted;
}
