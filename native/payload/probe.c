/*
 * probe.c - reads every wanted clock of the target through the vDSO's own entries, as the program would, each
 * between two reads of the original, and compares the result with what the settings promise.
 *
 * It runs in the target by a remote call (TS_CALL), on the scratch page's stack, before a freshly patched target
 * is let go: an injection that does not do what it says is rolled back without any thread having seen it.
 */
#include "profile.h"

#ifdef __i386__
#include "i386/clock32.h"
typedef ts_clock_gettime32_fn plain_clock_gettime_fn;
typedef struct ts_timespec32 plain_timespec;
#else
typedef ts_clock_gettime_fn plain_clock_gettime_fn;
typedef struct ts_timespec plain_timespec;
#endif

enum { CLOCKS = 12, GETTIMEOFDAY = 12, TIME = 13, CLOCK64 = 14 };

/* a <= b */
static int ordered(struct ts_timespec a, struct ts_timespec b) {
  return a.sec < b.sec || (a.sec == b.sec && a.nsec <= b.nsec);
}

/* Cut to `unit` ns. */
static struct ts_timespec cut(struct ts_timespec time, int64_t unit) {
  return (struct ts_timespec){time.sec, time.nsec - time.nsec % unit};
}

/* Between what is to be shown before and after, whichever is less. */
static int promised(const struct ts_probe_reading *r, unsigned name, const struct ts_slot *slot, int64_t unit) {
  struct ts_timespec value = {r->sec, r->nsec};
  struct ts_timespec before = cut(ts_shown((struct ts_timespec){r->before_sec, r->before_nsec}, name, slot), unit);
  struct ts_timespec after = cut(ts_shown((struct ts_timespec){r->after_sec, r->after_nsec}, name, slot), unit);
  return value.nsec >= 0 && value.nsec < NSEC_PER_SEC &&
         ((ordered(before, value) && ordered(value, after)) || (ordered(after, value) && ordered(value, before)));
}

/*
 * The time that has these 32 bits for seconds, and is nearest to what should be shown: all that a 32-bit program's older
 * functions tell.
 */
static int64_t widened(int64_t sec, struct ts_timespec before, unsigned name, const struct ts_slot *slot) {
  int64_t near = ts_shown(before, name, slot).sec;
  return near + (int32_t)((uint32_t)sec - (uint32_t)near);
}

static void *entry_of(const struct ts_probe *probe, int function) {
  return (void *)(uintptr_t)probe->entries[function];
}

/* @returns whether it is what was promised */
static int read_clock(struct ts_probe *probe, int index, int base, const struct ts_slot *slot) {
  struct ts_probe_reading *r = &probe->readings[index];
  struct ts_timespec before = {0, 0}, value = {0, 0}, after = {0, 0};
  int64_t unit = 1;
  unsigned name = (unsigned)base;
  long failed = ts_original_clock_gettime(base, &before);

  r->result = 0;
  if (index == GETTIMEOFDAY) {
    struct ts_timeval micro = {0, 0};
    r->result = ((ts_gettimeofday_fn *)entry_of(probe, 1))(&micro, 0);
    value = (struct ts_timespec){micro.sec, (int64_t)micro.usec * 1000};
    unit = 1000;
    name = TS_NAME_GETTIMEOFDAY;
  } else if (index == TIME) {
    value.sec = ((long (*)(long *))entry_of(probe, 2))(0);
    unit = NSEC_PER_SEC;
    name = TS_NAME_TIME;
  } else if (index == CLOCK64) {
    r->result = ((ts_clock_gettime_fn *)entry_of(probe, 3))(base, &value);
  } else {
    plain_timespec plain = {0, 0};
    r->result = ((plain_clock_gettime_fn *)entry_of(probe, 0))(base, &plain);
    value = (struct ts_timespec){plain.sec, plain.nsec};
  }

  (void)ts_original_clock_gettime(base, &after);
  if (sizeof(long) < sizeof(value.sec) && index != CLOCK64 && !failed)
    value.sec = widened(value.sec, before, name, slot);
  if (index == TIME && value.sec < 0 && value.sec > -4096) r->result = value.sec;
  r->sec = value.sec;
  r->nsec = value.nsec;
  r->before_sec = before.sec;
  r->before_nsec = before.nsec;
  r->after_sec = after.sec;
  r->after_nsec = after.nsec;
  return failed ? r->result == failed : r->result == 0 && promised(r, name, slot, unit);
}

/* Several times, for a function of time may have a step right between two reads. */
static void check_clock(struct ts_probe *probe, int index, int base, const struct ts_slot *slot) {
  for (int tries = 0; tries < 8; tries++)
    if (read_clock(probe, index, base, slot)) return;
  probe->mismatches++;
}

void ts_probe(struct ts_params *params) {
  struct ts_probe *probe = &params->probe;
  const struct ts_slot *slot = &params->slot[params->index & 1];
  probe->mismatches = 0;
  for (int id = CLOCKS - 1; id >= 0; id--) {
    if (!(probe->wanted >> id & 1)) continue;
    if (probe->entries[0]) check_clock(probe, id, id, slot);
    if (probe->entries[3]) check_clock(probe, CLOCK64, id, slot); /* the last one, CLOCK_REALTIME, can be looked at */
  }
  if (probe->wanted & TS_SELECT_GETTIMEOFDAY && probe->entries[1])
    check_clock(probe, GETTIMEOFDAY, CLOCK_REALTIME, slot);
  if (probe->wanted & TS_SELECT_TIME && probe->entries[2])
    check_clock(probe, TIME, CLOCK_REALTIME_COARSE, slot);
}
