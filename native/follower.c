/*
 * follower.c - the follower's thread: its beginning, its end, and how the tool's own thread gives it something to do.
 *
 * A thread, not a process: Yama lets the whole process of a tracer read the memory of whom it traces. It sleeps in waitid;
 * a signal wakes it (wake.c). Whoever gives it a task sends that signal until the
 * task is begun: one that comes just before the sleep is lost.
 */
#include "follow.h"

#define STACK_BYTES (256 * 1024)
#define WAKE_AGAIN_NS 1000000
/* Once a task is begun: it may wait for a lock of the kernel's that somebody holds who waits for us (see thread.c). */
#define UNLOCK_NS 50000000

enum { IDLE, GIVEN, BEGUN, DONE };

static struct {
  uint32_t taken; /* somebody is about to give a task */
  int tid;        /* the kernel clears it */
  int own;        /* the same, kept */
  int events; /* the end of a pipe that it writes to */
  int ending;
  uint32_t state; /* of the task */
  int (*run)(void *);
  void *context;
  int result;
  uint8_t *stack;
} follower;

/* ---- on its thread ----------------------------------------------------------------------------------------------- */

static void futex_wait(uint32_t *word, uint32_t value, int64_t ns) {
  struct timespec t = {0, ns};
  (void)sys6(NR_futex, (long)word, FUTEX_WAIT, value, ns ? (long)&t : 0, 0, 0);
}

static void do_task(void) {
  if (__atomic_load_n(&follower.state, __ATOMIC_ACQUIRE) != GIVEN) return;
  __atomic_store_n(&follower.state, BEGUN, __ATOMIC_RELEASE);
  follower.result = follower.run(follower.context);
  tell_held();
  __atomic_store_n(&follower.state, DONE, __ATOMIC_RELEASE);
  (void)sys6(NR_futex, (long)&follower.state, FUTEX_WAKE, 1, 0, 0, 0);
}

static void follow_all(void *unused) {
  (void)unused;
  (void)sys6(NR_prctl, PR_SET_NAME, (long)"timeskew-follow", 0, 0, 0, 0); /* for who asks whose TracerPid it is */
  wake_permit();
  while (!follower.ending) {
    do_task();
    if (follower.ending || follow_serve(1) != -ECHILD) continue;
    uint32_t state = __atomic_load_n(&follower.state, __ATOMIC_ACQUIRE);
    if (state != GIVEN) futex_wait(&follower.state, state, 0);
  }
}

/* ---- what it can be told, on its thread ---------------------------------------------------------------------------- */

/* Who was seized in vain is let go when it stops. */
static void let_seized_go(struct session *s) {
  for (uint32_t i = 0; i < s->count; i++) {
    const struct thread *t = &s->threads[i];
    if (t->seized && note(t->tid, LEAVING)) (void)sys_ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
  }
}

struct addition {
  int proc, pid;
  int32_t culprit;
};

static int add(void *context) {
  struct addition *a = context;
  struct ts_report report = {0};
  struct session s = {
      .report = &report, .pid = a->pid, .proc = a->proc, .mem = -1, .options = FOLLOW_OPTIONS, .followed = 1};
  int r = session_seize(&s), seized = 0;
  for (uint32_t i = 0; i < s.count; i++) seized += s.threads[i].seized;
  if (r < 0) let_seized_go(&s);
  if (r == 0 && !s.count) r = -ESRCH;
  session_free(&s);
  a->culprit = report.culprit;
  if (r < 0) return r;
  note_somebody();
  return seized;
}

static struct note *held(int pid) {
  struct note *n = note_of(pid);
  return n && n->meaning == HELD ? n : NULL;
}

struct go {
  int pid;
  uint64_t gate;
};

static int let_go(void *context) {
  const struct go *go = context;
  struct note *n = held(go->pid);
  if (!n) return -ESRCH;
  int group_stop = n->group_stop;
  if (go->gate)
    *n = (struct note){.tid = go->pid, .meaning = LOADING, .gate = go->gate};
  else
    forget(go->pid);
  if (group_stop)
    (void)sys_ptrace(PTRACE_LISTEN, go->pid, 0, 0);
  else
    go_on(go->pid, 0);
  return 0;
}

