/*
 * profile.c - what a clock is off by, as a function of time: src/skew/profile.ts, to the nanosecond.
 *
 * Integers, in the order of the definition; sums are cut to what an int64_t holds. It must stand whatever a slot holds,
 * which may be rewritten while it is read (whoever reads finds out afterwards): nothing here traps, looks outside of
 * the slot, or takes long.
 */
#include "profile.h"
#include "wide.h"

static inline void end_at(struct line *line, uint64_t end) {
  if (end < line->until) line->until = end;
}

/* span * num / den, rounded down. No 128-bit division: that would be a function of libgcc. */
static inline int64_t along(uint64_t span, int64_t num, uint64_t den) {
  if (!num) return 0;
  struct wide whole = product(span, num < 0 ? -(uint64_t)num : (uint64_t)num);
  if (unlikely(whole.high >= den)) return num < 0 ? INT64_MIN : INT64_MAX; /* the quotient would not fit */
  uint64_t rest, quotient = ts_quotient(whole.high, whole.low, den, &rest);
  if (unlikely(quotient > INT64_MAX)) return num < 0 ? INT64_MIN : INT64_MAX;
  return num < 0 ? (int64_t)-(quotient + (rest != 0)) : (int64_t)quotient;
}

/* The last frame that is not later than `at`; the first one, if none is. */
static inline const struct ts_frame *frame_at(const struct ts_frame *frame, uint32_t count, int64_t at) {
  while (count > 1) {
    uint32_t half = count / 2;
    if (load(frame[half].at) <= at) {
      frame += half;
      __asm__(""); /* a branch, which is foreseen: it is the same way for long, and need not be waited for */
    }
    count -= half;
  }
  return frame;
}

/* @param line 0, or what it ends by */
static inline int64_t track_at(const struct ts_slot *slot, const struct ts_track *track, uint64_t within,
                               struct line *line) {
  uint64_t period = load(track->period), at = within;
  if (period) at %= period;
  uint32_t first = load(track->first), count = load(track->count);
  if (unlikely(first >= TS_FRAMES)) return 0;
  if (unlikely(count > TS_FRAMES - first)) count = TS_FRAMES - first;
  const struct ts_frame *frames = &slot->frames[first], *from = frame_at(frames, count, (int64_t)at);
  int64_t from_at = load(from->at), from_offset = load(from->offset), num;
  uint64_t den;
  if (line && period) end_at(line, within - at + period);
  if (from + 1 < frames + count) {
    int64_t to_at = load(from[1].at);
    num = (int64_t)((uint64_t)load(from[1].offset) - (uint64_t)from_offset);
    den = (uint64_t)to_at - (uint64_t)from_at;
    if (line) end_at(line, within - at + (uint64_t)to_at);
  } else {
    num = load(track->tail_num);
    den = load(track->tail_den);
  }
  return sum_of(from_offset, along(at - (uint64_t)from_at, num, den));
}

/* SplitMix64, scaled to -amplitude .. amplitude. */
static inline int64_t draw(const struct ts_slot *slot, uint64_t index, uint64_t amplitude) {
  uint64_t z = load(slot->noise_seed) + (index + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return (int64_t)(product(z, 2 * amplitude + 1).high - amplitude);
}

/* What glides begins at 0, for a clock that nobody asked to jump. */
static inline int64_t noise_at(const struct ts_slot *slot, uint64_t amplitude, uint64_t elapsed, struct line *line) {
  uint64_t every = load(slot->noise_every), glides = load(slot->noise_glides);
  if (unlikely(!every)) return 0;
  uint64_t index = elapsed / every, since = elapsed % every;
  int64_t from = glides && !index ? 0 : draw(slot, index, amplitude);
  if (line) end_at(line, elapsed - since + every);
  if (!glides) return from;
  uint64_t rise = (uint64_t)draw(slot, index + 1, amplitude) - (uint64_t)from;
  return sum_of(from, along(since, (int64_t)rise, every));
}

out_of_line int64_t ts_offset(const struct ts_slot *slot, int clock, int64_t elapsed, struct line *line) {
  uint64_t every = load(slot->every), duration = load(slot->duration), time = (uint64_t)elapsed;
  uint64_t within = every ? time % every : time;
  int is_over = duration && within >= duration;
  if (line) line->until = duration && !is_over ? duration : every ? every : NEVER;
  int64_t sum = 0;
  if (likely(!is_over)) {
    sum = base_of(slot);
    uint32_t count = load(slot->track_count);
    const struct ts_track *end = slot->tracks + (likely(count < TS_TRACKS) ? count : TS_TRACKS);
    for (const struct ts_track *track = slot->tracks; track < end; track++) {
      if (!(load(track->clocks) >> clock & 1)) continue;
      if (line && line->steady && load(track->period)) continue;
      sum = sum_of(sum, track_at(slot, track, within, line));
    }
  }
  if (line && line->until != NEVER) line->until += time - within;
  uint64_t amplitude = load(slot->noise_amplitude);
  if (amplitude && !is_over && !(line && line->steady)) sum = sum_of(sum, noise_at(slot, amplitude, time, line));
  return sum;
}

/* Before its profile begins, a slot leaves it to the other one; where that is in the same way, nothing is changed. */
struct ts_timespec ts_shown(struct ts_timespec now, unsigned name, const struct ts_slot *slot) {
  int clock = likely(name < 32) ? (int)name : name == TS_NAME_TIME ? CLOCK_REALTIME_COARSE : CLOCK_REALTIME;
  for (int looks = 0; looks < 2; looks++, slot = other_slot(slot)) {
    if (unlikely(!(selection(slot) >> name & 1))) break;
    if (unlikely(kind_of(slot) == TS_CONSTANT)) return plus(now, load(slot->offset_sec), load(slot->offset_nsec));
    int64_t time = ns_of(now), elapsed = elapsed_at(slot, clock, time);
    if (likely(elapsed >= 0)) return time_of(shown_at(time, ts_offset(slot, clock, elapsed, 0)));
  }
  return now;
}
