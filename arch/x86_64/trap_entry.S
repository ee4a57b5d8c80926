/*
 * Entries of exceptions and interrupts.
 *
 * Each vector has a stub of TRAP_STUB_BYTES that pushes a zero where the
 * processor pushes no error code, then its number. The rest is common: save
 * the registers as struct trap_frame, align the stack, call trap_dispatch().
 * The kernel never leaves ring 0, so GS base is always right and nothing is
 * swapped.
 */
#include "arch/x86_64/trap_frame.h"

	.text

	.balign	TRAP_STUB_BYTES
	.globl	trap_stubs
	.hidden	trap_stubs
trap_stubs:
	.set	vector, 0
	.rept	NR_VECTORS
	.balign	TRAP_STUB_BYTES
	/* Vectors with an error code of the processor's own: SDM 3A, 6.13. */
	.if !((vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || \
	      (vector == 21) || (vector == 29) || (vector == 30))
	pushq	$0
	.endif
	pushq	$vector
	jmp	common
	.set	vector, vector + 1
	.endr

	.balign	16
common:
	pushq	%rax
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rbp
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	cld
	movq	%rsp, %rdi
	movq	%rsp, %rbx		/* the frame, kept over the call */
	andq	$-16, %rsp
	call	trap_dispatch
	movq	%rbx, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rbp
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rbx
	popq	%rax
	addq	$16, %rsp		/* vector and error code */
	iretq

	.section .note.GNU-stack, "", @progbits
