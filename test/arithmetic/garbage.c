/*
 * Whatever a slot holds, the payload's functions return: `garbage SEED ROUNDS`, built with the compiler's checks. Slots
 * of random words, and profiles with a few random words among their fields. Prints {"rounds", "longest"}: ns of
 * processor time that one question took.
 */
#include "host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t state;

/* SplitMix64. */
static uint64_t draw(void) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

/* As often the ends of what a word holds, or small, as anything. */
static uint64_t odd(void) {
  static const uint64_t ends[] = {0, 1, 2, INT64_MAX, 1ull << 63, UINT64_MAX, UINT64_MAX - 1, UINT32_MAX, 1ull << 62};
  switch (draw() % 3) {
    case 0:
      return ends[draw() % (sizeof(ends) / sizeof(ends[0]))];
    case 1:
      return draw() >> draw() % 64;
    default:
      return draw();
  }
}

static void fill(struct ts_slot *slot) {
  uint64_t *words = (uint64_t *)slot;
  for (unsigned i = 0; i < sizeof(*slot) / 8; i++) words[i] = odd();
}

/* In order, but for what damage() does to it. */
static void make_profile(struct ts_slot *slot) {
  memset(slot, 0, sizeof(*slot));
  slot->generation = odd();
  slot->selected = UINT64_MAX;
  slot->kind = TS_PROFILE;
  slot->track_count = (uint32_t)(draw() % 4);
  slot->duration = draw() % 3 ? 0 : draw() >> 20;
  slot->every = slot->duration * (draw() % 3);
  slot->noise_amplitude = draw() % 2 ? 0 : draw() >> 30;
  slot->noise_every = 1 + (draw() >> 30);
  slot->noise_glides = draw() % 2;
  slot->swing = (int64_t)(draw() >> 20);
  slot->ceiling = (int64_t)(draw() >> 1);
  for (unsigned i = 0; i < TS_TRACKS; i++)
    slot->tracks[i] = (struct ts_track){UINT64_MAX, draw() % 2 ? 0 : draw() >> 30, (int64_t)draw() >> 20,
                                        1 + (draw() >> 20), i * 160, 1 + (uint32_t)(draw() % 160)};
  for (unsigned i = 0; i < TS_FRAMES; i++)
    slot->frames[i] = (struct ts_frame){(int64_t)(i % 160 * 1000000), (int64_t)draw() >> 30};
}

static void damage(struct ts_slot *slot) {
  enum { HEAD_WORDS = 512 / 8 };
  uint64_t *words = (uint64_t *)slot;
  for (uint64_t i = draw() % 4; i > 0; i--) words[draw() % HEAD_WORDS] = odd();
  for (uint64_t i = draw() % 8; i > 0; i--) words[draw() % (sizeof(*slot) / 8)] = odd();
  /* The clocks' own fields are among them, and the kind. */
  if (draw() % 8) slot->selected |= draw();
  if (draw() % 2) slot->kind |= TS_PROFILE;
}

static int64_t processor_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

static void ask(unsigned question) {
  struct ts_timespec time = {(int64_t)(odd() >> 1), (int64_t)(draw() % NSEC_PER_SEC)};
  unsigned name = question % 14;
  true_time = (int64_t)(odd() >> 1) % (4 * (1ll << 60));
  if (name < 12) ts_to_true(&time, (int)name);
  read_shown(name == 12 ? TS_NAME_GETTIMEOFDAY : name == 13 ? TS_NAME_TIME : name);
  ts_true_span(odd());
  ts_fake_span(odd());
}

int main(int argc, char **argv) {
  uint64_t rounds = argc > 2 ? strtoull(argv[2], 0, 10) : 1000;
  int64_t longest = 0;
  state = argc > 1 ? strtoull(argv[1], 0, 10) : 1;
  for (uint64_t round = 0; round < rounds; round++) {
    for (unsigned i = 0; i < 2; i++) {
      if (draw() % 2) fill(&ts_params.slot[i]);
      else make_profile(&ts_params.slot[i]);
      damage(&ts_params.slot[i]);
    }
    ts_params.index = (uint8_t)draw();
    for (unsigned question = 0; question < 28; question++) {
      int64_t began = processor_time();
      ask(question);
      int64_t took = processor_time() - began;
      if (took > longest) longest = took;
    }
  }
  ts_begin(&ts_params);
  printf("{\"rounds\":%" PRIu64 ",\"longest\":%" PRId64 "}\n", rounds, longest);
  return 0;
}
