/* How a known state is loaded on x86-64, and the code of a site with its thunk. */
#ifdef __x86_64__
#include "calls.h"
#include "calls_machine.h"

#include <stddef.h>
#include <string.h>

#define TO_SYSCALL 5
#define TO_THUNK 16

_Static_assert(offsetof(struct machine, site) == 128 && offsetof(struct machine, vectors) == 136, "run_machine");
_Static_assert(offsetof(struct machine, out) == 392 && offsetof(struct machine, flags) == 520, "run_machine");
_Static_assert(offsetof(struct machine, vectors_out) == 528, "run_machine");

/*
 * Goes to another stack, on top of which it leaves the machine's address and its own stack pointer, loads everything,
 * and comes to the site with a return address on the stack, as a function's `syscall` has it.
 */
__asm__(".text\n"
	".globl run_machine\n"
	".type run_machine, @function\n"
	"run_machine:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov 120(%rdi), %rax\n"
	"	mov %rsp, -8(%rax)\n"
	"	mov %rdi, -16(%rax)\n"
	"	lea -16(%rax), %rsp\n"
	"	lea 1f(%rip), %rax\n"
	"	push %rax\n"
	"	push 128(%rdi)\n"
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	movups 136+16*\\n(%rdi), %xmm\\n\n"
	"	.endr\n"
	"	mov 0(%rdi), %rax; mov 8(%rdi), %rbx; mov 16(%rdi), %rcx; mov 24(%rdi), %rdx\n"
	"	mov 32(%rdi), %rsi; mov 48(%rdi), %rbp; mov 56(%rdi), %r8; mov 64(%rdi), %r9\n"
	"	mov 72(%rdi), %r10; mov 80(%rdi), %r11; mov 88(%rdi), %r12; mov 96(%rdi), %r13\n"
	"	mov 104(%rdi), %r14; mov 112(%rdi), %r15; mov 40(%rdi), %rdi\n"
	"	ret\n"
	"1:	xchg %rdi, (%rsp)\n"
	"	mov %rax, 392(%rdi); mov %rbx, 400(%rdi); mov %rcx, 408(%rdi); mov %rdx, 416(%rdi)\n"
	"	mov %rsi, 424(%rdi); mov %rbp, 440(%rdi); mov %r8, 448(%rdi); mov %r9, 456(%rdi)\n"
	"	mov %r10, 464(%rdi); mov %r11, 472(%rdi); mov %r12, 480(%rdi); mov %r13, 488(%rdi)\n"
	"	mov %r14, 496(%rdi); mov %r15, 504(%rdi); mov %rsp, 512(%rdi)\n"
	"	mov (%rsp), %rax; mov %rax, 432(%rdi)\n"
	"	pushf; pop %rax; mov %rax, 520(%rdi); cld\n"
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	movups %xmm\\n, 528+16*\\n(%rdi)\n"
	"	.endr\n"
	"	mov 8(%rsp), %rsp\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n");

static uint8_t *put_relative(uint8_t *at, const char *opcode, size_t length, const void *target)
{
	int32_t distance;

	memcpy(at, opcode, length);
	at += length;
	distance = (int32_t)((const uint8_t *)target - (at + 4));
	memcpy(at, &distance, 4);
	return at + 4;
}

/* The bytes that src/machine/x86_64/thunk.ts makes, for `mov eax, number; syscall` whose number is in rax already. */
void put_site(uint8_t *site, unsigned free, const uint64_t *enter)
{
	uint8_t *at = site + TO_THUNK;

	put_relative(site, "\xe9", 1, at);
	memcpy(site + TO_SYSCALL, "\x0f\x05\xc3", 3);
	memcpy(at, "\x48\x8d\x64\x24\x80\x68", 6); /* lea rsp, [rsp-128]; push FREE */
	memcpy(at + 6, &free, 4);
	at = put_relative(at + 10, "\xff\x15", 2, enter); /* call [rip+enter] */
	memcpy(at, "\x48\x8d\xa4\x24\x88\0\0\0\x72\x05", 10); /* lea rsp, [rsp+136]; jc */
	at = put_relative(at + 10, "\xe9", 1, site + TO_SYSCALL);
	put_relative(at, "\xe9", 1, site + TO_SYSCALL + 2);
}

void put_plain_site(uint8_t *site)
{
	memcpy(site, "\x0f\x1f\x44\0\0\x0f\x05\xc3", 8); /* nop; syscall; ret */
}

/* jmp [rip]: calling the original function is calling this. */
void put_trampoline(uint8_t *at, uint64_t target)
{
	memcpy(at, "\xff\x25\0\0\0\0", 6);
	memcpy(at + 6, &target, 8);
}
#endif
