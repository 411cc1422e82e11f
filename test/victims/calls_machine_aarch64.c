/* How a known state is loaded on arm64, and the code of a site with its thunk. */
#ifdef __aarch64__
#include "calls.h"
#include "calls_machine.h"

#include <stddef.h>
#include <string.h>

_Static_assert(offsetof(struct machine, site) == 256 && offsetof(struct machine, vectors) == 264, "run_machine");
_Static_assert(offsetof(struct machine, out) == 776 && offsetof(struct machine, flags) == 1032, "run_machine");
_Static_assert(offsetof(struct machine, vectors_out) == 1040, "run_machine");

/*
 * Goes to another stack, on top of which it leaves its own stack pointer and the machine's address, loads everything,
 * and comes to the site, whose address is in x16, with a return address in x30.
 */
__asm__(".text\n"
	".globl run_machine\n"
	".type run_machine, %function\n"
	"run_machine:\n"
	"	stp x19, x20, [sp, #-160]!\n"
	"	stp x21, x22, [sp, #16]; stp x23, x24, [sp, #32]; stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]; stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]; stp d10, d11, [sp, #112]; stp d12, d13, [sp, #128]; stp d14, d15, [sp, #144]\n"
	"	ldr x1, [x0, #248]\n"
	"	mov x2, sp\n"
	"	stp x2, x0, [x1, #-16]!\n"
	"	mov sp, x1\n"
	"	add x1, x0, #264\n"
	"	.irp n, 0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30\n"
	"	ldr q\\n, [x1], #16\n"
	"	.endr\n"
	"	add x1, x0, #264 + 256\n"
	"	.irp n, 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31\n"
	"	ldr q\\n, [x1], #16\n"
	"	.endr\n"
	"	mov w1, #0xa0000000\n"
	"	msr nzcv, x1\n"
	"	.irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29\n"
	"	ldr x\\n, [x0, #8 * \\n]\n"
	"	.endr\n"
	"	ldr x0, [x0]\n"
	"	adr x30, 1f\n"
	"	br x16\n"
	"1:	ldr x30, [sp, #8]\n"
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29\n"
	"	str x\\n, [x30, #776 + 8 * \\n]\n"
	"	.endr\n"
	"	mov x0, x30\n"
	"	mov x1, sp\n"
	"	str x1, [x0, #776 + 248]\n"
	"	mrs x1, nzcv\n"
	"	str x1, [x0, #1032]\n"
	"	add x1, x0, #1040\n"
	"	.irp n, 0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30\n"
	"	str q\\n, [x1], #16\n"
	"	.endr\n"
	"	add x1, x0, #1040 + 256\n"
	"	.irp n, 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31\n"
	"	str q\\n, [x1], #16\n"
	"	.endr\n"
	"	ldr x1, [sp]\n"
	"	mov sp, x1\n"
	"	ldp x21, x22, [sp, #16]; ldp x23, x24, [sp, #32]; ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]; ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]; ldp d10, d11, [sp, #112]; ldp d12, d13, [sp, #128]; ldp d14, d15, [sp, #144]\n"
	"	ldp x19, x20, [sp], #160\n"
	"	ret\n");

#define SVC 0xd4000001u
#define RET 0xd65f03c0u
#define NOP 0xd503201fu

enum { TO_SYSCALL = 1, TO_THUNK = 4 }; /* instructions */

static uint32_t jump(int from, int to)
{
	return 0x14000000u | ((uint32_t)(to - from) & 0x3ffffffu);
}

/* The words that src/machine/aarch64/thunk.ts makes; the instruction that the jump has replaced is a nop. */
void put_site(uint8_t *site, unsigned free, const uint64_t *enter)
{
	int64_t literal = (int64_t)(P(enter) - P(site)) / 4 - (TO_THUNK + 2);
	const uint32_t words[] = {
		jump(0, TO_THUNK), SVC, RET, NOP,
		NOP,
		0xf81e0ffeu,                                     /* str x30, [sp, #-32]! */
		0x5800001eu | ((uint32_t)literal & 0x7ffffu) << 5, /* ldr x30, enter */
		0xd63f03c0u,                                     /* blr x30 */
		0xf94007feu,                                     /* ldr x30, [sp, #8] */
		0xb500007eu,                                     /* cbnz x30, .+12 */
		0xf84207feu,                                     /* ldr x30, [sp], #32 */
		jump(11, TO_SYSCALL),
		0xf84207feu,
		jump(13, TO_SYSCALL + 1),
		free,
	};

	memcpy(site, words, sizeof(words));
}

void put_plain_site(uint8_t *site)
{
	memcpy(site, (const uint32_t[]){NOP, SVC, RET}, 12);
}

/* ldr x16, .+8; br x16 */
void put_trampoline(uint8_t *at, uint64_t target)
{
	memcpy(at, (const uint32_t[]){0x58000050u, 0xd61f0200u}, 8);
	memcpy(at + 8, &target, 8);
}
#endif
