/*
 * enter.S - where the thunks call, in front of a system call of the program. A thunk:
 *
 *	(what the jump to it has replaced, up to the svc)
 *	str	x30, [sp, #-32]!	// there is no red zone, but Go keeps its frame pointer in the word right below sp
 *	ldr	x30, enter		// the address of ts_enter
 *	blr	x30
 *	ldr	x30, [sp, #8]		// the answer. 0: make the call; 1: it is made, and x0 is its result
 *	cbnz	x30, 1f
 *	ldr	x30, [sp], #32
 *	b	(the svc)
 * 1:	ldr	x30, [sp], #32
 *	b	(behind the svc)
 *	.word	(which of the argument registers are free)
 *
 * ts_enter keeps all registers, flags included, but x0 once the call is made, and free argument registers. The C code is
 * compiled to leave x18 to x29 alone (build.mjs). Every call returns to where it came from, as
 * guarded control stacks demand.
 */
#include "../machine.h"

#define FREE 24		/* from the return address */
#define SLOT 32		/* what a thunk takes of the stack */

/* Offsets in struct ts_call. */
#define NUMBER 0
#define ARGS 8
#define SAVED 64	/* x6 x7 x9 .. x15, flags, x30, x8, x16 x17 */
#define IS_MADE 184
#define SIZE 208

	.text
	.balign	4
	.globl	ts_enter, ts_make
	.hidden	ts_enter, ts_make
	.type	ts_enter, %function
ts_enter:
	stp	x16, x17, [sp, #-16]!
	/* The kernel, too, takes 32 bits for the number. */
	lsr	w16, w8, #9			/* TS_LAST_CALL */
	cbnz	w16, 1f
	adr	x16, ts_rules
	ldrb	w16, [x16, w8, uxtw]
	cbnz	w16, 2f
1:	str	xzr, [sp, #16 + 8]
	ldp	x16, x17, [sp], #16
	ret
2:	sub	sp, sp, #SIZE - SLOT - 16
	mrs	x16, nzcv
	ldr	w17, [x30, #FREE]
	stp	x8, x0, [sp, #NUMBER]
	stp	x1, x2, [sp, #ARGS + 8]
	stp	x3, x4, [sp, #ARGS + 24]
	stp	x5, x17, [sp, #ARGS + 40]
	stp	x6, x7, [sp, #SAVED]
	stp	x9, x10, [sp, #SAVED + 16]
	stp	x11, x12, [sp, #SAVED + 32]
	stp	x13, x14, [sp, #SAVED + 48]
	stp	x15, x16, [sp, #SAVED + 64]
	stp	x30, x8, [sp, #SAVED + 80]
	mov	x0, sp
	bl	ts_translate
	and	x0, x0, #1
	str	x0, [sp, #IS_MADE]
	cbnz	x0, 3f
	ldr	x0, [sp, #ARGS]
	b	4f
3:	ldr	x0, [sp, #NUMBER]
4:	ldp	x1, x2, [sp, #ARGS + 8]
	ldp	x3, x4, [sp, #ARGS + 24]
	ldr	x5, [sp, #ARGS + 40]
	ldp	x6, x7, [sp, #SAVED]
	ldp	x9, x10, [sp, #SAVED + 16]
	ldp	x11, x12, [sp, #SAVED + 32]
	ldp	x13, x14, [sp, #SAVED + 48]
	ldp	x15, x16, [sp, #SAVED + 64]
	ldp	x30, x8, [sp, #SAVED + 80]
	msr	nzcv, x16
	add	sp, sp, #SIZE - SLOT - 16
	ldp	x16, x17, [sp], #16
	ret

	.type	ts_make, %function
ts_make:
	ldr	x8, [x0, #NUMBER]
	ldp	x4, x5, [x0, #ARGS + 32]
	ldp	x2, x3, [x0, #ARGS + 16]
	ldp	x0, x1, [x0, #ARGS]
	svc	#0
	ret

	.section .note.GNU-stack, "", %progbits
