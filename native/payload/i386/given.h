/*
 * i386/given.h - the same for 32-bit programs. The calls of old come first: which form a call has is told by its
 * number.
 */
#include "clock32.h"

typedef union {
  struct ts_timespec wide;
  struct ts_timespec32 narrow;
} ts_given;

static inline int is_of_old(const struct ts_call *call) {
  return call->called < NR_clock_gettime;
}

static inline unsigned given_bytes(const struct ts_call *call) {
  return is_of_old(call) ? sizeof(struct ts_timespec32) : sizeof(struct ts_timespec);
}

/* The upper half of a 64-bit tv_nsec is nobody's: 32-bit programs have a `long` there, and padding. */
static inline struct ts_timespec given_time(const struct ts_call *call, uintptr_t address) {
  if (is_of_old(call)) {
    const volatile struct ts_timespec32 *narrow = (const void *)address;
    return (struct ts_timespec){narrow->sec, narrow->nsec};
  }
  const volatile struct ts_timespec *wide = (const void *)address;
  return (struct ts_timespec){wide->sec, (uint32_t)wide->nsec};
}

/* Later than 2038, or longer than 68 years, is as late, or long, as can be told. */
static inline void give_time(const struct ts_call *call, uintptr_t address, struct ts_timespec time) {
  if (!is_of_old(call))
    *(struct ts_timespec *)address = time;
  else if (time.sec > INT32_MAX)
    *(struct ts_timespec32 *)address = (struct ts_timespec32){INT32_MAX, NSEC_PER_SEC - 1};
  else
    *(struct ts_timespec32 *)address = (struct ts_timespec32){(int32_t)time.sec, (int32_t)time.nsec};
}

static inline uintptr_t given(const struct ts_call *call, const struct ts_timespec *time, ts_given *copy) {
  give_time(call, (uintptr_t)copy, *time);
  return (uintptr_t)copy;
}
static inline uintptr_t given_timer(const struct ts_call *call, const struct itimerspec *timer, ts_given copy[2]) {
  give_time(call, (uintptr_t)copy, timer->interval);
  give_time(call, (uintptr_t)copy + given_bytes(call), timer->value);
  return (uintptr_t)copy;
}

static inline long read_given(const struct ts_call *call, int clock, uintptr_t address) {
  if (is_of_old(call)) return ts_clock_gettime32(clock, (void *)address);
  return ts_clock_gettime(clock, (void *)address);
}

static inline int futex_of(const struct ts_call *call) {
  return is_of_old(call) ? NR_futex_of_old : NR_futex;
}
static inline int getres_of(const struct ts_call *call) {
  return is_of_old(call) ? NR_clock_getres_of_old : NR_clock_getres;
}

static inline int is_recvmmsg(const struct ts_call *call) {
  return call->called == NR_recvmmsg || call->called == NR_recvmmsg_of_old;
}
static inline int is_posix_timer(const struct ts_call *call) {
  uintptr_t number = call->called;
  return number == NR_timer_settime || number == NR_timer_gettime || number == NR_timer_settime_of_old ||
         number == NR_timer_gettime_of_old;
}
