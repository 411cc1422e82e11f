/*
 * aarch64/machine.h - see ../machine.h.
 */
#define TS_ELF_MACHINE 183 /* EM_AARCH64 */
#define TS_LAST_CALL 511   /* ts_enter compares by a shift, which changes no flags */
#define TS_IN_PLACE 1     /* the program makes most translated calls by its own instruction */

#include "numbers.h"

#ifdef __ASSEMBLER__

	.macro fill_with_traps bytes
	.fill	\bytes / 4, 4, 0xd4200000	/* brk #0 */
	.endm

#else

#include "../quotient.h"

static inline long system_call(int number, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d) {
  register uint64_t x8 __asm__("x8") = (uint64_t)number;
  register uint64_t x0 __asm__("x0") = a;
  register uint64_t x1 __asm__("x1") = b;
  register uint64_t x2 __asm__("x2") = c;
  register uint64_t x3 __asm__("x3") = d;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return (int64_t)x0;
}

/* Everything below the caller's stack pointer, as thunk and ts_enter put it there. */
struct ts_call {
  int64_t number;     /* x8: which call; once it is made, its result */
  uint64_t args[6];   /* x0 .. x5 */
  uint64_t free;      /* bit n: nobody reads the register of argument n after the call */
  uint64_t saved[14]; /* x6 x7 x9 .. x15, flags, x30 (into the thunk), x8, x16 x17 */
  uint64_t link;      /* x30: the program's */
  uint64_t is_made;   /* for the thunk: see enter.S */
  uint64_t below[2];  /* the program's stack pointer: unused, and Go's frame pointer */
};

/*
 * Changes two aligned words, if they are as expected. By exclusive accesses: not every processor has one instruction
 * for it. A look that is torn, which those permit, is a change that fails.
 */
static inline int ts_exchange(uint64_t words[2], uint64_t first, uint64_t second, uint64_t new_first,
                              uint64_t new_second) {
  uint64_t found_first, found_second;
  uint32_t failed;
  __asm__ volatile("1:	ldaxp	%[found_first], %[found_second], [%[words]]\n\t"
                   "cmp	%[found_first], %[first]\n\t"
                   "ccmp	%[found_second], %[second], #0, eq\n\t"
                   "b.ne	2f\n\t"
                   "stlxp	%w[failed], %[new_first], %[new_second], [%[words]]\n\t"
                   "cbnz	%w[failed], 1b\n"
                   "2:	cset	%w[failed], ne"
                   : [found_first] "=&r"(found_first), [found_second] "=&r"(found_second), [failed] "=&r"(failed)
                   : [words] "r"(words), [first] "r"(first), [second] "r"(second), [new_first] "r"(new_first),
                     [new_second] "r"(new_second)
                   : "cc", "memory");
  return !failed;
}

#endif
