/* What differs from machine to machine, of trying out system calls. */
#ifndef TIMESKEW_VICTIM_CALLS_MACHINE_H
#define TIMESKEW_VICTIM_CALLS_MACHINE_H

#include <stdint.h>

#define SITE_BYTES 64

#if defined(__x86_64__)

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14, R15, RSP, REGISTERS };

#define ARGUMENT_REGISTERS {RDI, RSI, RDX, R10, R8, R9}
#define NUMBER_REGISTER RAX
#define RESULT_REGISTER RAX
#define STACK_POINTER RSP
#define CHANGED_BY_KERNEL (1u << RCX | 1u << R11)
#define VECTORS 16
#define CHECKED_FLAGS 0x400u /* the direction flag */
#define EXPECTED_FLAGS 0u
#define RED_ZONE 128
#define STACK_UNIT 1
#define BELOW_TOP 16       /* what run_machine leaves at the top: two words */
#define POINTER_AT_SITE 24 /* and a return address */
#define SPOILT 8           /* run_machine has jumped by a word that it has put there */

#elif defined(__aarch64__)

enum { X0 = 0, X8 = 8, X16 = 16, SP = 31, REGISTERS };

#define ARGUMENT_REGISTERS {0, 1, 2, 3, 4, 5}
#define NUMBER_REGISTER X8
#define RESULT_REGISTER X0
#define STACK_POINTER SP
#define CHANGED_BY_KERNEL (1u << 30) /* the return address */
#define VECTORS 32
#define CHECKED_FLAGS 0xf0000000u
#define EXPECTED_FLAGS 0xa0000000u /* N and C */
#define RED_ZONE 8 /* there is none, but Go keeps its frame pointer there */
#define STACK_UNIT 16
#define BELOW_TOP 16
#define POINTER_AT_SITE 16
#define SPOILT 0

#endif

/* All registers before and after; the first ones by the numbers above. */
struct machine {
	uint64_t in[REGISTERS];
	uint64_t site;
	uint8_t vectors[VECTORS][16];
	uint64_t out[REGISTERS], flags;
	uint8_t vectors_out[VECTORS][16];
};

/* Loads the registers and goes to the site, once. */
void run_machine(struct machine *machine);

/* Where a jump to a site comes from, in a register or beside. */
static inline void set_site(struct machine *machine, uint64_t site)
{
	machine->site = site;
#if defined(__aarch64__)
	machine->in[X16] = site;
#endif
}

/* A system call that begins with a jump to a thunk, one that does not, and where the original functions are called. */
void put_site(uint8_t *site, unsigned free, const uint64_t *enter);
void put_plain_site(uint8_t *site);
void put_trampoline(uint8_t *at, uint64_t target);

#endif
