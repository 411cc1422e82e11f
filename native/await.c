/*
 * await.c - what the tool does while a program runs that is to look as if it were the tool; and what it does at its end.
 */
#include "start.h"

#define SA_SIGINFO 4
#define SA_RESTART 0x10000000
#define SA_RESTORER 0x04000000
#define SI_QUEUE (-1)
#define CLD_EXITED 1
#define CLD_STOPPED 5
#define POLLIN 1
#define STACK_BYTES (64 * 1024)
#define LOOK_AGAIN_NS 5000000

/* Whose signals we take; 0 before it is known, and when it has ended, so that its pid may be somebody else's. */
static int awaited;
/* Bit N-1: signal N came before that. */
static uint64_t held;

static void hand_held_on(int pid) {
  uint64_t came = __atomic_exchange_n(&held, 0, __ATOMIC_SEQ_CST);
  for (int signal = 1; signal <= SIGNALS; signal++)
    if (came >> (signal - 1) & 1) (void)sys6(NR_kill, pid, signal, 0, 0, 0, 0);
}

/* From the terminal, the kernel sends a signal to the whole group, of which the program is one. */
static void hand_signal_on(int signal, struct child_event *info, void *context) {
  (void)context;
  int pid = __atomic_load_n(&awaited, __ATOMIC_SEQ_CST);
  if (info->code > 0) return;
  if (pid == 0) {
    __atomic_fetch_or(&held, 1ull << (signal - 1), __ATOMIC_SEQ_CST);
    pid = __atomic_load_n(&awaited, __ATOMIC_SEQ_CST);
    if (pid != 0) hand_held_on(pid); /* on another thread it has become known meanwhile */
  } else if (info->code == SI_QUEUE) {
    (void)sys6(NR_rt_sigqueueinfo, pid, signal, (long)info, 0, 0, 0);
  } else {
    (void)sys6(NR_kill, pid, signal, 0, 0, 0, 0);
  }
}

/* Faults are our own; 32 and 33 are the C library's. */
static int is_handed_on(int signal) {
  const uint64_t ours = 1ull << 4 | 1ull << 5 | 1ull << 7 | 1ull << 8 | 1ull << 11 | 1ull << 31; /* ILL … SYS */
  return signal < 32 ? !(ours >> signal & 1) && signal != SIGCHLD : signal > 33;
}

void ts_hold_signals(void) {
  const struct disposition hand_on = {(uintptr_t)hand_signal_on, SA_SIGINFO | SA_RESTART | SA_RESTORER, signal_return, 0};
  for (int signal = 1; signal <= SIGNALS; signal++)
    if (is_handed_on(signal)) sys_disposition(signal, &hand_on, NULL);
}

static void stop_too(void) { (void)sys6(NR_kill, sys6(NR_getpid, 0, 0, 0, 0, 0, 0), SIGSTOP, 0, 0, 0, 0); }

/* As the program was ended, but for the core, which it has left already. */
static void end_by(int signal) {
  const struct disposition usual = {SIG_DFL, 0, NULL, 0};
  const struct limit none = {0, 0};
  (void)sys6(NR_prlimit64, 0, RLIMIT_CORE, (long)&none, 0, 0, 0);
  (void)sys_prctl(PR_SET_DUMPABLE, 0);
  sys_disposition(signal, &usual, NULL);
  sys_set_mask(0, NULL);
  (void)sys6(NR_kill, sys6(NR_getpid, 0, 0, 0, 0, 0, 0), signal, 0, 0, 0, 0);
  sys_end(128 + signal);
}

int ts_await(int pid, int entrant) {
  __atomic_store_n(&awaited, pid, __ATOMIC_SEQ_CST);
  hand_held_on(pid);
  while (sys_wait4(entrant, NULL, WALL_THREADS) == -EINTR) {}
  for (;;) {
    struct child_event event = {0};
    long r = sys_waitid(pid, &event, WEXITED | WSTOPPED | WNOWAIT);
    if (r == -EINTR) continue;
    if (r < 0) return (int)r;
    if (event.code == CLD_STOPPED) {
      (void)sys_waitid(pid, &event, WSTOPPED | WNOHANG);
      stop_too();
      continue;
    }
    __atomic_store_n(&awaited, 0, __ATOMIC_SEQ_CST);
    (void)sys_waitid(pid, &event, WEXITED | WNOHANG);
    if (event.code == CLD_EXITED) sys_end(event.status);
    end_by(event.status);
  }
}

/* ---- at the end of a process that is none of ours ----------------------------------------------------------- */

struct ending {
  int pid, pidfd, fd, instead;
};

static void await_end(const struct ending *ending) {
  struct {
    int fd;
    int16_t events, revents;
  } poll = {ending->pidfd, POLLIN, 0};
  if (ending->pidfd >= 0)
    while (sys6(NR_ppoll, (long)&poll, 1, 0, 0, 0, 0) == -EINTR) {}
  else /* before Linux 5.3; its parent takes note of its end at once */
    while (sys6(NR_kill, ending->pid, 0, 0, 0, 0, 0) != -ESRCH) sys_sleep_ns(LOOK_AGAIN_NS);
}

static void replace(void *context) {
  struct ending *ending = context;
  await_end(ending);
  (void)sys_duplicate(ending->instead, ending->fd);
}

int ts_replace_at_end(int pid, int fd, int instead) {
  static struct ending ending;
  static int tid;
  uint64_t mask = 0;
  uint8_t *stack = sys_allocate(STACK_BYTES); /* for as long as we live */
  if (!stack) return -ENOMEM;
  ending = (struct ending){pid, (int)sys6(NR_pidfd_open, pid, 0, 0, 0, 0, 0), fd, instead};
  sys_set_mask(EVERY_SIGNAL, &mask);
  long created = sys_clone_thread(CLONE_A_THREAD, stack + STACK_BYTES, &tid, replace, &ending);
  sys_set_mask(mask, NULL);
  return created < 0 ? (int)created : 0;
}
