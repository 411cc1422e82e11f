/*
 * divide.c - divisions of 64 bits, which GCC has functions for where the machine has no instruction. libgcc's would do,
 * but is not there for 32 bits on most machines.
 */
#include <stdint.h>

uint64_t __udivmoddi4(uint64_t number, uint64_t den, uint64_t *rest);
int64_t __divmoddi4(int64_t number, int64_t den, int64_t *rest);
uint64_t __udivdi3(uint64_t number, uint64_t den);
uint64_t __umoddi3(uint64_t number, uint64_t den);
int64_t __divdi3(int64_t number, int64_t den);
int64_t __moddi3(int64_t number, int64_t den);

/* high:low / den, where the quotient fits: high < den. */
static inline uint32_t divide(uint32_t high, uint32_t low, uint32_t den, uint32_t *rest) {
  __asm__("divl %2" : "+a"(low), "+d"(high) : "r"(den) : "cc");
  *rest = high;
  return low;
}

/*
 * By a divisor of more than 32 bits the quotient has 32 at the most. It is guessed from the divisor's uppermost bits, and
 * is too large by 1 at the most (Hacker's Delight, 9-5).
 */
static uint64_t by_large(uint64_t number, uint64_t den) {
  int shift = __builtin_clz((uint32_t)(den >> 32));
  uint32_t unused, upper = (uint32_t)(den << shift >> 32);
  uint64_t half = number >> 1;
  uint64_t guess = (uint64_t)divide((uint32_t)(half >> 32), (uint32_t)half, upper, &unused) << shift >> 31;
  if (guess) guess--;
  return number - guess * den >= den ? guess + 1 : guess;
}

uint64_t __udivmoddi4(uint64_t number, uint64_t den, uint64_t *rest) {
  uint64_t quotient;
  if (den >> 32) {
    quotient = by_large(number, den);
    if (rest) *rest = number - quotient * den;
    return quotient;
  }
  uint32_t left, high = (uint32_t)(number >> 32), small = (uint32_t)den;
  quotient = (uint64_t)(high / small) << 32;
  quotient |= divide(high % small, (uint32_t)number, small, &left);
  if (rest) *rest = left;
  return quotient;
}

/* Cut towards 0; the rest has the number's sign. */
int64_t __divmoddi4(int64_t number, int64_t den, int64_t *rest) {
  uint64_t left, a = number < 0 ? -(uint64_t)number : (uint64_t)number, b = den < 0 ? -(uint64_t)den : (uint64_t)den;
  uint64_t quotient = __udivmoddi4(a, b, &left);
  if (rest) *rest = (int64_t)(number < 0 ? -left : left);
  return (int64_t)((number < 0) != (den < 0) ? -quotient : quotient);
}

uint64_t __udivdi3(uint64_t number, uint64_t den) {
  return __udivmoddi4(number, den, 0);
}

uint64_t __umoddi3(uint64_t number, uint64_t den) {
  uint64_t rest;
  (void)__udivmoddi4(number, den, &rest);
  return rest;
}

int64_t __divdi3(int64_t number, int64_t den) {
  return __divmoddi4(number, den, 0);
}

int64_t __moddi3(int64_t number, int64_t den) {
  int64_t rest;
  (void)__divmoddi4(number, den, &rest);
  return rest;
}
