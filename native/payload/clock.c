/*
 * clock.c - the clock functions that run inside the target.
 *
 * The vDSO's clock_gettime, gettimeofday and time begin with a jump to the functions here. Each reads the true
 * time by calling the original through its trampoline (the displaced prologue, then a jump back), and adds. It
 * makes no system call of its own, waits for nobody, uses general registers and little stack (Go calls these
 * functions on small ones), and touches no memory but its parameter pages and what the caller passed in.
 *
 * The true time goes through a local variable, never through the caller's: two threads that share one buffer
 * must not see the skew added twice. Bad pointers fault here as they do in the original.
 */
#include "params.h"

/* The parameter pages follow the code; payload.ld says where. */
extern struct ts_params ts_params __attribute__((visibility("hidden")));

#define NSEC_PER_SEC 1000000000
#define CLOCK_REALTIME 0
#define CLOCK_REALTIME_COARSE 5

/* Clock ids that the kernel's vDSO reads itself: REALTIME MONOTONIC RAW R_COARSE M_COARSE BOOTTIME TAI. */
#define VDSO_CLOCKS 0x8f3u

struct timespec {
  int64_t sec;
  int64_t nsec;
};
struct timeval {
  int64_t sec;
  int64_t usec;
};

typedef long clock_gettime_fn(int id, struct timespec *out);
typedef long gettimeofday_fn(struct timeval *tv, void *tz);
typedef long time_fn(int64_t *out);

clock_gettime_fn ts_clock_gettime, ts_original_clock_gettime;
gettimeofday_fn ts_gettimeofday, ts_original_gettimeofday;
time_fn ts_time, ts_original_time;

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define out_of_line __attribute__((noinline))

/* The settings that a read began with. */
struct reading {
  const struct ts_slot *slot;
  uint64_t generation;
  uint8_t index;
};

static inline const struct ts_slot *active_slot(void) {
  return &ts_params.slot[__atomic_load_n(&ts_params.index, __ATOMIC_ACQUIRE) & 1];
}

static inline struct reading begin(void) {
  struct reading r;
  r.index = __atomic_load_n(&ts_params.index, __ATOMIC_ACQUIRE);
  r.slot = &ts_params.slot[r.index & 1];
  r.generation = __atomic_load_n(&r.slot->generation, __ATOMIC_ACQUIRE);
  return r;
}

/* Whether the settings stayed the same since begin(). */
static inline int settled(const struct reading *r) {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return likely(__atomic_load_n(&r->slot->generation, __ATOMIC_RELAXED) == r->generation &&
                __atomic_load_n(&ts_params.index, __ATOMIC_RELAXED) == r->index);
}

static inline struct timespec skewed(struct timespec t, const struct ts_slot *slot) {
  t.sec += slot->offset_sec;
  t.nsec += (int64_t)slot->offset_nsec;
  if (t.nsec >= NSEC_PER_SEC) {
    t.nsec -= NSEC_PER_SEC;
    t.sec++;
  }
  return t;
}

static out_of_line long skewed_clock_gettime(int id, struct timespec *out) {
  for (;;) {
    struct reading r = begin();
    struct timespec now;
    if (unlikely(!(r.slot->selected >> id & 1))) {
      if (!settled(&r)) continue;
      return ts_original_clock_gettime(id, out);
    }
    long result = ts_original_clock_gettime(id, &now);
    if (unlikely(result)) return result;
    now = skewed(now, r.slot);
    if (!settled(&r)) continue;
    *out = now;
    return 0;
  }
}

/*
 * CPU-time and alarm clocks are system calls in the original, so a bad pointer is EFAULT, not a fault: the call gets
 * the caller's buffer.
 */
static out_of_line long skewed_syscall_clock(int id, struct timespec *out) {
  for (;;) {
    struct reading r = begin();
    long result = ts_original_clock_gettime(id, out);
    if (result) return result;
    struct timespec now = *out;
    if (r.slot->selected >> id & 1) now = skewed(now, r.slot);
    if (!settled(&r)) continue;
    *out = now;
    return 0;
  }
}

long ts_clock_gettime(int id, struct timespec *out) {
  if ((uint32_t)id < 32 && (active_slot()->selected >> id & 1) && likely(out))
    return likely(VDSO_CLOCKS >> id & 1) ? skewed_clock_gettime(id, out) : skewed_syscall_clock(id, out);
  return ts_original_clock_gettime(id, out);
}

static out_of_line long skewed_gettimeofday(struct timeval *tv, void *tz) {
  for (;;) {
    struct reading r = begin();
    struct timespec now;
    if (unlikely(!(r.slot->selected & TS_SELECT_GETTIMEOFDAY))) {
      if (!settled(&r)) continue;
      return ts_original_gettimeofday(tv, tz);
    }
    /* From nanoseconds, so that it agrees with clock_gettime when the offset has a part below a microsecond. */
    long result = ts_original_clock_gettime(CLOCK_REALTIME, &now);
    if (unlikely(result)) return result;
    now = skewed(now, r.slot);
    if (!settled(&r)) continue;
    tv->sec = now.sec;
    tv->usec = (int64_t)((uint64_t)now.nsec / 1000);
    return unlikely(tz) ? ts_original_gettimeofday(0, tz) : 0;
  }
}

long ts_gettimeofday(struct timeval *tv, void *tz) {
  if ((active_slot()->selected & TS_SELECT_GETTIMEOFDAY) && likely(tv)) return skewed_gettimeofday(tv, tz);
  return ts_original_gettimeofday(tv, tz);
}

/* The second of a skew that has a part below a second: from the coarse clock, which time() reads too. */
static out_of_line int64_t skewed_coarse_second(const struct ts_slot *slot) {
  struct timespec now;
  (void)ts_original_clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return skewed(now, slot).sec;
}

static out_of_line long skewed_time(int64_t *out) {
  for (;;) {
    struct reading r = begin();
    if (unlikely(!(r.slot->selected & TS_SELECT_TIME))) {
      if (!settled(&r)) continue;
      return ts_original_time(out);
    }
    int64_t second = likely(!r.slot->offset_nsec) ? ts_original_time(0) + r.slot->offset_sec
                                                  : skewed_coarse_second(r.slot);
    if (!settled(&r)) continue;
    if (out) *out = second;
    return second;
  }
}

long ts_time(int64_t *out) {
  if (active_slot()->selected & TS_SELECT_TIME) return skewed_time(out);
  return ts_original_time(out);
}
