/*
 * x86_64/machine.h - see ../machine.h.
 */
#define TS_ELF_MACHINE 62 /* EM_X86_64 */
#define TS_HAS_TIME 1     /* the vDSO has time() */
#define TS_LAST_CALL NR_futex_waitv
#define TS_IN_PLACE 1     /* the program makes most translated calls by its own instruction */

#include "numbers.h"

#ifdef __ASSEMBLER__

	.macro fill_with_traps bytes
	.fill	\bytes, 1, 0xcc	/* int3 */
	.endm

#else

#include <stdint.h>

/* high:low / den, where the quotient fits: high < den. */
static inline uint64_t ts_quotient(uint64_t high, uint64_t low, uint64_t den, uint64_t *rest) {
  __asm__ volatile("divq %2" : "+a"(low), "+d"(high) : "r"(den) : "cc");
  *rest = high;
  return low;
}

static inline long system_call(int number, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d) {
  int64_t result;
  register uint64_t r10 __asm__("r10") = d;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"((int64_t)number), "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
}

/* Everything below the caller's stack pointer, as thunk and ts_enter put it there. */
struct ts_call {
  int64_t number;   /* rax: which call; once it is made, its result */
  uint64_t args[6]; /* rdi rsi rdx r10 r8 r9 */
  uint64_t back;    /* into the thunk */
  uint64_t free;    /* bit n: nobody reads the register of argument n after the call */
  uint8_t red_zone[128];
};

/*
 * Changes two aligned words, if they are as expected. rbx, which the instruction wants, is nobody's register here
 * (build.mjs), so it holds the caller's value.
 */
static inline int ts_exchange(uint64_t words[2], uint64_t first, uint64_t second, uint64_t new_first,
                              uint64_t new_second) {
  struct pair {
    uint64_t words[2];
  } *pair = (struct pair *)words;
  int done;
  __asm__ volatile("xchgq %%rbx, %[new_first]\n\t"
                   "lock cmpxchg16b %[pair]\n\t"
                   "xchgq %%rbx, %[new_first]"
                   : "=@ccz"(done), [pair] "+m"(*pair), "+a"(first), "+d"(second), [new_first] "+r"(new_first)
                   : "c"(new_second)
                   : "memory");
  return done;
}

#endif
