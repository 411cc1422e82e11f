#include "host.h"

#include <stdlib.h>

/* What payload.ld puts behind the code, and the file's trampolines. */
struct ts_params ts_params;
_Thread_local int64_t true_time;
int compares;

long ts_original_clock_gettime(int id, struct ts_timespec *out) {
  (void)id;
  *out = time_of(true_time);
  return 0;
}

long ts_original_gettimeofday(struct ts_timeval *tv, void *tz) {
  (void)tz;
  if (tv) *tv = (struct ts_timeval){(long)(true_time / NSEC_PER_SEC), (long)(true_time % NSEC_PER_SEC / 1000)};
  return 0;
}

#ifdef TS_HAS_TIME
long ts_original_time(long *out) {
  if (out) *out = (long)(true_time / NSEC_PER_SEC);
  return (long)(true_time / NSEC_PER_SEC);
}
#else
static long ts_time(long *out) {
  (void)out;
  abort();
}
#endif

#ifdef __i386__
#include "../../native/payload/i386/clock32.h"

long ts_original_clock_gettime32(int id, struct ts_timespec32 *out) {
  (void)id;
  *out = (struct ts_timespec32){(int32_t)(true_time / NSEC_PER_SEC), (int32_t)(true_time % NSEC_PER_SEC)};
  return 0;
}

/* The function of old reads the same, cut to 32 bits. */
static void compare(int id, const struct ts_timespec *time) {
  struct ts_timespec32 cut;
  if (ts_clock_gettime32(id, &cut) || cut.sec != (int32_t)time->sec || cut.nsec != (int32_t)time->nsec) abort();
}
#else
static void compare(int id, const struct ts_timespec *time) {
  (void)id, (void)time;
}
#endif

int64_t read_shown(unsigned name) {
  struct ts_timespec time;
  struct ts_timeval micro;
  switch (name) {
    case TS_NAME_GETTIMEOFDAY:
      ts_gettimeofday(&micro, 0);
      return (int64_t)((uint64_t)micro.sec * NSEC_PER_SEC + (uint64_t)micro.usec * 1000);
    case TS_NAME_TIME:
      return (int64_t)((uint64_t)ts_time(0) * NSEC_PER_SEC);
    default:
      ts_clock_gettime((int)name, &time);
      if (compares) compare((int)name, &time);
      return ns_of(time);
  }
}
