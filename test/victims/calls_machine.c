/* One system call, with a known value in every register, and a stack that shows who was there. */
#define _GNU_SOURCE
#include "calls.h"

#include <stddef.h>
#include <string.h>

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14, R15, RSP };

#define DIRECTION_FLAG 0x400u
#define RED_ZONE 128
#define PAINTED 2048
#define PAINT 0xa5
/* Go makes system calls with 800 bytes left on a goroutine's stack, of which its own functions take up to 216. */
#define MOST_STACK 576

static const int argument_registers[ARGUMENTS] = {RDI, RSI, RDX, R10, R8, R9};

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

static void check_registers(struct caller *caller, const uint64_t arguments[ARGUMENTS])
{
	struct machine *machine = &caller->machine;
	uint64_t expected[16];

	memcpy(expected, machine->in, sizeof(expected));
	expected[RSP] -= 16;
	caller->changed = 0;
	for (int i = 0; i < ARGUMENTS; i++) {
		uint64_t now = machine->out[argument_registers[i]];

		caller->argument[i] = now;
		if (now != arguments[i])
			caller->changed |= 1ull << i;
		expected[argument_registers[i]] = now;
	}
	check((caller->changed & ~(uint64_t)caller->free) == 0, "arguments %#lx were changed", caller->changed);
	for (int i = 0; i < 16; i++)
		if (i != RAX && i != RCX && i != R11)
			check(machine->out[i] == expected[i], "register %d is %#lx, was %#lx", i, machine->out[i], expected[i]);
	check(memcmp(machine->vectors, machine->vectors_out, sizeof(machine->vectors)) == 0, "vector registers changed");
	check(!(machine->flags & DIRECTION_FLAG), "the direction flag is set");
}

/* The red zone below the caller's stack pointer is the caller's; what was used below that is measured. */
static void check_used(struct caller *caller, const uint8_t *pointer)
{
	const uint8_t *lowest = pointer - PAINTED;
	unsigned depth, intact = 1;

	for (const uint8_t *at = pointer - RED_ZONE; at < pointer - 8; at++)
		intact &= *at == PAINT;
	check(intact, "the red zone was written to");
	while (lowest < pointer - RED_ZONE && *lowest == PAINT)
		lowest++;
	depth = (unsigned)(pointer - lowest);
	if (depth == RED_ZONE)
		return;
	if (depth > caller->deepest)
		caller->deepest = depth;
	check(depth <= MOST_STACK, "%u bytes of stack were used", depth);
}

long make_call(struct caller *caller, long number, const uint64_t arguments[ARGUMENTS])
{
	struct machine *machine = &caller->machine;
	uint8_t *top = caller->stack + sizeof(caller->stack) - caller->misaligned;
	uint8_t *pointer = top - 24; /* at the site: below run_machine's two words is the return address */

	for (int i = 0; i < 16; i++)
		machine->in[i] = 0x0101010101010101ull * (unsigned)(i + 1) ^ P(caller);
	memset(machine->vectors, 0x5e, sizeof(machine->vectors));
	memset(machine->vectors_out, 0, sizeof(machine->vectors_out));
	machine->in[RAX] = (uint64_t)number;
	machine->in[RSP] = P(top);
	for (int i = 0; i < ARGUMENTS; i++)
		machine->in[argument_registers[i]] = arguments[i];
	machine->site = site_of(caller->free);
	if (caller->check_stack)
		memset(pointer - PAINTED, PAINT, PAINTED);
	run_machine(machine);
	check_registers(caller, arguments);
	if (caller->check_stack)
		check_used(caller, pointer);
	return (long)machine->out[RAX];
}
