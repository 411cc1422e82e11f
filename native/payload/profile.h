/*
 * profile.h - what a clock is off by, as a function of time (profile.c), and the inverse (when.c).
 */
#ifndef TIMESKEW_PROFILE_H
#define TIMESKEW_PROFILE_H

#include "slot.h"

/*
 * A field of a slot that may be rewritten meanwhile: loaded once, so that what is used is what was checked. (In two
 * halves by a 32-bit machine, which may not belong together; that, too, is found out afterwards.)
 */
#ifdef __LP64__
#define load(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)
#else
#define load(field) (*(const volatile __typeof__(field) *)&(field))
#endif
#define NEVER UINT64_MAX

/* The line that an offset is on. */
struct line {
  uint64_t until; /* when it ends, in elapsed ns */
  int steady;     /* in: leave out what repeats itself, and the noise */
};

static inline int64_t sum_of(int64_t a, int64_t b) {
  int64_t sum;
  if (unlikely(__builtin_add_overflow(a, b, &sum))) return b < 0 ? INT64_MIN : INT64_MAX;
  return sum;
}

/* The offset of a constant, and what is added within the duration of a profile. */
static inline int64_t base_of(const struct ts_slot *slot) {
  return (int64_t)((uint64_t)load(slot->offset_sec) * NSEC_PER_SEC + load(slot->offset_nsec));
}

static inline int is_profile(const struct ts_slot *slot, int clock) {
  return selection(slot) >> clock & 1 && kind_of(slot) != TS_CONSTANT;
}

/* The true time of a clock, less its profile's start there; INT64_MIN .. -1: the profile has not begun. */
static inline int64_t elapsed_at(const struct ts_slot *slot, int clock, int64_t time) {
  /* By clock id, four bits each: REALTIME MONOTONIC - - RAW REALTIME MONOTONIC BOOTTIME REALTIME BOOTTIME - TAI. */
  const uint64_t families = 0x403031020010;
  int64_t elapsed;
  if (unlikely(__builtin_sub_overflow(time, load(slot->start[families >> (clock & 15) * 4 & 7]), &elapsed)))
    return time < 0 ? INT64_MIN : INT64_MAX;
  return elapsed;
}

/* No clock shows more, or less than 0. */
static inline int64_t shown_at(int64_t time, int64_t offset) {
  int64_t sum = sum_of(time, offset);
  return sum < 0 ? 0 : sum;
}

static inline int64_t ns_of(struct ts_timespec time) {
  return (int64_t)((uint64_t)time.sec * NSEC_PER_SEC + (uint64_t)time.nsec);
}

/* @param ns not negative */
static inline struct ts_timespec time_of(int64_t ns) {
  return (struct ts_timespec){(int64_t)((uint64_t)ns / NSEC_PER_SEC), (int64_t)((uint64_t)ns % NSEC_PER_SEC)};
}

/*
 * profile.c: what a profile adds to a clock.
 *
 * @param clock id, 0 .. 31
 * @param elapsed ns since the profile's start on this clock, not negative
 * @param line 0, or where to put the end of the line, which is behind `elapsed` if the slot is in order
 */
int64_t ts_offset(const struct ts_slot *slot, int clock, int64_t elapsed, struct line *line);

/*
 * profile.c: what is shown instead of a true time, by any kind of settings, selected or not.
 *
 * @param name a bit of ts_slot.selected: a clock's id, or that of gettimeofday or time
 */
struct ts_timespec ts_shown(struct ts_timespec now, unsigned name, const struct ts_slot *slot);

/*
 * when.c: the earliest true time, from now on, at which a clock that a slot selects shows `goal`; if it does so now, as
 * long ago as it is beyond. Where it never does, as a clock that is frozen, the rest passes in true time: nothing could
 * wake up a program that waits for ever.
 *
 * @param clock id of a clock that deadlines can be set on
 * @param now what it truly reads, ns
 */
int64_t ts_when(const struct ts_slot *slot, int clock, int64_t now, int64_t goal);

#endif
