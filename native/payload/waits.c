/*
 * waits.c - calls that wait: until a deadline, or for a time. Their translated timespecs.
 *
 * The program's timespec is read once, and only where it is known to be readable. Whatever is wrong with it is left for
 * the kernel to find: the call is passed on as it is.
 */
#include "given.h"
#include "profile.h"
#include "scale.h"

/* For 2.1 s a timespec belongs to nobody else: its thread may lose the processor on its way to the kernel. */
#define MARGIN (1ull << 31)
#define WAYS 8
_Static_assert(TS_WAITS == 64 * WAYS, "claim() takes 6 bits of a hash");

#ifdef TS_IN_PLACE

/* Changes both words, if they are as expected. */
static inline int exchange(struct ts_wait *wait, uint64_t key, uint64_t until, uint64_t new_key, uint64_t new_until) {
  return ts_exchange((uint64_t *)wait, key, until, new_key, new_until);
}

/*
 * A place for the timespec of a call that is to be made in place. The caller's stack pointer, as the key, tells apart
 * all calls that are under way, and a call with the key of another proves that the other has ended. Where the kernel
 * may read the timespec again (to restart the call after a stop), the place is kept until the call must have ended.
 * There is no lock: whoever is interrupted here, for ever even, holds up nobody.
 *
 * @param again for how long the kernel may read it again, ns
 * @returns 0 if all places are taken, where this key may lie
 */
static out_of_line struct ts_wait *claim(uint64_t key, uint64_t again) {
  struct ts_timespec time;
  if (ts_original_clock_gettime(CLOCK_MONOTONIC_COARSE, &time)) return 0;
  uint64_t now = nanoseconds(&time), until = now + MARGIN + again;
  struct ts_wait *set = &ts_params.waits[(key * TS_SPREAD >> 58) * WAYS];
  for (int tries = 0; tries < WAYS; tries++) {
    struct ts_wait *found = 0;
    uint64_t found_key = 0, earliest = now;
    for (struct ts_wait *wait = set; wait < set + WAYS; wait++) {
      uint64_t its_key = __atomic_load_n(&wait->key, __ATOMIC_RELAXED);
      uint64_t its_until = __atomic_load_n(&wait->until, __ATOMIC_RELAXED);
      if (its_until >= earliest && its_key != key) continue;
      found = wait;
      found_key = its_key;
      earliest = its_until;
      if (its_key == key) break;
    }
    if (!found) return 0;
    if (likely(exchange(found, found_key, earliest, key, until))) return found;
  }
  return 0;
}

static inline struct ts_wait *place_for(const struct ts_call *call, unsigned argument, uint64_t again) {
  return call->free >> argument & 1 ? claim((uintptr_t)(call + 1), again) : 0;
}

#else

/* The payload makes all calls itself. */
static inline struct ts_wait *place_for(const struct ts_call *call, unsigned argument, uint64_t again) {
  (void)call, (void)argument, (void)again;
  return 0;
}

#endif

/* The call with another timespec: in place, if it may be. */
static int pass(struct ts_call *call, unsigned argument, const struct ts_timespec *time, uint64_t again) {
  struct ts_wait *wait = place_for(call, argument, again);
  ts_given copy;
  if (!wait) return ts_make_with(call, argument, given(call, time, &copy));
  wait->time = *time;
  call->args[argument] = (uintptr_t)&wait->time;
  return IN_PLACE;
}

/* The program's timespec, if it has given a valid one. */
static int take(const struct ts_call *call, unsigned argument, struct ts_timespec *out) {
  uintptr_t address = call->args[argument];
  if (!address || !ts_readable(call, address)) return 0;
  *out = given_time(call, address);
  return is_valid(out);
}

/* The true time of a clock that deadlines can be set on. Alarm clocks read as those without the alarm, but slowly. */
static int read_true(int clock, struct ts_timespec *now) {
  enum { BOOTTIME = 7, REALTIME_ALARM, BOOTTIME_ALARM };
  if (clock == REALTIME_ALARM) clock = CLOCK_REALTIME;
  if (clock == BOOTTIME_ALARM) clock = BOOTTIME;
  return ts_original_clock_gettime(clock, now) == 0;
}

static uint64_t span(const struct ts_timespec *from, const struct ts_timespec *to) {
  struct ts_timespec ahead;
  if (__builtin_sub_overflow(to->sec, from->sec, &ahead.sec)) return to->sec < 0 ? 0 : FOREVER;
  ahead.nsec = to->nsec - from->nsec;
  if (ahead.nsec < 0) {
    ahead.nsec += NSEC_PER_SEC;
    ahead.sec--;
  }
  return ahead.sec < 0 ? 0 : nanoseconds(&ahead);
}

uint64_t ts_ahead(const struct ts_timespec *time, int clock) {
  struct ts_timespec now;
  return read_true(clock, &now) ? span(&now, time) : 0;
}

struct ts_timespec ts_present(int clock) {
  struct ts_timespec now, shown;
  struct view view;
  do {
    view = view_of(active_slot());
    if (!read_true(clock, &now)) return (struct ts_timespec){0, 0};
    shown = ts_shown(now, (unsigned)clock, view.slot);
  } while (!stands(&view));
  return shown;
}

/* By a constant offset. Not below 0: the kernel would take that for an error, not for the past. */
static void shift(struct ts_timespec *deadline, const struct ts_slot *slot) {
  int64_t sec;
  if (__builtin_sub_overflow(deadline->sec, load(slot->offset_sec), &sec)) {
    sec = FOREVER; /* a deadline is not negative, so it was the offset that was */
  } else {
    deadline->nsec = (int64_t)((uint64_t)deadline->nsec - load(slot->offset_nsec));
    if (deadline->nsec < 0) {
      deadline->nsec += NSEC_PER_SEC;
      sec--;
    }
    if (sec < 0) sec = deadline->nsec = 0;
  }
  deadline->sec = sec;
}

