#include "host.h"

/* What payload.ld puts behind the code, and the file's trampolines. */
struct ts_params ts_params;
_Thread_local int64_t true_time;

long ts_original_clock_gettime(int id, struct ts_timespec *out) {
  (void)id;
  *out = time_of(true_time);
  return 0;
}

long ts_original_gettimeofday(struct ts_timeval *tv, void *tz) {
  (void)tz;
  if (tv) *tv = (struct ts_timeval){true_time / NSEC_PER_SEC, true_time % NSEC_PER_SEC / 1000};
  return 0;
}

long ts_original_time(int64_t *out) {
  if (out) *out = true_time / NSEC_PER_SEC;
  return true_time / NSEC_PER_SEC;
}

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
      return ns_of(time);
  }
}
