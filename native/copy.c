/*
 * copy.c - what a compiler takes for granted, without a libc: it calls these to copy and to clear structures.
 */
#include "sys.h"

/* By volatile accesses, or the loops would be seen for what they are, and become calls of themselves. */
void *memcpy(void *restrict to, const void *restrict from, size_t n) {
  copy_bytes(to, from, n);
  return to;
}

void *memset(void *at, int byte, size_t n) {
  for (size_t i = 0; i < n; i++) ((volatile uint8_t *)at)[i] = (uint8_t)byte;
  return at;
}
