/*
 * clock32.h - clock_gettime with 32 bits for seconds.
 */
#ifndef TIMESKEW_CLOCK32_H
#define TIMESKEW_CLOCK32_H

#include <stdint.h>

struct ts_timespec32 {
  int32_t sec;
  int32_t nsec;
};

typedef long ts_clock_gettime32_fn(int id, struct ts_timespec32 *out);

ts_clock_gettime32_fn ts_clock_gettime32, ts_original_clock_gettime32;

#endif
