/*
 * Threads that read clocks and translate deadlines while a writer changes the settings as fast as it can, by the steps
 * of planUpdate in src/patch/inject.ts: whatever they get is by one of the settings, whole. `torn SECONDS [careless]`;
 * a careless writer rewrites the slot in use. One line of JSON: {"changes", "seconds", "readings", "seen": [by each of
 * the settings], "torn", "first"}.
 */
#include "host.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READERS 3
#define SETTINGS 7
#define PENDING 5 /* begins between two of the times: before that the settings before it hold */
#define TIMES 16
#define SECOND 1000000000ll
#define DAY (86400 * SECOND)
#define ORIGIN (1000 * DAY)
#define AHEAD (3600 * SECOND)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const unsigned names[] = {
    0, 1, 5, 7, TS_NAME_GETTIMEOFDAY,
#ifdef TS_HAS_TIME
    TS_NAME_TIME,
#endif
};
static struct ts_slot settings[SETTINGS];
/* Readings by each name, and then a deadline on CLOCK_MONOTONIC, and durations there and back. */
enum { DEADLINE = COUNT(names), TRUE_SPAN, FAKE_SPAN, QUESTIONS };
/* What each of the settings makes of each time. */
static int64_t expected[SETTINGS][TIMES][QUESTIONS];
static atomic_int over;
static atomic_ulong readings, torn, seen[SETTINGS];
static char first[300];

static int64_t time_number(unsigned number) {
  return ORIGIN + (int64_t)number * 7 * SECOND + number;
}

/* The setting's own offset, in days, tells it from the others, whatever its frames add. */
static void make_setting(unsigned number) {
  struct ts_slot *slot = &settings[number];
  slot->selected = ~0ull;
  slot->offset_sec = ((int64_t)number - 3) * 86400;
  slot->offset_nsec = number * 1000001;
  slot->ceiling = INT64_MAX;
  slot->kind = number % 3 ? TS_PROFILE : TS_CONSTANT;
  slot->track_count = 1 + number % TS_TRACKS;
  int64_t start = number == PENDING ? ORIGIN + 50 * SECOND : ORIGIN - (int64_t)number * 13 * SECOND;
  for (unsigned family = 0; family < TS_FAMILIES; family++) slot->start[family] = start;
  for (unsigned i = 0; i < slot->track_count; i++) {
    unsigned count = 1 + number * 20, at = i * count;
    slot->tracks[i] = (struct ts_track){~0ull, i == 1 ? 61 * SECOND : 0, (int64_t)number - 4, 1000, at, count};
    for (unsigned frame = 0; frame < count; frame++)
      slot->frames[at + frame] = (struct ts_frame){frame * SECOND, (int64_t)(frame * number) * 1000003};
  }
  if (number == 2) {
    slot->noise_amplitude = SECOND;
    slot->noise_every = 3 * SECOND;
    slot->noise_seed = 42;
    slot->noise_glides = 1;
  }
}

static int64_t ask(unsigned time, unsigned question) {
  true_time = time_number(time);
  if (question < COUNT(names)) return read_shown(names[question]);
  if (question == TRUE_SPAN) return (int64_t)ts_true_span(AHEAD);
  if (question == FAKE_SPAN) return (int64_t)ts_fake_span(AHEAD);
  struct ts_timespec deadline = time_of(true_time + AHEAD);
  ts_to_true(&deadline, CLOCK_MONOTONIC);
  return ns_of(deadline);
}

/* All that is in use, but for the generation. */
static void fill(struct ts_slot *slot, unsigned number) {
  const uint64_t *from = (const uint64_t *)&settings[number];
  uint64_t *to = (uint64_t *)slot;
  const struct ts_track *last = &settings[number].tracks[settings[number].track_count - 1];
  size_t used = offsetof(struct ts_slot, frames) + (last->first + last->count) * sizeof(struct ts_frame);
  for (unsigned i = 1; i < used / 8; i++) __atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
}

/* The tool's writes are system calls, each of which ends with a barrier (slot.h). */
static void end_write(void) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* As planUpdate orders it; `generation` and the number before it are new. */
static void change_to(unsigned number, uint64_t generation) {
  uint8_t idle = ts_params.index ^ 1;
  struct ts_slot *slot = &ts_params.slot[idle];
  __atomic_store_n(&slot->generation, generation - 1, __ATOMIC_RELAXED);
  end_write();
  fill(slot, number);
  end_write();
  __atomic_store_n(&slot->generation, generation, __ATOMIC_RELAXED);
  end_write();
  __atomic_store_n(&ts_params.index, idle, __ATOMIC_RELAXED);
  end_write();
}

/* After a while, back to the settings that hold until a profile begins, whose slot may be filled then. */
static void give_up_pending(void) {
  for (int i = 0; i < 100; i++) __asm__ volatile("");
  __atomic_store_n(&ts_params.index, ts_params.index ^ 1, __ATOMIC_SEQ_CST);
}

static void expect_all(void) {
  for (unsigned number = 0; number < SETTINGS; number++) {
    memset(&ts_params, 0, sizeof(ts_params));
    change_to(number, 2);
    for (unsigned time = 0; time < TIMES; time++)
      for (unsigned question = 0; question < QUESTIONS; question++)
        expected[number][time][question] = ask(time, question);
  }
}

static int belongs(unsigned time, unsigned question, int64_t value) {
  for (unsigned number = 0; number < SETTINGS; number++) {
    if (value != expected[number][time][question]) continue;
    seen[number]++;
    return 1;
  }
  return 0;
}

/* What a wait comes to across the beginning of a profile depends on the settings before it, too. */
static int is_mixed(unsigned time, unsigned question) {
  return question >= DEADLINE && time_number(time) < settings[PENDING].start[TS_MONOTONIC];
}

static void *read_all(void *nothing) {
  for (unsigned turn = 0; !over; turn++) {
    unsigned time = turn % TIMES, question = turn / TIMES % QUESTIONS;
    int64_t value = ask(time, question);
    readings++;
    if (is_mixed(time, question) || belongs(time, question, value)) continue;
    if (torn++ == 0) snprintf(first, sizeof(first), "time %u, question %u: %" PRId64, time, question, value);
  }
  return nothing;
}

static int64_t monotonic(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * SECOND + now.tv_nsec;
}

int main(int argc, char **argv) {
  int64_t began, seconds = argc > 1 ? atoi(argv[1]) : 1;
  pthread_t threads[READERS];
  int careless = argc > 2;
  uint64_t changes = 0;
  unsigned number = 0;
  for (unsigned i = 0; i < SETTINGS; i++) make_setting(i);
  expect_all();
  began = monotonic();
  for (unsigned i = 0; i < READERS; i++) pthread_create(&threads[i], 0, read_all, 0);
  while (changes % 1024 || monotonic() < began + seconds * SECOND) {
    if (number == PENDING && !careless) give_up_pending();
    number = (unsigned)(changes * 5 + changes / 64) % SETTINGS;
    if (careless) fill(&ts_params.slot[ts_params.index], number);
    else change_to(number, 4 + 2 * changes);
    changes++;
  }
  double took = (double)(monotonic() - began) / SECOND;
  over = 1;
  for (unsigned i = 0; i < READERS; i++) pthread_join(threads[i], 0);
  printf("{\"changes\":%" PRIu64 ",\"seconds\":%.3f,\"readings\":%lu,\"seen\":[", changes, took, readings);
  for (unsigned i = 0; i < SETTINGS; i++) printf("%s%lu", i ? "," : "", seen[i]);
  printf("],\"torn\":%lu,\"first\":\"%s\"}\n", torn, first);
  return 0;
}
