/*
 * enter.S - where the thunks call, in front of a system call of the program. On the stack, from the top: the red zone,
 * which of the argument registers are free, the return address into the thunk.
 *
 * ts_enter answers by the carry flag: clear, make the call; set, it is made, and rax is its result. It may change rax,
 * rcx and r11, which the kernel changes, too, and free argument registers. The C code is compiled to leave rbx, rbp and
 * r12 to r15 alone (build.mjs). Every call returns to where it came from, as shadow stacks demand, and the stack is as
 * aligned as the caller left it.
 */
#include "../machine.h"

	.text
	.globl	ts_enter, ts_make
	.hidden	ts_enter, ts_make
	.type	ts_enter, %function
ts_enter:
	/* The kernel, too, takes 32 bits for the number. */
	movl	%eax, %ecx
	cmpl	$TS_LAST_CALL, %ecx
	ja	1f
	leaq	ts_rules(%rip), %r11
	testb	$0xff, (%r11, %rcx)
	jnz	2f
1:	clc
	ret
2:	/* struct ts_call */
	pushq	%r9
	pushq	%r8
	pushq	%r10
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rax
	movq	%rsp, %rdi
	call	ts_translate
	movl	%eax, %ecx
	popq	%rax
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%r10
	popq	%r8
	popq	%r9
	negl	%ecx			/* carry: not 0 */
	ret

	.type	ts_make, %function
ts_make:
	pushq	%rdi
	movq	(%rdi), %rax
	movq	16(%rdi), %rsi
	movq	24(%rdi), %rdx
	movq	32(%rdi), %r10
	movq	40(%rdi), %r8
	movq	48(%rdi), %r9
	movq	8(%rdi), %rdi
	syscall
	popq	%rdi
	ret

	.section .note.GNU-stack, "", %progbits
