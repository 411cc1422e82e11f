/*
 * Answers questions about settings, in binary, on stdin and stdout. Each request begins with two words of 32 bits: what
 * is asked, and how often.
 *
 *     SLOTS   both slots, and the index as 8 bytes; no answer
 *     READ    {true time, name}: what is shown
 *     WHEN    {true time, clock, deadline}: the deadline in true time
 *     TRUE    {true time, 0, span}: ts_true_span
 *     FAKE    {true time, 0, span}: ts_fake_span
 *     BEGIN   {true time}: calls ts_begin, and answers the five starts of the slot that is not in use
 */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>

enum request { SLOTS, READ, WHEN, TRUE_SPAN, FAKE_SPAN, BEGIN };

static void take(void *to, size_t size) {
  if (fread(to, 1, size, stdin) != size) exit(1);
}

static void answer(int64_t value) {
  fwrite(&value, sizeof(value), 1, stdout);
}

static int64_t take_word(void) {
  int64_t word;
  take(&word, sizeof(word));
  return word;
}

static int64_t true_deadline(int clock, int64_t deadline) {
  struct ts_timespec time = time_of(deadline);
  ts_to_true(&time, clock);
  return ns_of(time);
}

static void take_slots(void) {
  take(ts_params.slot, sizeof(ts_params.slot));
  ts_params.index = (uint8_t)take_word();
}

static void carry_out(enum request request) {
  if (request == SLOTS) {
    take_slots();
    return;
  }
  true_time = take_word();
  if (request == BEGIN) {
    ts_begin(&ts_params);
    for (int family = 0; family < TS_FAMILIES; family++) answer(ts_params.slot[ts_params.index ^ 1].start[family]);
    return;
  }
  int64_t name = take_word();
  if (request == READ) answer(read_shown((unsigned)name));
  if (request == WHEN) answer(true_deadline((int)name, take_word()));
  if (request == TRUE_SPAN) answer((int64_t)ts_true_span((uint64_t)take_word()));
  if (request == FAKE_SPAN) answer((int64_t)ts_fake_span((uint64_t)take_word()));
}

int main(void) {
  uint32_t head[2];
  compares = 1;
  while (fread(head, sizeof(head), 1, stdin) == 1) {
    while (head[1]-- > 0) carry_out(head[0]);
    fflush(stdout);
  }
  return 0;
}
