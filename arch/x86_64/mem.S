/*
 * memcpy, memmove, memset, memcmp and the string functions of lib/string.h,
 * with the C standard's meanings.
 *
 * Bulk work is done in words of 8 bytes: under instruction counting each
 * iteration of a rep counts as one instruction, so bytes would cost eight
 * times as much, and microcode with fast strings moves either form a cache
 * line at a time. In assembly, because compilers recognise such loops in C and
 * replace them by calls of the very functions they stand in.
 *
 * System V calling convention; the direction flag is clear on entry and exit.
 */
	.text

	.macro function name
	.balign 16
	.globl \name
	.hidden \name
	.type \name, @function
\name:
	.endm

	.macro end_function name
	.size \name, . - \name
	.endm

	/* void *memcpy(rdi to, rsi from, rdx bytes) */
	function memcpy
	movq	%rdi, %rax
forward_copy:
	movq	%rdx, %rcx
	shrq	$3, %rcx
	rep movsq
	movl	%edx, %ecx
	andl	$7, %ecx
	rep movsb
	ret
	end_function memcpy

	/* void *memmove(rdi to, rsi from, rdx bytes) */
	function memmove
	movq	%rdi, %rax
	movq	%rdi, %rcx
	subq	%rsi, %rcx
	cmpq	%rdx, %rcx		/* unsigned: also true when to < from */
	jae	forward_copy
	leaq	-1(%rdi, %rdx), %rdi	/* the destination overlaps the rest: from the end */
	leaq	-1(%rsi, %rdx), %rsi
	std
	movl	%edx, %ecx
	andl	$7, %ecx
	rep movsb
	subq	$7, %rdi
	subq	$7, %rsi
	movq	%rdx, %rcx
	shrq	$3, %rcx
	rep movsq
	cld
	ret
	end_function memmove

	/* void *memset(rdi at, esi value, rdx bytes) */
	function memset
	movq	%rdi, %r8
	movzbl	%sil, %esi
	movabsq	$0x0101010101010101, %rax
	imulq	%rsi, %rax		/* the byte in all eight places */
	movq	%rdx, %rcx
	shrq	$3, %rcx
	rep stosq
	movl	%edx, %ecx
	andl	$7, %ecx
	rep stosb
	movq	%r8, %rax
	ret
	end_function memset

	/* int memcmp(rdi a, rsi b, rdx bytes) */
	function memcmp
	xorl	%ecx, %ecx
1:	leaq	8(%rcx), %r8
	cmpq	%rdx, %r8
	ja	2f			/* fewer than 8 bytes left */
	movq	(%rdi, %rcx), %rax
	cmpq	(%rsi, %rcx), %rax
	jne	2f			/* the bytes decide which differs first */
	movq	%r8, %rcx
	jmp	1b
2:	cmpq	%rdx, %rcx
	je	3f
	movzbl	(%rdi, %rcx), %eax
	movzbl	(%rsi, %rcx), %r8d
	incq	%rcx
	subl	%r8d, %eax
	je	2b
	ret
3:	xorl	%eax, %eax
	ret
	end_function memcmp

	/* size_t strlen(rdi text) */
	function strlen
	xorl	%eax, %eax
1:	cmpb	$0, (%rdi, %rax)
	je	2f
	incq	%rax
	jmp	1b
2:	ret
	end_function strlen

	/* int strcmp(rdi a, rsi b) */
	function strcmp
	movq	$-1, %rdx
	jmp	compare_text
	end_function strcmp

	/* int strncmp(rdi a, rsi b, rdx bytes) */
	function strncmp
compare_text:
	xorl	%ecx, %ecx
1:	cmpq	%rdx, %rcx
	je	2f
	movzbl	(%rdi, %rcx), %eax
	movzbl	(%rsi, %rcx), %r8d
	incq	%rcx
	subl	%r8d, %eax
	jne	3f
	testl	%r8d, %r8d		/* equal and the end of both */
	jne	1b
2:	xorl	%eax, %eax
3:	ret
	end_function strncmp

	/* char *strstr(rdi text, rsi part) */
	function strstr
1:	xorl	%ecx, %ecx
2:	movzbl	(%rsi, %rcx), %eax
	testl	%eax, %eax
	je	4f			/* all of part matched */
	movzbl	(%rdi, %rcx), %r8d
	incq	%rcx
	cmpl	%eax, %r8d
	je	2b
	cmpb	$0, (%rdi)
	je	3f
	incq	%rdi
	jmp	1b
3:	xorl	%eax, %eax
	ret
4:	movq	%rdi, %rax
	ret
	end_function strstr

	.section .note.GNU-stack, "", @progbits
