/*
 * quotient.h - 128 bits by 64, for machines that have no instruction for it.
 */
#ifndef TIMESKEW_QUOTIENT_H
#define TIMESKEW_QUOTIENT_H

#include <stdint.h>

/*
 * high:low / den, where the quotient fits: high < den. Two digits of 32 bits, one after the other (Knuth 4.3.1, D): each
 * is guessed from the divisor's upper half, which has its highest bit set, so the guess is too large by 2 at the most.
 */
static inline uint64_t ts_quotient(uint64_t high, uint64_t low, uint64_t den, uint64_t *rest) {
  const uint64_t half = 1ull << 32;
  int shift = __builtin_clzll(den);
  uint64_t result = 0;
  den <<= shift;
  if (shift) high = high << shift | low >> (64 - shift);
  low <<= shift;
  uint64_t upper = den >> 32, lower = (uint32_t)den;
  for (int digits = 0; digits < 2; digits++) {
    uint64_t digit = high / upper, left = high % upper;
    while (digit >= half || digit * lower > (left << 32 | low >> 32)) {
      digit--;
      left += upper;
      if (left >= half) break;
    }
    high = (high << 32 | low >> 32) - digit * den; /* modulo 2^64: it is less than den */
    low <<= 32;
    result = result << 32 | digit;
  }
  *rest = high >> shift;
  return result;
}

#endif
