/*
 * begin.c - a profile begins: what each clock truly reads is added to its start.
 *
 * It runs in the target by a remote call (TS_CALL), right before the slot that holds the profile is put in force, and
 * reads the clocks as the target has them (a time namespace shifts some). They are read one after the other, so it is
 * tried several times, and the try counts that took the least.
 */
#include "profile.h"

#define TRIES 8

static int64_t read_original(int id) {
  struct ts_timespec now = {0, 0};
  (void)ts_original_clock_gettime(id, &now);
  return ns_of(now);
}

/* @returns how long it took, ns */
static int64_t read_all(int64_t now[TS_FAMILIES]) {
  enum { CLOCK_MONOTONIC_RAW = 4, CLOCK_TAI = 11 };
  int64_t before = read_original(CLOCK_MONOTONIC);
  now[TS_REALTIME] = read_original(CLOCK_REALTIME);
  now[TS_TAI] = read_original(CLOCK_TAI);
  now[TS_MONOTONIC] = read_original(CLOCK_MONOTONIC);
  now[TS_RAW] = read_original(CLOCK_MONOTONIC_RAW);
  now[TS_BOOTTIME] = read_original(CLOCK_BOOTTIME);
  return read_original(CLOCK_MONOTONIC) - before;
}

void ts_begin(struct ts_params *params) {
  struct ts_slot *slot = &params->slot[(params->index & 1) ^ 1];
  int64_t best[TS_FAMILIES], least = read_all(best);
  for (int tries = 1; tries < TRIES; tries++) {
    int64_t now[TS_FAMILIES], took = read_all(now);
    if (took >= least) continue;
    least = took;
    for (int family = 0; family < TS_FAMILIES; family++) best[family] = now[family];
  }
  for (int family = 0; family < TS_FAMILIES; family++) slot->start[family] = sum_of(slot->start[family], best[family]);
}