void ts_to_true(struct ts_timespec *deadline, int clock) {
  struct ts_timespec found;
  struct view view;
  do {
    view = view_of(active_slot());
    found = *deadline;
    if (!is_profile(view.slot, clock)) {
      if (selection(view.slot) >> clock & 1) shift(&found, view.slot);
    } else if (nanoseconds(deadline) != FOREVER && read_true(clock, &found)) { /* now */
      found = time_of(ts_when(view.slot, clock, ns_of(found), ns_of(*deadline)));
    }
  } while (!stands(&view));
  *deadline = found;
}

uint64_t ts_true_span(uint64_t fake) {
  struct ts_timespec now;
  struct view view;
  uint64_t span;
  do {
    view = view_of(active_slot());
    span = fake;
    if (!fake || fake >= FOREVER || !is_profile(view.slot, CLOCK_MONOTONIC)) continue;
    if (!read_true(CLOCK_MONOTONIC, &now)) continue;
    int64_t goal = shown_at(ns_of(ts_shown(now, CLOCK_MONOTONIC, view.slot)), (int64_t)fake);
    span = (uint64_t)ts_when(view.slot, CLOCK_MONOTONIC, ns_of(now), goal) - (uint64_t)ns_of(now);
  } while (!stands(&view));
  return span;
}

uint64_t ts_fake_span(uint64_t span) {
  struct ts_timespec now;
  struct view view;
  uint64_t fake;
  do {
    view = view_of(active_slot());
    fake = span;
    if (span >= FOREVER || !is_profile(view.slot, CLOCK_MONOTONIC) || !read_true(CLOCK_MONOTONIC, &now)) continue;
    struct ts_timespec then = time_of(sum_of(ns_of(now), (int64_t)span));
    fake = (uint64_t)ns_of(ts_shown(then, CLOCK_MONOTONIC, view.slot));
    fake -= (uint64_t)ns_of(ts_shown(now, CLOCK_MONOTONIC, view.slot));
  } while (!stands(&view));
  return fake && fake < FOREVER ? fake : span;
}

int ts_deadline(struct ts_call *call, unsigned argument, int clock, int again, struct settings settings) {
  struct ts_timespec time;
  if (!is_selected(settings, clock) || !take(call, argument, &time)) return IN_PLACE;
  ts_to_true(&time, clock);
  return pass(call, argument, &time, again ? ts_ahead(&time, clock) : 0);
}

int ts_duration(struct ts_call *call, unsigned argument, int again, struct settings settings) {
  struct ts_timespec time;
  if (!scales(settings) || !take(call, argument, &time)) return IN_PLACE;
  slow_timespec(&time);
  return pass(call, argument, &time, again ? nanoseconds(&time) : 0);
}

/* nanosleep and its kin: the rest goes to another place, which is the next argument, and only if it was interrupted. */
int ts_sleep(struct ts_call *call, unsigned argument, struct settings settings) {
  uintptr_t rest = call->args[argument + 1];
  struct ts_timespec time;
  ts_given copy;
  if (!rest) return ts_duration(call, argument, 0, settings);
  if (!scales(settings) || !take(call, argument, &time)) return IN_PLACE;
  slow_timespec(&time);
  ts_make_with(call, argument, given(call, &time, &copy));
  if (call->number != -EINTR) return MADE;
  time = given_time(call, rest);
  give_time(call, rest, timespec_of(ts_fake_span(nanoseconds(&time))));
  return MADE;
}

/* ppoll, pselect6 and recvmmsg: the rest replaces the timespec, if the kernel sees fit. */
int ts_timespec_rest(struct ts_call *call, unsigned argument) {
  struct ts_timespec time;
  ts_given copy;
  int minds = is_recvmmsg(call);
  if (!take(call, argument, &time)) return IN_PLACE;
  slow_timespec(&time);
  uintptr_t ours = given(call, &time, &copy);
  time = given_time(call, ours);
  uint64_t asked = nanoseconds(&time);
  ts_make_with(call, argument, ours);
  time = given_time(call, ours);
  uint64_t rest = nanoseconds(&time);
  if (rest == asked) return MADE;
  if (ts_writable(call, call->args[argument]))
    give_time(call, call->args[argument], timespec_of(ts_fake_span(rest)));
  else if (minds)
    call->number = -EFAULT;
  return MADE;
}

/* select: the same with microseconds, of which there may be more than a second's. */
int ts_timeval_rest(struct ts_call *call, unsigned argument) {
  const struct ts_timeval *theirs = (void *)call->args[argument];
  struct ts_timeval time;
  if (!theirs || !ts_readable(call, (uintptr_t)theirs)) return IN_PLACE;
  time = *(const volatile struct ts_timeval *)theirs;
  if ((uint64_t)time.usec > FOREVER / 2 || (uint64_t)time.sec > FOREVER / 2 / USEC_PER_SEC) return IN_PLACE;
  uint64_t asked = (uint64_t)time.sec * USEC_PER_SEC + (uint64_t)time.usec;
  time = timeval_of(true_microseconds(asked));
  uint64_t passed = microseconds(&time);
  ts_make_with(call, argument, (uintptr_t)&time);
  uint64_t rest = microseconds(&time);
  if (rest != passed && ts_writable(call, (uintptr_t)theirs))
    *(struct ts_timeval *)theirs = timeval_of(fake_microseconds(rest));
  return MADE;
}