struct exit {
  int pid, code;
};

static int make_exit(void *context) {
  const struct exit *exit = context;
  if (!held(exit->pid)) return -ESRCH;
  int r = remote_exit(exit->pid, exit->code);
  if (r < 0) return r;
  forget(exit->pid);
  go_on(exit->pid, 0);
  return 0;
}

/* ---- on the tool's --------------------------------------------------------------------------------------------- */

static long wake(void) {
  return sys6(NR_tgkill, sys6(NR_getpid, 0, 0, 0, 0, 0, 0), follower.own, WAKE_SIGNAL, 0, 0, 0);
}

static int run_taken(int (*run)(void *), void *context) {
  if (!follower.own) return -ESRCH;
  follower.run = run;
  follower.context = context;
  __atomic_store_n(&follower.state, GIVEN, __ATOMIC_RELEASE);
  (void)sys6(NR_futex, (long)&follower.state, FUTEX_WAKE, 1, 0, 0, 0);
  for (uint32_t state; (state = __atomic_load_n(&follower.state, __ATOMIC_ACQUIRE)) != DONE;) {
    (void)wake();
    futex_wait(&follower.state, state, state == GIVEN ? WAKE_AGAIN_NS : UNLOCK_NS);
  }
  __atomic_store_n(&follower.state, IDLE, __ATOMIC_RELEASE);
  return follower.result;
}

int follower_run(int (*run)(void *), void *context) {
  take(&follower.taken);
  int r = run_taken(run, context);
  leave(&follower.taken);
  return r;
}

static int begin_thread(void) {
  const uint64_t every_signal = ~0ull;
  uint64_t mask = 0;
  int ends[2];
  long r = wake_begin();
  if (r < 0) return (int)r;
  follower.stack = sys_allocate(STACK_BYTES);
  if (!follower.stack) {
    r = -ENOMEM;
    goto no_stack;
  }
  r = sys6(NR_pipe2, (long)ends, O_CLOEXEC | O_NONBLOCK, 0, 0, 0, 0);
  if (r < 0) goto no_pipe;
  follower.events = ends[1];
  follower.ending = 0;
  follower.state = IDLE;
  notes_begin(ends[1]);
  (void)sys6(NR_rt_sigprocmask, SIG_SETMASK, (long)&every_signal, (long)&mask, sizeof mask, 0, 0);
  r = sys_clone_thread(CLONE_A_THREAD, follower.stack + STACK_BYTES, &follower.tid, follow_all, NULL);
  (void)sys6(NR_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof mask, 0, 0);
  if (r > 0) {
    follower.own = (int)r;
    return ends[0];
  }
  (void)sys_close(ends[0]);
  (void)sys_close(ends[1]);
no_pipe:
  sys_free(follower.stack, STACK_BYTES);
no_stack:
  wake_end();
  return (int)r;
}

static int end(void *unused) {
  (void)unused;
  follower.ending = 1;
  return 0;
}

static int end_thread(void) {
  int r = run_taken(end, NULL);
  if (r < 0) return r;
  worker_await(&follower.tid, follower.own);
  follower.own = 0;
  wake_end();
  (void)sys_close(follower.events);
  sys_free(follower.stack, STACK_BYTES);
  return 0;
}

/* ---- the interface ----------------------------------------------------------------------------------------------- */

int ts_follow_start(void) {
  take(&follower.taken);
  int r = follower.own ? -EBUSY : begin_thread();
  leave(&follower.taken);
  return r;
}

int ts_follow_id(void) { return follower.own; }

int ts_follow_add(int proc, int pid, int32_t *culprit) {
  struct addition addition = {.proc = proc, .pid = pid};
  int r = follower_run(add, &addition);
  *culprit = addition.culprit;
  return r;
}

int ts_follow_go(int pid, uint64_t gate) {
  struct go go = {pid, gate};
  return follower_run(let_go, &go);
}

int ts_follow_exit(int pid, int code) {
  struct exit exit = {pid, code};
  return follower_run(make_exit, &exit);
}

int ts_follow_end(void) {
  take(&follower.taken);
  int r = end_thread();
  leave(&follower.taken);
  return r;
}
