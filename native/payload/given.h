/*
 * given.h - times as system calls are given them, where the program's or a copy of it is. A 32-bit program has most
 * calls twice: those of old take seconds of 32 bits.
 */
#ifndef TIMESKEW_GIVEN_H
#define TIMESKEW_GIVEN_H

#include "calls.h"

#ifdef TS_OLD_CALLS
#include "i386/given.h"
#else

typedef struct ts_timespec ts_given;

/* Bytes of a timespec of this call. */
static inline unsigned given_bytes(const struct ts_call *call) {
  (void)call;
  return sizeof(ts_given);
}

/* One that is known to be readable; it is read once. */
static inline struct ts_timespec given_time(const struct ts_call *call, uintptr_t address) {
  (void)call;
  return *(const volatile struct ts_timespec *)address;
}

static inline void give_time(const struct ts_call *call, uintptr_t address, struct ts_timespec time) {
  (void)call;
  *(struct ts_timespec *)address = time;
}

/*
 * The address of a time that is to be given to the kernel: of a copy, if that has to be another form. The same of a
 * timer's two.
 */
static inline uintptr_t given(const struct ts_call *call, const struct ts_timespec *time, ts_given *copy) {
  (void)call, (void)copy;
  return (uintptr_t)time;
}
static inline uintptr_t given_timer(const struct ts_call *call, const struct itimerspec *timer, ts_given copy[2]) {
  (void)call, (void)copy;
  return (uintptr_t)timer;
}

static inline long read_given(const struct ts_call *call, int clock, uintptr_t address) {
  (void)call;
  return ts_clock_gettime(clock, (void *)address);
}

/* Calls that read, or write, such a timespec, and do nothing else: to ask the kernel about an address. */
static inline int futex_of(const struct ts_call *call) {
  (void)call;
  return NR_futex;
}
static inline int getres_of(const struct ts_call *call) {
  (void)call;
  return NR_clock_getres;
}

static inline int is_recvmmsg(const struct ts_call *call) {
  return (uint32_t)call->number == NR_recvmmsg;
}
static inline int is_posix_timer(const struct ts_call *call) {
  return (uint32_t)call->number == NR_timer_settime || (uint32_t)call->number == NR_timer_gettime;
}

#endif

#endif
