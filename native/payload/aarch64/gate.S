/*
 * gate.S - where a dynamic linker jumps to in place of the program's entry, when all libraries are mapped: the word that
 * tells it where the program begins (AT_ENTRY, on the stack) leads here.
 *
 * The word is put back, for the program may look at it. The system call, which does nothing, is a stop for whoever traces
 * the program; to others it is none. Then the program begins, with its stack, flags and registers as the linker has left
 * them, but for x16 and x17, which are promised to no function. In x21 glibc's linker still has the address that it jumps
 * to; our pages may be gone by the time somebody looks for it there.
 */
#include "../machine.h"

#define GATE ts_params + 0xfd0	/* struct ts_gate: entry, word */

	.text
	.balign	4
	.globl	ts_gate, ts_gate_called
	.hidden	ts_gate, ts_gate_called
	.type	ts_gate, %function
ts_gate:
	stp	x0, x8, [sp, #-16]!
	adr	x16, GATE
	ldr	x17, [x16]
	adr	x0, ts_gate
	sub	x0, x0, x21
	cbnz	x0, 1f
	mov	x21, x17
1:	ldr	x0, [x16, #8]
	cbz	x0, 2f			/* somebody comes by a second time */
	str	x17, [x0]
2:	mov	x0, #-1
	mov	x8, #NR_close
	svc	#0
ts_gate_called:
	ldp	x0, x8, [sp], #16
	str	xzr, [x16, #8]
	br	x17			/* where branches are guarded, it goes to a function from here */

	.section .note.GNU-stack, "", %progbits
