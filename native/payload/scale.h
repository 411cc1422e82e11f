/*
 * scale.h - durations between the program's time and the true one, in whatever unit they have.
 */
#ifndef TIMESKEW_SCALE_H
#define TIMESKEW_SCALE_H

#include "calls.h"

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
  int64_t sec = t->sec;
  if (sec >= FOREVER / USEC_PER_SEC) return FOREVER;
  return (uint64_t)sec * USEC_PER_SEC + (uint64_t)t->usec;
}

/* The longest that there is, where seconds have 32 bits: 68 years. */
static inline struct ts_timeval timeval_of(uint64_t us) {
  uint64_t sec = us / USEC_PER_SEC;
  if (sec > INTPTR_MAX) return (struct ts_timeval){INTPTR_MAX, USEC_PER_SEC - 1};
  return (struct ts_timeval){(long)sec, (long)(us % USEC_PER_SEC)};
}

/* How long a wait takes in true time: rounded up, for it must not end early. */
static inline uint64_t true_microseconds(uint64_t us) {
  return us > FOREVER / 1000 ? FOREVER : (ts_true_span(us * 1000) + 999) / 1000;
}

/* What is left of a wait, which may be waited for anew: rounded up, too. */
static inline uint64_t fake_microseconds(uint64_t us) {
  return us > FOREVER / 1000 ? FOREVER : (ts_fake_span(us * 1000) + 999) / 1000;
}

static inline void slow_timespec(struct ts_timespec *t) {
  uint64_t ns = nanoseconds(t);
  if (ns != FOREVER) *t = timespec_of(ts_true_span(ns));
}

static inline void slow_timeval(struct ts_timeval *t) {
  uint64_t us = microseconds(t);
  if (us != FOREVER) *t = timeval_of(true_microseconds(us));
}

#endif
