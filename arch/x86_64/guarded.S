/*
 * bool guarded_call(rdi access, rsi arg, rdx resume_sp)
 *
 * Stores the stack pointer to *resume_sp and calls access(arg). The fault
 * handler returns to guarded_fault with that stack pointer.
 */
	.text

	.balign	16
	.globl	guarded_call
	.hidden	guarded_call
	.type	guarded_call, @function
guarded_call:
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushq	%rdx
	movq	%rsp, (%rdx)
	movq	%rdi, %rax
	movq	%rsi, %rdi
	call	*%rax
	xorl	%eax, %eax
	jmp	1f
	.globl	guarded_fault
	.hidden	guarded_fault
guarded_fault:
	cld
	movl	$1, %eax
1:	popq	%rdx
	movq	$0, (%rdx)
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
	.size	guarded_call, . - guarded_call

	.section .note.GNU-stack, "", @progbits
