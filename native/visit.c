/*
 * visit.c - a session on somebody who is followed, on the follower's thread: what is different about it.
 *
 * The target is ours before and stays ours after it: threads go on instead of being detached, sleepers just sleep on, and
 * whoever is held is held again. Others whom we follow do not wait for it: whatever they stop for is seen to whenever the
 * session itself would sleep.
 */
#include "follow.h"

int follow_look(struct thread *t) {
  const struct note *n = note_of(t->tid);
  if (!n) return 0;
  if (n->meaning == ENTERING || n->meaning == ARRIVING) return -EAGAIN;
  t->held = n->meaning == HELD;
  t->group_stop = n->group_stop;
  return 0;
}

static struct thread *thread_of(struct session *s, int tid) {
  for (uint32_t i = 0; i < s->count; i++)
    if (s->threads[i].tid == tid) return &s->threads[i];
  return NULL;
}

void follow_meanwhile(struct session *s) {
  for (int i = 0; i < SERVINGS; i++) {
    struct child_event event = {0};
    if (sys_waitid_any(&event, WEXITED | WSTOPPED | WNOWAIT | WNOHANG) < 0 || !event.pid) return;
    struct thread *t = thread_of(s, event.pid);
    if (!t || t->state == THREAD_GONE || event.code <= CLD_DUMPED) {
      follow_event(&event);
      if (t) t->state = THREAD_GONE;
    } else if (t->state == THREAD_STOPPED) {
      take_stop(t->tid);
    } else if (t->state != THREAD_SEIZED || thread_collect(s, t) < 0) {
      return; /* its own turn comes, and then that of those behind it */
    }
  }
}

void follow_late(const struct thread *t) {
  if (meaning_of(t->tid) == NONE) (void)note(t->tid, LATE);
}

#define HOLD_AGAIN_NS 1000000000ull

/* A held one that has made calls for the session comes back to a stop of the kind that it was held in. */
static void hold_again(struct session *s, struct thread *t) {
  if (t->called && thread_stop_again(s, t, 0, sys_now() + HOLD_AGAIN_NS) < 0) return;
  take_stop(t->tid);
  struct note *n = note_of(t->tid);
  if (n) n->group_stop = t->group_stop;
}

void follow_release(struct session *s, struct thread *t) {
  if (t->held) return hold_again(s, t);
  if (t->called) {
    /* From the stop at its system call nobody would restart the one that it was in. */
    follow_late(t);
    come_again(t->tid, 0);
  } else if (t->group_stop) {
    (void)sys_ptrace(PTRACE_LISTEN, t->tid, 0, 0);
  } else {
    go_on(t->tid, 0);
  }
}

struct visit {
  struct session *session;
  void (*hold)(void *);
};

static int visit(void *context) {
  struct visit *v = context;
  struct precedence before;
  (void)follow_serve(0); /* a program that has just begun is held for the session already */
  hurry(&before);
  v->hold(v->session);
  unhurry(&before);
  forget_the_dead();
  return 0;
}

int follow_session(struct session *s, void (*hold)(void *)) {
  struct visit v = {s, hold};
  return follower_run(visit, &v);
}
