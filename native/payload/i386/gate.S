/*
 * gate.S - where a dynamic linker jumps to in place of the program's entry, when all libraries are mapped: the word that
 * tells it where the program begins (AT_ENTRY, on the stack) leads here.
 *
 * The word is put back, for the program may look at it. The system call, which does nothing, is a stop for whoever traces
 * the program; to others it is none. Then the program begins, with its stack, flags and registers as the linker has left
 * them, but for eax and ecx, which are promised to no program. In edi glibc's linker still has the address that it jumps
 * to; our pages may be gone by the time somebody looks for it there.
 */
#include "../machine.h"

/* struct ts_gate, from ecx. */
#define ENTRY ts_params + 0xfd0 - 1b(%ecx)
#define WORD ts_params + 0xfd8 - 1b(%ecx)

	.text
	.globl	ts_gate, ts_gate_called
	.hidden	ts_gate, ts_gate_called
	.type	ts_gate, %function
ts_gate:
	pushfl
	pushl	%edx
	pushl	%ebx
	call	1f
1:	popl	%ecx
	movl	ENTRY, %edx
	leal	ts_gate - 1b(%ecx), %eax
	cmpl	%eax, %edi
	cmovel	%edx, %edi
	movl	WORD, %eax
	testl	%eax, %eax
	jz	2f				/* somebody comes by a second time */
	movl	%edx, (%eax)
2:	movl	$-1, %ebx
	movl	$NR_close, %eax
	int	$0x80
ts_gate_called:
	popl	%ebx
	popl	%edx
	popfl
	movl	$0, WORD
	jmpl	*ENTRY

	.section .note.GNU-stack, "", %progbits
