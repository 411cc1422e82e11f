/*
 * stacks.c - looks through a stopped thread's stack for addresses of ours.
 *
 * Conservative: every word from the stack pointer up to the end of the mapping (or a bound) is taken for what it
 * might be. Words below the stack pointer are dead: nobody returns there.
 */
#include "session.h"

#define SCAN_BYTES (128 * 1024)
#define CHUNK_WORDS 512
#define MOST_FRAMES 3

/* Calls `look` for each word, which is followed by at least SIGNAL_FRAME_WORDS - 1 readable ones (or zeros). */
static int scan(struct session *s, uint64_t sp, int (*look)(void *, uint64_t at, const uint64_t *word),
                void *context) {
  uint64_t words[CHUNK_WORDS + SIGNAL_FRAME_WORDS];
  uint64_t at = (sp + 7) & ~7ull, end = at + SCAN_BYTES;
  while (at < end) {
    /* Up to the end of a page: the next one may not be mapped. */
    uint64_t page_end = (at & ~4095ull) + 4096;
    uint32_t n = (uint32_t)(page_end - at) / 8;
    if (memory_read(s, at, words, n * 8) < 0) return 0;
    for (uint32_t i = 0; i < SIGNAL_FRAME_WORDS; i++) words[n + i] = 0;
    (void)!memory_read(s, page_end, words + n, (SIGNAL_FRAME_WORDS - 1) * 8);
    for (uint32_t i = 0; i < n; i++) {
      int r = look(context, at + i * 8, words + i);
      if (r) return r;
    }
    at = page_end;
  }
  return 0;
}

struct move {
  struct session *s;
  const struct ts_pair *pairs;
  uint32_t count;
  uint32_t changed;
};

static int look_for_frame(void *context, uint64_t at, const uint64_t *word) {
  struct move *m = context;
  for (uint32_t i = 0; i < m->count; i++) {
    if (word[0] != m->pairs[i].from || !is_signal_frame_pc(word)) continue;
    int r = memory_poke(m->s, at, &m->pairs[i].to);
    if (r < 0) return r;
    m->changed++;
  }
  return 0;
}

int stacks_move(struct session *s, struct thread *t, const struct ts_pair *pairs, uint32_t count, uint32_t *changed) {
  struct move m = {s, pairs, count, 0};
  int r = scan(s, regs_sp(&t->regs), look_for_frame, &m);
  *changed += m.changed;
  return r;
}

struct inside {
  struct session *s;
  uint64_t start, end;
  const struct ts_pair *callees;
  uint32_t count;
  uint32_t depth; /* signal frames that led here */
};

static int look_inside(void *context, uint64_t at, const uint64_t *word);

/*
 * A signal has interrupted a function that our code may have called. If it has, the return address stands above the
 * frame's stack pointer, which is on another stack if the handler runs on an alternate one.
 */
static int caller_inside(const struct inside *in, uint64_t frame_pc_at) {
  uint64_t sp = 0;
  if (memory_read(in->s, frame_pc_at - SIGNAL_FRAME_SP_BEFORE_PC, &sp, sizeof sp) < 0) return 1;
  struct inside there = *in;
  if (++there.depth > MOST_FRAMES) return 1; /* handlers in handlers in handlers, or a ring of forged frames */
  return scan(in->s, sp, look_inside, &there);
}

static int look_inside(void *context, uint64_t at, const uint64_t *word) {
  const struct inside *in = context;
  if (word[0] >= in->start && word[0] < in->end) return 1;
  for (uint32_t i = 0; i < in->count; i++)
    if (word[0] >= in->callees[i].from && word[0] < in->callees[i].to && is_signal_frame_pc(word))
      return caller_inside(in, at);
  return 0;
}

int stacks_inside(struct session *s, struct thread *t, uint64_t start, uint64_t end, const struct ts_pair *callees,
                  uint32_t count) {
  uint64_t pc = regs_pc(&t->regs);
  if (pc >= start && pc < end) return 1;
  struct inside in = {s, start, end, callees, count, 0};
  return scan(s, regs_sp(&t->regs), look_inside, &in);
}
