/*
 * scale.h - durations at a rate, in whatever unit they have. No 128-bit division: that would be a function of libgcc.
 */
#ifndef TIMESKEW_SCALE_H
#define TIMESKEW_SCALE_H

#include "calls.h"

/* How long a wait of `fake` takes in true time: rounded up, for it must not end early; at the most FOREVER. */
static inline uint64_t to_true_span(uint64_t fake, uint64_t rate) {
  uint64_t high = fake >> 32, low = fake << 32;
  if (high >= rate) return FOREVER; /* the quotient would not fit, and `div` trap */
  __asm__("divq %2" : "+a"(low), "+d"(high) : "r"(rate) : "cc");
  if (low >= FOREVER) return FOREVER;
  return low + (high != 0);
}

static inline uint64_t scaled_up(uint64_t span, uint64_t rate, uint32_t rounding) {
  unsigned __int128 product = (unsigned __int128)span * rate + rounding;
  return product >> 95 ? FOREVER : (uint64_t)(product >> 32);
}

/* What is left of a wait, which may be waited for anew: rounded up, too, and still less than the whole. */
static inline uint64_t to_fake_span(uint64_t span, uint64_t rate) {
  return scaled_up(span, rate, UINT32_MAX);
}

/* What is left of a timer: rounded down, so that what was set is read back; but what is set is not 0. */
static inline uint64_t to_fake_rest(uint64_t rest, uint64_t rate) {
  uint64_t fake = scaled_up(rest, rate, 0);
  return fake || !rest ? fake : 1;
}

static inline int is_valid(const struct ts_timespec *t) {
  return t->sec >= 0 && (uint64_t)t->nsec < NSEC_PER_SEC;
}

static inline int is_valid_timeval(const struct ts_timeval *t) {
  return t->sec >= 0 && (uint64_t)t->usec < USEC_PER_SEC;
}

/* A valid timespec in ns; longer ones than 292 years are FOREVER. */
static inline uint64_t nanoseconds(const struct ts_timespec *t) {
  if (t->sec >= FOREVER / NSEC_PER_SEC) return FOREVER;
  return (uint64_t)t->sec * NSEC_PER_SEC + (uint64_t)t->nsec;
}

static inline struct ts_timespec timespec_of(uint64_t ns) {
  return (struct ts_timespec){(int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC)};
}

static inline uint64_t microseconds(const struct ts_timeval *t) {
  if (t->sec >= FOREVER / USEC_PER_SEC) return FOREVER;
  return (uint64_t)t->sec * USEC_PER_SEC + (uint64_t)t->usec;
}

static inline struct ts_timeval timeval_of(uint64_t us) {
  return (struct ts_timeval){(int64_t)(us / USEC_PER_SEC), (int64_t)(us % USEC_PER_SEC)};
}

static inline void slow_timespec(struct ts_timespec *t, uint64_t rate) {
  uint64_t ns = nanoseconds(t);
  if (ns != FOREVER) *t = timespec_of(to_true_span(ns, rate));
}

static inline void slow_timeval(struct ts_timeval *t, uint64_t rate) {
  uint64_t us = microseconds(t);
  if (us != FOREVER) *t = timeval_of(to_true_span(us, rate));
}

#endif
