/*
 * wide.h - products of 128 bits.
 */
#ifndef TIMESKEW_WIDE_H
#define TIMESKEW_WIDE_H

#include <stdint.h>

struct wide {
  uint64_t high, low;
};

static inline struct wide product(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
  unsigned __int128 whole = (unsigned __int128)a * b;
  return (struct wide){(uint64_t)(whole >> 64), (uint64_t)whole};
#else
  uint64_t a1 = a >> 32, a0 = (uint32_t)a, b1 = b >> 32, b0 = (uint32_t)b;
  uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (uint32_t)middle;
  return (struct wide){a1 * b1 + (middle >> 32) + (other >> 32), other << 32 | (uint32_t)low};
#endif
}

#endif
