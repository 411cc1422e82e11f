/* overrun.c - reads past an array, and overflows: for the test that the sanitized build of the helper notices. */
#include "../../native/timeskew.h"

TS_EXPORT int ts_overrun(int index) {
  int8_t array[8] = {0};
  int8_t *volatile unknown = array; /* the compiler knows no bounds of it */
  return unknown[index];
}

TS_EXPORT int ts_overflow(int n) { return n + 1; }
