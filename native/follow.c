/*
 * follow.c - processes that are traced for as long as somebody wants to know what they start.
 *
 * Everything here happens on the follower's thread, which waits for whatever stops: signals are handed on, job control's
 * stops are left to job control, threads and children go on as soon as they are born. None of it is decided by anybody
 * else, so nobody waits for the tool but a process that has called execve: that is held, before its new program's first
 * instruction, and the tool is told.
 *
 * All of this is without memory, but for the notes (notes.c).
 *
 * The tool may be killed at any instant. The kernel lets everybody go then, and delivers the signal of a stop that was
 * looked at (WNOWAIT), but not of one that was taken: so signals are only looked at. What stands still for longer is
 * taken, for it would be the first to be found by each further look.
 */
#include "arch/arch_calls.h"
#include "follow.h"

void go_on(int tid, int signal) {
  long request = meaning_of(tid) == LOADING ? PTRACE_SYSCALL : PTRACE_CONT;
  (void)sys_ptrace(request, tid, 0, (uintptr_t)signal); /* it may have been killed */
}

void come_again(int tid, int signal) {
  const struct thread t = {.tid = tid};
  thread_deliver(&t, signal);
}

void take_stop(int tid) {
  struct child_event event = {0};
  (void)sys_waitid(tid, &event, WSTOPPED | WNOHANG | WALL_THREADS | WOWN_TRACEES);
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

/* The set behind `name` in a /proc/PID/status file. */
static uint64_t signal_set(const char *text, const char *name) {
  for (; *text; text++) {
    const char *at = text, *n = name;
    while (*n && *at == *n) at++, n++;
    if (*n) continue;
    uint64_t set = 0;
    for (; (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'f'); at++)
      set = set << 4 | (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
    return set;
  }
  return 0;
}

#define BIT(signal) (1ull << ((signal)-1))
/* Those that are ignored unless a program wants to hear of them: SIGCHLD, SIGCONT, SIGURG, SIGWINCH. */
#define IGNORED_BY_DEFAULT (BIT(17) | BIT(18) | BIT(23) | BIT(28))

static int is_ignored(int tid, int signal) {
  char text[4096];
  if (status_of(tid, text, sizeof text) <= 0) return 0;
  uint64_t ignored = signal_set(text, "\nSigIgn:\t"), caught = signal_set(text, "\nSigCgt:\t");
  return ((ignored | (IGNORED_BY_DEFAULT & ~caught)) & BIT(signal)) != 0;
}

/*
 * An untraced program never hears of a signal that it ignores. A traced one stops for it, and that interrupts a system
 * call: so the call is made again.
 */
static void restart(int tid) {
  struct registers regs;
  if (regs_read(tid, &regs) < 0 || !thread_undo_eintr(tid, &regs, NULL)) return;
  if (thread_store_undone(tid, &regs) < 0) return; /* it was killed */
}

static int is_interrupted(int tid) {
  struct registers regs;
  return regs_read(tid, &regs) == 0 && thread_undo_eintr(tid, &regs, NULL);
}

static void hand_on(int tid, int signal) {
  if (is_interrupted(tid) && is_ignored(tid, signal)) restart(tid);
  enum meaning meaning = meaning_of(tid);
  /* A stop makes the kernel forget an interrupt that was to cause another. */
  if (meaning == ENTERING || meaning == ARRIVING || meaning == LEAVING)
    come_again(tid, signal);
  else
    go_on(tid, signal);
}

/* ---- stops ------------------------------------------------------------------------------------------------------- */

static void hold(struct note *n, enum ts_event_kind kind, int group_stop) {
  take_stop(n->tid);
  n->meaning = HELD;
  n->kind = (uint8_t)kind;
  n->group_stop = (uint8_t)group_stop;
  n->told = 0;
  tell_held();
}

/*
 * The new program has its process's only thread, whatever that was called before. If it was called something else the
 * kernel lets us near it only when the event is taken.
 */
static void entered(int tid) {
  uint64_t former = 0;
  take_stop(tid);
  if (sys_ptrace(PTRACE_GETEVENTMSG, tid, 0, (uintptr_t)&former) == 0) forget((int)former);
  if (note(tid, ENTERING))
    come_again(tid, 0);
  else
    go_on(tid, 0);
}

/* A process that gets nowhere near the gate is not slowed down for ever. */
#define MOST_CALLS 10000

static void at_system_call(int tid) {
  struct note *n = note_of(tid);
  struct registers regs;
  if (n && n->meaning == LOADING) {
    if (regs_read(tid, &regs) == 0 && regs_pc(&regs) == n->gate) {
      n->meaning = ARRIVING;
      come_again(tid, 0);
      return;
    }
    if (++n->calls > MOST_CALLS) forget(tid);
  }
  go_on(tid, 0);
}

/* A birth; our interrupt; job control; or its end, after which a stopped thread is to be looked at again. */
static void at_stop(int tid, int group_stop) {
  struct note *n = note_of(tid);
  switch (n ? n->meaning : NONE) {
    case ENTERING:
      return hold(n, TS_HELD_EXEC, group_stop);
    case ARRIVING:
      return hold(n, TS_HELD_LOADED, group_stop);
    case HELD:
      n->group_stop = (uint8_t)group_stop;
      return take_stop(tid);
    case LEAVING:
      if (!group_stop) restart(tid);
      forget(tid);
      (void)sys_ptrace(PTRACE_DETACH, tid, 0, 0);
      return;
    case LATE:
      if (!group_stop) restart(tid);
      (void)sys_ptrace(PTRACE_SETOPTIONS, tid, 0, FOLLOW_OPTIONS); /* its filters may be suspended still */
      forget(tid);
      break;
  }
  if (group_stop)
    (void)sys_ptrace(PTRACE_LISTEN, tid, 0, 0);
  else
    go_on(tid, 0);
}

void follow_event(const struct child_event *event) {
  int tid = event->pid, signal = event->status & 0xff, status;
  if (event->code <= CLD_DUMPED) {
    forget(tid);
    (void)sys_wait4(tid, &status, WNOHANG | WALL_THREADS | WOWN_TRACEES); /* its parent hears of it now */
    return;
  }
  switch (event->status >> 8) {
    case 0:
      return signal == (SIGTRAP | 0x80) ? at_system_call(tid) : hand_on(tid, signal);
    case PTRACE_EVENT_STOP:
      return at_stop(tid, signal != SIGTRAP);
    case PTRACE_EVENT_EXEC:
      return entered(tid);
    default: /* a thread or a child is born, and is followed from its birth */
      return go_on(tid, 0);
  }
}

int follow_serve(int wait) {
  for (int i = 0; i < SERVINGS; i++) {
    struct child_event event = {0};
    long r = sys_waitid_any(&event, WEXITED | WSTOPPED | WNOWAIT | (wait ? 0 : WNOHANG));
    if (r == -ECHILD) tell_nobody();
    if (r < 0) return (int)r;
    if (!event.pid) return 0;
    follow_event(&event);
    if (wait) return 0;
  }
  return 0;
}
