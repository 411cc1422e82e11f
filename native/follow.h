/*
 * follow.h - what the follower's thread does, and who tells it what to do. Internal to the helper.
 */
#ifndef TIMESKEW_FOLLOW_H
#define TIMESKEW_FOLLOW_H

#include "session.h"

/* ---- notes.c ------------------------------------------------------------------------------------------------------- */

enum meaning {
  NONE = 0,
  ENTERING, /* has called execve: is held at its next stop */
  LOADING,  /* runs from system call to system call, up to the gate */
  ARRIVING, /* is there: is held at its next stop */
  HELD,
  LATE,    /* was interrupted by a session that did not wait for it */
  LEAVING, /* is not to be followed any more */
};

struct note {
  int tid;
  uint8_t meaning;
  uint8_t kind;       /* HELD: enum ts_event_kind */
  uint8_t told;       /* HELD: the event is written */
  uint8_t group_stop; /* HELD: stopped by job control as well */
  uint32_t calls;     /* LOADING: stops at system calls so far */
  uint64_t gate;      /* LOADING */
};

/* Where struct ts_event is written to; that does not block. */
void notes_begin(int events);
/* NULL where there is none of this thread. */
struct note *note_of(int tid);
enum meaning meaning_of(int tid);
/* A new one instead of any older. NULL where there is no memory for it: then its next stop means nothing special. */
struct note *note(int tid, enum meaning meaning);
void forget(int tid);
/* Those whose end a session has seen. */
void forget_the_dead(void);

void note_somebody(void);
void tell_nobody(void);
/*
 * Tells of whoever is held and was not told of yet. When the pipe is full the tool has thousands of events to read, and
 * will give us something to do after each.
 */
void tell_held(void);

/* ---- follow.c ------------------------------------------------------------------------------------------------------ */

/* At most so many stops are seen to at once: they may come as fast as that is done. */
#define SERVINGS 64
/* Does what is due for anybody; with `wait`, when something is. -EINTR: told otherwise; -ECHILD: nobody is followed. */
int follow_serve(int wait);
/* Does what one stop, or one end, makes due. */
void follow_event(const struct child_event *event);
void go_on(int tid, int signal);
/* Goes on, and stops again before it executes anything. */
void come_again(int tid, int signal);
/* What stands still for longer is not to be found by each further look. */
void take_stop(int tid);

#endif
