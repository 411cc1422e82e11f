/*
 * probe.c - reads every wanted clock of the target through the vDSO's own entries, as the program would, each
 * between two reads of the original, and compares the result with what the settings promise.
 *
 * It runs in the target by a remote call (TS_CALL), on the scratch page's stack, before a freshly patched target
 * is let go: an injection that does not do what it says is rolled back without any thread having seen it.
 */
#include "profile.h"

enum { GETTIMEOFDAY = 12, TIME = 13 };

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

/* @returns whether it is what was promised */
static int read_clock(struct ts_probe *probe, int index, int base, const struct ts_slot *slot) {
  struct ts_probe_reading *r = &probe->readings[index];
  struct ts_timespec before = {0, 0}, value = {0, 0}, after = {0, 0};
  int64_t unit = 1;
  unsigned name = (unsigned)index;
  long failed = ts_original_clock_gettime(base, &before);

  if (index == GETTIMEOFDAY) {
    r->result = ((long (*)(struct ts_timespec *, void *))probe->entries[1])(&value, 0);
    value.nsec *= 1000;
    unit = 1000;
    name = TS_NAME_GETTIMEOFDAY;
  } else if (index == TIME) {
    value.sec = ((int64_t(*)(int64_t *))probe->entries[2])(0);
    r->result = value.sec < 0 && value.sec > -4096 ? value.sec : 0;
    unit = NSEC_PER_SEC;
    name = TS_NAME_TIME;
  } else {
    r->result = ((long (*)(int, struct ts_timespec *))probe->entries[0])(index, &value);
  }

  (void)ts_original_clock_gettime(base, &after);
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
  for (int id = 0; id < 12; id++)
    if (probe->wanted >> id & 1 && probe->entries[0]) check_clock(probe, id, id, slot);
  if (probe->wanted & TS_SELECT_GETTIMEOFDAY && probe->entries[1])
    check_clock(probe, GETTIMEOFDAY, CLOCK_REALTIME, slot);
  if (probe->wanted & TS_SELECT_TIME && probe->entries[2])
    check_clock(probe, TIME, CLOCK_REALTIME_COARSE, slot);
}
