/*
 * gate.S - where a dynamic linker jumps to in place of the program's entry, when all libraries are mapped: the word that
 * tells it where the program begins (AT_ENTRY, on the stack) leads here.
 *
 * The word is put back, for the program may look at it. The system call, which does nothing, is a stop for whoever traces
 * the program; to others it is none. Then the program begins, with its stack, registers and flags as the linker has left
 * them, but for the registers that a system call changes: what rax, rcx and r11 are is promised to no program. In r12
 * glibc's linker still has the address that it jumps to; our pages may be gone by the time somebody looks for it there.
 */
#include "../machine.h"

#define ENTRY ts_params + 0xfd0(%rip)	/* struct ts_gate */
#define WORD ts_params + 0xfd8(%rip)

	.text
	.globl	ts_gate, ts_gate_called
	.hidden	ts_gate, ts_gate_called
	.type	ts_gate, %function
ts_gate:
	pushfq
	movq	ENTRY, %rax
	leaq	ts_gate(%rip), %rcx
	cmpq	%rcx, %r12
	cmoveq	%rax, %r12
	movq	WORD, %rcx
	jrcxz	1f			/* somebody comes by a second time */
	movq	%rax, (%rcx)
1:	pushq	%rdi
	movl	$-1, %edi
	movl	$NR_close, %eax
	syscall
ts_gate_called:
	popq	%rdi
	popfq
	movq	$0, WORD
	jmpq	*ENTRY

	.section .note.GNU-stack, "", %progbits
