/*
 * clock.c - the clock functions that run inside the target.
 *
 * The vDSO's clock_gettime, gettimeofday and time begin with a jump to the functions here. Each reads the true
 * time by calling the original through its trampoline (the displaced prologue, then a jump back), and adds. It
 * makes no system call of its own, waits for nobody, uses general registers and little stack (Go calls these
 * functions on small ones), and touches no memory but its parameter pages and what the caller passed in.
 *
 * The true time goes through a local variable, never through the caller's: two threads that share one buffer
 * must not see the skew added twice. (Clocks that are system calls are the exception, see below.) Bad pointers fault
 * here as they do in the original.
 */
#include "profile.h"

static inline struct ts_timespec skewed(struct ts_timespec t, const struct ts_slot *slot) {
  return plus(t, slot->offset_sec, slot->offset_nsec);
}

static inline struct ts_timeval in_microseconds(struct ts_timespec t) {
  return (struct ts_timeval){(long)t.sec, (long)((uintptr_t)t.nsec / 1000)};
}

/*
 * A clock that is not selected is left to the original, if the slot that says so is still in force, and is the same:
 * it may have been put out of force, and been changed, between the two looks.
 *
 * The functions below are entered with the slot that was active and selected the clock. That is looked at again once
 * its generation is known. Whoever sees the settings change starts over: a tail call, and only as often as a tool
 * changes them.
 *
 * Profiles have functions of their own, so that a constant is not slower for them.
 */

static out_of_line long profiled_clock_gettime(int id, struct ts_timespec *out, const struct ts_slot *slot) {
  struct view view = view_of(slot);
  struct ts_timespec now;
  long result = ts_original_clock_gettime(id, &now);
  if (unlikely(result)) return result;
  struct ts_timespec then = ts_shown(now, (unsigned)id, slot);
  if (unlikely(!stands(&view))) return ts_clock_gettime(id, out);
  *out = then;
  return 0;
}

static out_of_line long skewed_clock_gettime(int id, struct ts_timespec *out, const struct ts_slot *slot) {
  uintptr_t generation = begin(slot);
  if (unlikely(kind_of(slot) != TS_CONSTANT)) return profiled_clock_gettime(id, out, slot);
  if (likely(slot->selected >> id & 1)) {
    struct ts_timespec now;
    long result = ts_original_clock_gettime(id, &now);
    if (unlikely(result)) return result;
    struct ts_timespec then = skewed(now, slot);
    if (settled(slot, generation)) {
      *out = then;
      return 0;
    }
  }
  return ts_clock_gettime(id, out);
}

/*
 * CPU-time and alarm clocks are system calls in the original, so a bad pointer is EFAULT, not a fault: the call gets
 * the caller's buffer. The price: threads that read such a clock into one buffer at the same moment may find the skew
 * added twice. Finding out about the pointer otherwise would take a second system call.
 */
static out_of_line long skewed_syscall_clock(int id, struct ts_timespec *out, const struct ts_slot *slot) {
  struct view view = view_of(slot);
  long result = ts_original_clock_gettime(id, out);
  if (result) return result;
  struct ts_timespec then = ts_shown(*out, (unsigned)id, slot);
  if (unlikely(!stands(&view))) return ts_clock_gettime(id, out);
  *out = then;
  return 0;
}

long ts_clock_gettime(int id, struct ts_timespec *out) {
  if ((uint32_t)id < 32) {
    const struct ts_slot *slot = active_slot();
    uintptr_t generation = begin(slot);
    if ((selection(slot) >> id & 1) && likely(out))
      return likely(VDSO_CLOCKS >> id & 1) ? skewed_clock_gettime(id, out, slot) : skewed_syscall_clock(id, out, slot);
    if (unlikely(!settled(slot, generation))) return ts_clock_gettime(id, out);
  }
  return ts_original_clock_gettime(id, out);
}

static out_of_line long profiled_gettimeofday(struct ts_timeval *tv, void *tz, const struct ts_slot *slot) {
  struct view view = view_of(slot);
  struct ts_timespec now;
  long result = ts_original_clock_gettime(CLOCK_REALTIME, &now);
  if (unlikely(result)) return result;
  struct ts_timespec then = ts_shown(now, TS_NAME_GETTIMEOFDAY, slot);
  if (unlikely(!stands(&view))) return ts_gettimeofday(tv, tz);
  *tv = in_microseconds(then);
  return unlikely(tz) ? ts_original_gettimeofday(0, tz) : 0;
}

static out_of_line long skewed_gettimeofday(struct ts_timeval *tv, void *tz, const struct ts_slot *slot) {
  uintptr_t generation = begin(slot);
  if (unlikely(kind_of(slot) != TS_CONSTANT)) return profiled_gettimeofday(tv, tz, slot);
  if (likely(slot->selected & TS_SELECT_GETTIMEOFDAY)) {
    struct ts_timespec now;
    /* From nanoseconds, so that it agrees with clock_gettime when the offset has a part below a microsecond. */
    long result = ts_original_clock_gettime(CLOCK_REALTIME, &now);
    if (unlikely(result)) return result;
    struct ts_timespec then = skewed(now, slot);
    if (settled(slot, generation)) {
      *tv = in_microseconds(then);
      return unlikely(tz) ? ts_original_gettimeofday(0, tz) : 0;
    }
  }
  return ts_gettimeofday(tv, tz);
}

long ts_gettimeofday(struct ts_timeval *tv, void *tz) {
  const struct ts_slot *slot = active_slot();
  uintptr_t generation = begin(slot);
  if ((selection(slot) & TS_SELECT_GETTIMEOFDAY) && likely(tv)) return skewed_gettimeofday(tv, tz, slot);
  if (unlikely(!settled(slot, generation))) return ts_gettimeofday(tv, tz);
  return ts_original_gettimeofday(tv, tz);
}

#ifdef TS_HAS_TIME

/* The second of a skew that has a part below a second: from the coarse clock, which time() reads too. */
static out_of_line long skewed_coarse_second(const struct ts_slot *slot) {
  struct ts_timespec now;
  (void)ts_original_clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return (long)skewed(now, slot).sec;
}

static out_of_line long profiled_time(long *out, const struct ts_slot *slot) {
  struct view view = view_of(slot);
  struct ts_timespec now;
  (void)ts_original_clock_gettime(CLOCK_REALTIME_COARSE, &now);
  long second = (long)ts_shown(now, TS_NAME_TIME, slot).sec;
  if (unlikely(!stands(&view))) return ts_time(out);
  if (unlikely(out)) *out = second;
  return second;
}

static out_of_line long skewed_time(long *out, const struct ts_slot *slot) {
  uintptr_t generation = begin(slot);
  if (unlikely(kind_of(slot) != TS_CONSTANT)) return profiled_time(out, slot);
  if (likely(slot->selected & TS_SELECT_TIME)) {
    long second;
    if (unlikely(slot->offset_nsec)) second = skewed_coarse_second(slot);
    else second = (long)((uintptr_t)ts_original_time(0) + (uintptr_t)slot->offset_sec);
    if (settled(slot, generation)) {
      if (unlikely(out)) *out = second;
      return second;
    }
  }
  return ts_time(out);
}

long ts_time(long *out) {
  const struct ts_slot *slot = active_slot();
  uintptr_t generation = begin(slot);
  if (selection(slot) & TS_SELECT_TIME) return skewed_time(out, slot);
  if (unlikely(!settled(slot, generation))) return ts_time(out);
  return ts_original_time(out);
}

#endif
