/*
 * i386/machine.h - see ../machine.h. 32-bit programs on an x86-64 kernel.
 *
 * 64-bit divisions are functions (divide.c). All calls that are translated are made by the payload (vsyscall.S), so no
 * argument register is free, and no timespec needs a place beyond the stack.
 */
#define TS_ELF_MACHINE 3 /* EM_386 */
#define TS_HAS_TIME 1    /* the vDSO has time() */
#define TS_OLD_CALLS 1   /* calls with 32 bits for seconds (given.h), and calls that stand for several (multiplexed.c) */
#define TS_LAST_CALL NR_futex_waitv

#include "numbers.h"

#ifdef __ASSEMBLER__

	.macro fill_with_traps bytes
	.fill	\bytes, 1, 0xcc	/* int3 */
	.endm

#else

#include "../quotient.h"

static inline long system_call(int number, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "0"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
  return result;
}

/* A system call of the program, as vsyscall.S puts it on the stack. */
struct ts_call {
  long number;       /* eax: which call; once it is made, its result */
  uintptr_t args[6]; /* ebx ecx edx esi edi ebp */
  uintptr_t called;  /* which call, also when it is made */
  uintptr_t free;    /* 0: see above */
  uintptr_t socket;  /* which of socketcall's this is, with its arguments in args; or 0 */
};

#endif
