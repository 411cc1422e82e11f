/*
 * notes.c - all that the follower keeps in mind: a note for each thread whose next stop means something special, and what
 * the tool has been told.
 */
#include "follow.h"

#define STARTING_NOTES 64

static struct {
  int events;
  struct note *notes; /* in no order */
  uint32_t count, capacity;
  uint64_t additions;
  int anybody; /* since the last TS_NOBODY */
} follow;

void notes_begin(int events) {
  follow.events = events;
  follow.count = 0;
  follow.additions = 0;
  follow.anybody = 0;
}

struct note *note_of(int tid) {
  for (uint32_t i = 0; i < follow.count; i++)
    if (follow.notes[i].tid == tid) return &follow.notes[i];
  return NULL;
}

enum meaning meaning_of(int tid) {
  const struct note *n = note_of(tid);
  return n ? n->meaning : NONE;
}

void forget(int tid) {
  struct note *n = note_of(tid);
  if (n) *n = follow.notes[--follow.count];
}

struct note *note(int tid, enum meaning meaning) {
  struct note *n = note_of(tid);
  if (!n) {
    if (follow.count == follow.capacity) {
      uint32_t capacity = follow.capacity ? follow.capacity * 2 : STARTING_NOTES;
      struct note *notes = follow.notes ? sys_reallocate(follow.notes, follow.capacity * sizeof *notes,
                                                         capacity * sizeof *notes)
                                        : sys_allocate(capacity * sizeof *notes);
      if (!notes) return NULL;
      follow.notes = notes;
      follow.capacity = capacity;
    }
    n = &follow.notes[follow.count++];
  }
  *n = (struct note){.tid = tid, .meaning = (uint8_t)meaning};
  return n;
}

void forget_the_dead(void) {
  for (uint32_t i = follow.count; i-- > 0;) {
    struct child_event event = {0};
    int tid = follow.notes[i].tid;
    if (sys_waitid(tid, &event, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | WALL_THREADS | WOWN_TRACEES) == -ECHILD)
      forget(tid);
  }
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static int tell(enum ts_event_kind kind, int pid) {
  const struct ts_event event = {.kind = kind, .pid = pid, .count = follow.additions};
  return sys_write(follow.events, &event, sizeof event) == sizeof event;
}

void note_somebody(void) {
  follow.additions++;
  follow.anybody = 1;
}

void tell_nobody(void) {
  if (follow.anybody) follow.anybody = !tell(TS_NOBODY, 0);
}

void tell_held(void) {
  for (uint32_t i = 0; i < follow.count; i++) {
    struct note *n = &follow.notes[i];
    if (n->meaning == HELD && !n->told) n->told = (uint8_t)tell(n->kind, n->tid);
  }
}
