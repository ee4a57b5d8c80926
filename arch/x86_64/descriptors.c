/*
 * Descriptor tables.
 *
 * Model
 *   The GDT is flat and holds what long mode insists on: a code and a data
 *   segment of ring 0 and the TSS. Each CPU has its own, because a TSS
 *   descriptor can be busy on one CPU only. The IDT is shared: all 256 gates
 *   are interrupt gates to the stubs of trap_entry.S, 16 bytes apart.
 *
 *   Double fault, NMI and machine check have stacks of their own: the first
 *   may find the current stack unusable, the others come at any instruction.
 */

#include "arch/x86_64/descriptors.h"

#include "arch/x86_64/insn.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/trap_entry.h"

/* SDM 3A, 3.4.5: present, ring 0, accessed; long-mode code, and writable data. */
#define GDT_CODE	0x00af9b000000ffffull
#define GDT_DATA	0x00cf93000000ffffull
/* SDM 3A, 8.2.3: present, available 64-bit TSS. */
#define GDT_TSS_ACCESS	(0x89ull << 40)

#define IDT_PRESENT_GATE	0x8e00u		/* 64-bit interrupt gate, ring 0 */

struct PACKED gate {
	uint16_t offset_low;
	uint16_t selector;
	uint16_t type;			/* IST index in the low bits */
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};

_Static_assert(sizeof(struct gate) == 16, "SDM 3A, 6.14.1");
_Static_assert(sizeof(struct task_state) == 104, "SDM 3A, 8.7");

static struct gate idt[NR_VECTORS] __attribute__((aligned(16)));

static unsigned stack_of_vector(unsigned vector)
{
	switch (vector) {
	case VECTOR_DOUBLE_FAULT:
		return IST_DOUBLE_FAULT;
	case VECTOR_NMI:
		return IST_NMI;
	case VECTOR_MACHINE_CHECK:
		return IST_MACHINE_CHECK;
	default:
		return STACK_MAIN;	/* 0: stays on the current stack */
	}
}

void descriptors_init_idt(void)
{
	for (unsigned vector = 0; vector < NR_VECTORS; vector++) {
		uintptr_t entry = (uintptr_t)trap_stubs + vector * TRAP_STUB_BYTES;

		idt[vector] = (struct gate){
			.offset_low = (uint16_t)entry,
			.selector = SEGMENT_CODE,
			.type = (uint16_t)(IDT_PRESENT_GATE | stack_of_vector(vector)),
			.offset_middle = (uint16_t)(entry >> 16),
			.offset_high = (uint32_t)(entry >> 32),
		};
	}
}

static void fill_gdt(struct cpu_area *area)
{
	uint64_t base = (uintptr_t)&area->tss;
	uint64_t end = sizeof(area->tss) - 1;

	area->gdt[0] = 0;
	area->gdt[SEGMENT_CODE / 8] = GDT_CODE;
	area->gdt[SEGMENT_DATA / 8] = GDT_DATA;
	area->gdt[SEGMENT_TSS / 8] = GDT_TSS_ACCESS | end | (base & 0xffffff) << 16 |
				     (base >> 24 & 0xff) << 56;
	area->gdt[SEGMENT_TSS / 8 + 1] = base >> 32;
}

/* CS cannot be moved to: a far return loads it. */
static void load_segments(void)
{
	__asm__ volatile("pushq %0\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "movl %1, %%ds\n\t"
			 "movl %1, %%es\n\t"
			 "movl %1, %%ss\n\t"
			 "xorl %%eax, %%eax\n\t"
			 "movl %%eax, %%fs\n\t"
			 "movl %%eax, %%gs"
			 :: "i"(SEGMENT_CODE), "r"(SEGMENT_DATA) : "rax", "memory");
}

static void load(struct cpu_area *area)
{
	struct table_register gdt_register = { sizeof(area->gdt) - 1, (uintptr_t)area->gdt };
	struct table_register idt_register = { sizeof(idt) - 1, (uintptr_t)idt };

	area->tss = (struct task_state){ .io_map_offset = sizeof(area->tss) };
	for (unsigned ist = IST_DOUBLE_FAULT; ist < NR_CPU_STACKS; ist++)
		area->tss.interrupt_stack[ist - 1] = area->stacks[ist].end_va;
	fill_gdt(area);
	lgdt(&gdt_register);
	load_segments();
	ltr(SEGMENT_TSS);
	lidt(&idt_register);
}

void descriptors_adopt_area(struct cpu_area *area)
{
	area->self = area;
	load(area);
	/* After the segment registers: loading a selector into GS clears its base. */
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_GS_BASE, (uintptr_t)area);
}
