/*
 * probe.c - reads every wanted clock of the target through the vDSO's own entries, as the program would, each
 * between two reads of the original, and compares the result with what the settings promise.
 *
 * It runs in the target by a remote call (TS_CALL), on the scratch page's stack, before a freshly patched target
 * is let go: an injection that does not do what it says is rolled back without any thread having seen it.
 */
#include "slot.h"

enum { GETTIMEOFDAY = 12, TIME = 13 };

/* a <= b, by seconds and nanoseconds */
static int ordered(int64_t a_sec, int64_t a_nsec, int64_t b_sec, int64_t b_nsec) {
  return a_sec < b_sec || (a_sec == b_sec && a_nsec <= b_nsec);
}

static void add_offset(int64_t *sec, int64_t *nsec, const struct ts_slot *slot) {
  *sec += slot->offset_sec;
  *nsec += (int64_t)slot->offset_nsec;
  if (*nsec >= 1000000000) {
    *nsec -= 1000000000;
    ++*sec;
  }
}

/* before <= value <= after, all cut to `unit` ns, before and after moved by the offset where it is selected. */
static int promised(const struct ts_probe_reading *r, const struct ts_slot *slot, int selected, int64_t unit) {
  int64_t before_sec = r->before_sec, before_nsec = r->before_nsec;
  int64_t after_sec = r->after_sec, after_nsec = r->after_nsec;
  if (selected) {
    add_offset(&before_sec, &before_nsec, slot);
    add_offset(&after_sec, &after_nsec, slot);
  }
  return r->nsec >= 0 && r->nsec < 1000000000 &&
         ordered(before_sec, before_nsec - before_nsec % unit, r->sec, r->nsec) &&
         ordered(r->sec, r->nsec, after_sec, after_nsec - after_nsec % unit);
}

static void read_clock(struct ts_probe *probe, int index, int base, const struct ts_slot *slot) {
  struct ts_probe_reading *r = &probe->readings[index];
  struct ts_timespec before = {0, 0}, value = {0, 0}, after = {0, 0};
  int64_t unit = 1;
  int selected;
  long failed = ts_original_clock_gettime(base, &before);

  if (index == GETTIMEOFDAY) {
    r->result = ((long (*)(struct ts_timespec *, void *))probe->entries[1])(&value, 0);
    value.nsec *= 1000;
    unit = 1000;
    selected = !!(slot->selected & TS_SELECT_GETTIMEOFDAY);
  } else if (index == TIME) {
    value.sec = ((int64_t(*)(int64_t *))probe->entries[2])(0);
    r->result = value.sec < 0 && value.sec > -4096 ? value.sec : 0;
    unit = 1000000000;
    selected = !!(slot->selected & TS_SELECT_TIME);
  } else {
    r->result = ((long (*)(int, struct ts_timespec *))probe->entries[0])(index, &value);
    selected = slot->selected >> index & 1;
  }

  (void)ts_original_clock_gettime(base, &after);
  r->sec = value.sec;
  r->nsec = value.nsec;
  r->before_sec = before.sec;
  r->before_nsec = before.nsec;
  r->after_sec = after.sec;
  r->after_nsec = after.nsec;
  if (failed ? r->result != failed : r->result != 0 || !promised(r, slot, selected, unit)) probe->mismatches++;
}

void ts_probe(struct ts_params *params) {
  struct ts_probe *probe = &params->probe;
  const struct ts_slot *slot = &params->slot[params->index & 1];
  probe->mismatches = 0;
  for (int id = 0; id < 12; id++)
    if (probe->wanted >> id & 1 && probe->entries[0]) read_clock(probe, id, id, slot);
  if (probe->wanted & TS_SELECT_GETTIMEOFDAY && probe->entries[1])
    read_clock(probe, GETTIMEOFDAY, CLOCK_REALTIME, slot);
  if (probe->wanted & TS_SELECT_TIME && probe->entries[2])
    read_clock(probe, TIME, CLOCK_REALTIME_COARSE, slot);
}
