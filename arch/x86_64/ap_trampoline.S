/*
 * Where a CPU begins after INIT and SIPI: real mode, at a page below 1 MiB.
 *
 * smp_start.c copies this page there and fills the parameters. The CPU goes through
 * 32-bit protected mode to 64-bit mode on a temporary root table that maps this
 * page at its own address, beside the kernel's high half, and jumps to the
 * kernel. What is written here is written before paging is on, so the page is
 * mapped read-execute.
 *
 * The parameters are one CPU's. It claims them by exchanging its APIC id for
 * CLAIMED, once. A CPU that comes late finds another id, or none, and stops here:
 * two CPUs never share a stack, and nobody walks tables that were given back.
 */
#include "arch/x86_64/layout.h"

#include "arch/x86_64/ap_trampoline.h"

#define AT(symbol)	(symbol - ap_trampoline_start)

#define CR0_PROTECTED	0x1
#define EFER		0xc0000080
#define SELECTOR_CODE32	0x08
#define SELECTOR_DATA	0x10
#define SELECTOR_CODE64	0x18

	.section .rodata.trampoline, "a", @progbits
	.balign	16
	.globl	ap_trampoline_start, ap_trampoline_end, ap_parameters
	.hidden	ap_trampoline_start, ap_trampoline_end, ap_parameters

	.code16
ap_trampoline_start:
	cli
	cld
	movw	%cs, %ax
	movw	%ax, %ds
	xorl	%ebp, %ebp
	movw	%ax, %bp
	shll	$4, %ebp		/* where this page is */
	lgdtl	AT(gdt_register)
	movl	%cr0, %eax
	orl	$CR0_PROTECTED, %eax
	movl	%eax, %cr0
	ljmpl	*AT(far_32)

	.code32
in_32:
	movw	$SELECTOR_DATA, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	/* The id the APIC had after reset: leaf 11 where there is one, else 8 bits of leaf 1. */
	movl	$1, %eax
	cpuid
	movl	%ebx, %esi
	shrl	$24, %esi
	xorl	%eax, %eax
	cpuid
	cmpl	$11, %eax
	jb	1f
	movl	$11, %eax
	xorl	%ecx, %ecx
	cpuid
	testl	%ebx, %ebx		/* 0: the leaf is there but says nothing */
	jz	1f
	movl	%edx, %esi
	/* Lost by tests: the first that come stay here, as if the call had not reached them. */
1:	cmpl	$0, AT(nr_to_lose)(%ebp)
	je	1f
	lock decl AT(nr_to_lose)(%ebp)
	jmp	3f
	/* Held by tests: late before it claims. */
1:	pause
	cmpl	$0, AT(hold_before_claim)(%ebp)
	jne	1b
	movl	%esi, %eax
	movl	$AP_CLAIMED, %ecx
	lock cmpxchgl %ecx, AT(parameter_apic_id)(%ebp)
	jne	not_called
	/* Held by tests: late after it claimed. */
2:	pause
	cmpl	$0, AT(hold_after_claim)(%ebp)
	jne	2b
	movl	AT(parameter_cr4)(%ebp), %eax
	movl	%eax, %cr4
	movl	AT(parameter_cr3)(%ebp), %eax
	movl	%eax, %cr3
	movl	$EFER, %ecx
	movl	AT(parameter_efer)(%ebp), %eax
	xorl	%edx, %edx
	wrmsr
	movl	AT(parameter_cr0)(%ebp), %eax
	movl	%eax, %cr0		/* paging on: long mode is active */
	ljmpl	*AT(far_64)(%ebp)

not_called:
	lock incl AT(nr_refused)(%ebp)
3:	cli
	hlt
	jmp	3b

	.code64
in_64:
	movl	%ebp, %ebx
	movq	AT(parameter_stack)(%rbx), %rsp
	movq	AT(parameter_argument)(%rbx), %rdi
	movq	AT(parameter_entry)(%rbx), %rax
	xorl	%ebp, %ebp
	pushq	$0			/* ends backtraces */
	jmp	*%rax

	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* 32-bit code */
	.quad	0x00cf93000000ffff	/* data */
	.quad	0x00af9b000000ffff	/* 64-bit code */
gdt_end:

	/* struct ap_parameters of ap_trampoline.h. */
	.balign	8
ap_parameters:
parameter_entry:	.quad 0
parameter_stack:	.quad 0
parameter_argument:	.quad 0
parameter_cr0:		.long 0
parameter_cr3:		.long 0
parameter_cr4:		.long 0
parameter_efer:		.long 0
parameter_apic_id:	.long AP_NOBODY
hold_before_claim:	.long 0
hold_after_claim:	.long 0
nr_refused:		.long 0
nr_to_lose:		.long 0
			.long 0
	/* Addresses relative to this page; smp.c adds where it lies. */
gdt_register:		.word gdt_end - gdt - 1
			.long AT(gdt)
			.word 0
far_32:			.long AT(in_32)
			.word SELECTOR_CODE32, 0
far_64:			.long AT(in_64)
			.word SELECTOR_CODE64, 0
ap_trampoline_end:

	.section .note.GNU-stack, "", @progbits
