/*
 * when.c - the inverse of a profile: the true time at which a clock shows what a program waits for.
 *
 * One function with little on its stack, which may be a goroutine's.
 */
#include "profile.h"

/*
 * How many lines are looked at, of which a deadline in an hour has billions if each takes a microsecond. Where these do
 * not get there, the rest is waited for in true time.
 */
#define LINES 4096

enum look {
  BEGIN,   /* of a line, whose first time is `low` */
  END,     /* its last time is `high` */
  BETWEEN, /* the goal is not reached at `low`, but at `high` */
  REST,    /* it is not reached at all: what is shown at `low`, where the walk came to its end */
};

static inline int64_t shown_on(const struct ts_slot *slot, int clock, int64_t time, struct line *line) {
  line->until = NEVER;
  if (!is_profile(slot, clock)) return shown_at(time, selection(slot) >> clock & 1 ? base_of(slot) : 0);
  int64_t elapsed = elapsed_at(slot, clock, time);
  if (elapsed >= 0) return shown_at(time, ts_offset(slot, clock, elapsed, line));
  line->until = 0;
  return time;
}

/* The last true time of a line that was looked at at its first. One that ends before it begins is being rewritten. */
static inline int64_t last_of(const struct ts_slot *slot, int clock, int64_t time, const struct line *line) {
  if (line->until > INT64_MAX) return INT64_MAX;
  int64_t left = (int64_t)(line->until - 1 - (uint64_t)elapsed_at(slot, clock, time));
  return left > 0 ? sum_of(time, left) : time;
}

/* A bound of 0 or less lowers nothing. */
static inline int64_t lowered(int64_t goal, int64_t bound) {
  return bound > 0 ? sum_of(goal, -bound) : goal;
}

/*
 * Where to begin, if many lines repeat each other that cannot get to the goal: their bounds tell. What repeats itself
 * may also be left out at first, until the rest gets as near to the goal as that.
 */
static inline int64_t skipped(const struct ts_slot *slot, int clock, int64_t time, int64_t goal, struct line *line) {
  line->steady = 0;
  if (!is_profile(slot, clock) || elapsed_at(slot, clock, time) < 0) return time;
  if (!load(slot->every)) {
    line->steady = load(slot->swing) > 0;
    return time;
  }
  int64_t earliest = lowered(goal, load(slot->ceiling));
  return earliest > time ? earliest : time;
}

/* A deadline that has passed has passed for as long as before: a timer may have an interval. */
static inline int64_t late(int64_t now, int64_t by) {
  return by < now ? now - by : 0;
}

/*
 * Goes from line to line. Each is monotone, so its two ends tell whether it gets there. Where it is the sum of several
 * that were rounded, it is so but for as many ns, and the time that is found may be late by as many.
 */
int64_t ts_when(const struct ts_slot *slot, int clock, int64_t now, int64_t goal) {
  struct line line;
  enum look look = BEGIN;
  int lines = LINES;
  int pending = is_profile(slot, clock) && elapsed_at(slot, clock, now) < 0;
  const struct ts_slot *walked = pending ? other_slot(slot) : slot;
  int64_t low = skipped(walked, clock, now, goal, &line), high = low;
  for (;;) {
    int64_t at = look == END ? high : look == BETWEEN ? low + (high - low) / 2 : low;
    int64_t shown = shown_on(walked, clock, at, &line), last = INT64_MAX;
    if (look == REST) return sum_of(low, sum_of(goal, -shown));
    if (walked != slot) last = sum_of(now, -1 - elapsed_at(slot, clock, now));
    int reached = low <= last && shown >= (line.steady ? lowered(goal, load(walked->swing)) : goal);
    if (look == BETWEEN || (look == END && reached)) {
      if (look == BETWEEN) *(reached ? &high : &low) = at;
      look = BETWEEN;
      if (high - low > 1) continue;
      low = high;
      reached = 1;
    } else if (look == BEGIN && !reached) {
      high = last_of(walked, clock, at, &line);
      if (high > last) high = last;
      look = END;
      continue;
    } else if (!reached && high < last && --lines > 0) {
      low = high + 1;
      look = BEGIN;
      continue;
    }
    look = BEGIN;
    if (reached && !line.steady) return at == now ? late(now, shown - goal) : low;
    if (reached) {
      line.steady = 0;
    } else if (walked != slot) {
      walked = slot;
      low = skipped(walked, clock, sum_of(last, 1), goal, &line);
    } else {
      line.steady = 0;
      look = REST;
    }
  }
}
