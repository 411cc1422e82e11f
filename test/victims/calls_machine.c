/* One system call, with a known value in every register, and a stack that shows who was there. */
#define _GNU_SOURCE
#include "calls.h"
#include "calls_machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAINTED 2048
#define PAINT 0xa5
/* Go makes system calls with 800 bytes left on a goroutine's stack, of which its own functions take up to 216. */
#define MOST_STACK 576

static const int argument_registers[ARGUMENTS] = ARGUMENT_REGISTERS;
static uint8_t *sites;

void build_sites(uint64_t ts_enter)
{
	uint64_t *enter;

	sites = mmap(NULL, (PLAIN + 2) * SITE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sites == MAP_FAILED)
		exit(1);
	enter = (uint64_t *)(sites + (PLAIN + 1) * SITE_BYTES);
	*enter = ts_enter;
	for (unsigned free = 0; free <= ALL_FREE; free++)
		put_site(sites + free * SITE_BYTES, free, enter);
	put_plain_site(sites + PLAIN * SITE_BYTES);
	if (mprotect(sites, (PLAIN + 2) * SITE_BYTES, PROT_READ | PROT_EXEC))
		exit(1);
	__builtin___clear_cache((char *)sites, (char *)enter);
}

uint64_t site_of(unsigned free)
{
	return P(sites + free * SITE_BYTES);
}

int is_hidden(unsigned argument)
{
	return argument_registers[argument] == RESULT_REGISTER;
}

/* What the result stands in is not seen as an argument. */
static void check_registers(struct caller *caller, const uint64_t arguments[ARGUMENTS])
{
	struct machine *machine = &caller->machine;
	uint64_t expected[REGISTERS];

	memcpy(expected, machine->in, sizeof(expected));
	expected[STACK_POINTER] -= BELOW_TOP;
	expected[RESULT_REGISTER] = machine->out[RESULT_REGISTER];
	caller->changed = 0;
	for (int i = 0; i < ARGUMENTS; i++) {
		int hidden = is_hidden((unsigned)i);
		uint64_t now = hidden ? arguments[i] : machine->out[argument_registers[i]];

		caller->argument[i] = now;
		if (now != arguments[i])
			caller->changed |= 1ull << i;
		if (!hidden)
			expected[argument_registers[i]] = now;
	}
	check((caller->changed & ~(uint64_t)caller->free) == 0, "arguments %#lx were changed", caller->changed);
	for (int i = 0; i < REGISTERS; i++)
		if (!(CHANGED_BY_KERNEL >> i & 1))
			check(machine->out[i] == expected[i], "register %d is %#lx, was %#lx", i, machine->out[i], expected[i]);
	check(memcmp(machine->vectors, machine->vectors_out, sizeof(machine->vectors)) == 0, "vector registers changed");
	check((machine->flags & CHECKED_FLAGS) == EXPECTED_FLAGS, "the flags are %#lx", machine->flags);
}

/* The red zone below the caller's stack pointer is the caller's; what was used below that is measured. */
static void check_used(struct caller *caller, const uint8_t *pointer)
{
	const uint8_t *lowest = pointer - PAINTED;
	unsigned depth, intact = 1;

	for (const uint8_t *at = pointer - RED_ZONE; at < pointer - SPOILT; at++)
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
	uint8_t *top = caller->stack + sizeof(caller->stack) - caller->misaligned / STACK_UNIT * STACK_UNIT;
	uint8_t *pointer = top - POINTER_AT_SITE;

	for (int i = 0; i < REGISTERS; i++)
		machine->in[i] = 0x0101010101010101ull * (unsigned)(i + 1) ^ P(caller);
	memset(machine->vectors, 0x5e, sizeof(machine->vectors));
	memset(machine->vectors_out, 0, sizeof(machine->vectors_out));
	machine->in[NUMBER_REGISTER] = (uint64_t)number;
	machine->in[STACK_POINTER] = P(top);
	for (int i = 0; i < ARGUMENTS; i++)
		machine->in[argument_registers[i]] = arguments[i];
	set_site(machine, site_of(caller->free));
	if (caller->check_stack)
		memset(pointer - PAINTED, PAINT, PAINTED);
	run_machine(machine);
	check_registers(caller, arguments);
	if (caller->check_stack)
		check_used(caller, pointer);
	return (long)machine->out[RESULT_REGISTER];
}
