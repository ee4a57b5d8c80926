#ifndef ARCH_X86_64_CPU_H
#define ARCH_X86_64_CPU_H

/*
 * What each CPU has for itself, and what the CPUs can do.
 */

#include "arch.h"
#include "arch/x86_64/scheduler.h"
#include "lib/compiler.h"

/* SDM 3A, 8.7: 64-bit TSS. Only its stack pointers are used. */
struct PACKED task_state {
	uint32_t reserved0;
	uint64_t stack[3];
	uint64_t reserved1;
	uint64_t interrupt_stack[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map_offset;
};

#define NR_GDT_SLOTS	5	/* null, code, data, TSS in two */

/* The stacks of a CPU: the one its first context runs on, and those of the TSS's table. */
enum cpu_stack { STACK_MAIN, IST_DOUBLE_FAULT, IST_NMI, IST_MACHINE_CHECK, NR_CPU_STACKS };

#define MAIN_STACK_BYTES	0x8000u
#define IST_STACK_BYTES		0x2000u

/* Half-open; the page below start_va is not mapped. */
struct stack {
	uintptr_t start_va, end_va;
};

/* How far a CPU has come (smp.c). The boot CPU does not use it. */
enum cpu_state {
	CPU_STARTING,		/* its SIPI may be under way */
	CPU_ALIVE,		/* in the kernel */
	CPU_READY,		/* can allocate; waits to be counted */
	CPU_RUNNING,
	CPU_GIVEN_UP,		/* did not show up in time and must not any more */
	CPU_TURNED_AWAY,	/* it did later, saw that, and halts for good */
};

enum mailbox_state { MAILBOX_EMPTY, MAILBOX_FILLING, MAILBOX_FULL, MAILBOX_RUNNING };

/* One piece of work from another CPU: arch_run_on(). */
struct mailbox {
	enum mailbox_state state;
	void (*work)(void *);
	void *arg;
};

/*
 * GS base of each CPU points here. The first words are mm_port_inline.h's.
 */
struct cpu_area {
	uint32_t index;			/* dense, in boot_info's order of those that started */
	uint32_t apic_id;
	void *mm_data;			/* mm's own word: mm_port_cpu_data() */
	struct cpu_area *self;
	uintptr_t nr_handlers;		/* of interrupts, that are under way: mm_port_inline.h's */
	/* An expected fault: where trap_entry.S resumes, and what to tell. 0: none is expected. */
	uintptr_t fault_resume_sp;
	struct fault_info fault;
	struct stack stacks[NR_CPU_STACKS];
	enum cpu_state state;
	uint64_t nr_flushed;		/* number of the newest flush it has done (smp.c) */
	bool is_idle;			/* it flushes as it wakes: need not be asked */
	uint64_t nr_flush_interrupts;	/* how often it was asked */
	bool is_poked;			/* something may have been queued since it looked */
	bool is_serving;		/* runs what arch_run_on() left */
	struct mailbox mailbox;
	struct scheduler scheduler;
	uint64_t nr_spurious;		/* interrupts nobody asked for */
	struct task_state tss;
	uint64_t gdt[NR_GDT_SLOTS];
};

_Static_assert(offsetof(struct cpu_area, index) == 0, "mm_port_inline.h loads %gs:0");
_Static_assert(offsetof(struct cpu_area, mm_data) == 8, "mm_port_inline.h loads %gs:8");
_Static_assert(offsetof(struct cpu_area, self) == 16, "this_cpu() loads %gs:16");
_Static_assert(offsetof(struct cpu_area, nr_handlers) == 24, "mm_port_inline.h loads %gs:24");

static inline struct cpu_area *this_cpu(void)
{
	struct cpu_area *self;

	__asm__("movq %%gs:16, %0" : "=r"(self));
	return self;
}

/* What this machine's CPUs have. Filled by cpu_read_features() on the first one. */
struct cpu_features {
	char name[49];
	unsigned physical_bits;
	bool has_nx, has_1g_pages, has_pat, has_pge;
	bool has_smep, has_smap, has_umip;
	bool has_mtrr;
	bool has_machine_checks;	/* the exception, and banks that say why */
	bool has_x2apic, has_invariant_tsc, is_virtual;
};

extern struct cpu_features cpu_features;
void cpu_read_features(void);

/* The boot CPU's area, usable before anything can be allocated. */
struct cpu_area *cpu_boot_area(void);

/* Where its first stack ends, at the address this code runs at now. */
uintptr_t cpu_boot_stack_end(void);

/* Notes where the boot CPU's stacks are, at the addresses this code runs at now. */
void cpu_name_boot_stacks(void);

/*
 * CPUs that run, CPUs that take part in flushes (those, and one that is being
 * started), and the area of one of them.
 */
unsigned cpu_nr_running(void);
unsigned cpu_nr_present(void);
struct cpu_area *cpu_at(unsigned cpu);

/*
 * Room for @nr_cpus areas, once; false without memory. Then each CPU that is up
 * joins, in order, and is counted as running by who started it.
 */
bool cpu_make_room(uint32_t nr_cpus) MUST_CHECK;
void cpu_join(struct cpu_area *area);
void cpu_count(struct cpu_area *area);

/* False while firmware's address space is in use. */
bool cpu_is_in_kernel(void);

/* Control register bits every CPU runs with: on the kernel's tables, at high addresses. */
void cpu_set_control_bits(void);

/*
 * EFER as this kernel runs with: long mode and NX, which must be understood before tables
 * that use it are loaded, and nothing firmware left. With TCE an INVLPG would spare the
 * upper levels of other addresses, and freed tables would be walked (APM 2, 3.1.7).
 */
void cpu_set_efer(void);

/* ---- MSRs and control bits (SDM 4, 2.1; 3A, 2.5) ---- */
#define MSR_APIC_BASE		0x1bu
#define MSR_PAT			0x277u
#define MSR_EFER		0xc0000080u
#define MSR_FS_BASE		0xc0000100u
#define MSR_GS_BASE		0xc0000101u

#define APIC_BASE_X2APIC	(1ull << 10)
#define APIC_BASE_ENABLED	(1ull << 11)
#define APIC_BASE_PA_MASK	0x000ffffffffff000ull

#define EFER_LME		(1ull << 8)
#define EFER_LMA		(1ull << 10)
#define EFER_NXE		(1ull << 11)
#define EFER_TCE		(1ull << 15)
#define CR0_WP			(1ull << 16)
#define CR0_NW			(1ull << 29)
#define CR0_CD			(1ull << 30)
#define CR4_MCE			(1ull << 6)
#define CR4_PGE			(1ull << 7)
#define CR4_UMIP		(1ull << 11)
#define CR4_LA57		(1ull << 12)
#define CR4_PCIDE		(1ull << 17)
#define CR4_SMEP		(1ull << 20)
#define CR4_SMAP		(1ull << 21)
#define CR4_PKE			(1ull << 22)
#define CR4_CET			(1ull << 23)
#define CR4_PKS			(1ull << 24)

#endif
