/*
 * wake.c - the signal that gets a thread of ours out of a system call, and its handler, which is there for as long as
 * any thread may get that signal. All others block it.
 */
#include "arch/arch_wake.h"
#include "session.h"

/* Between two looks whether somebody waits for us who holds the lock that PTRACE_SEIZE waits for. */
#define WAKE_EVERY_NS 50000000
#define SIGEV_THREAD_ID 4

/* The kernel's own struct sigevent. */
struct event {
  uint64_t value;
  int signal, notify, tid;
  uint8_t rest[44];
};

static struct {
  uint32_t lock;
  uint32_t users;
  struct sigaction before;
} handler;

int wake_begin(void) {
  const struct sigaction action = wake_action();
  long r = 0;
  take(&handler.lock);
  if (handler.users == 0)
    r = sys6(NR_rt_sigaction, WAKE_SIGNAL, (long)&action, (long)&handler.before, sizeof action.mask, 0, 0);
  if (r == 0) handler.users++;
  leave(&handler.lock);
  return (int)r;
}

void wake_end(void) {
  take(&handler.lock);
  if (--handler.users == 0)
    (void)sys6(NR_rt_sigaction, WAKE_SIGNAL, (long)&handler.before, 0, sizeof handler.before.mask, 0, 0);
  leave(&handler.lock);
}

void wake_permit(void) {
  const uint64_t wake = 1ull << (WAKE_SIGNAL - 1);
  (void)sys6(NR_rt_sigprocmask, SIG_UNBLOCK, (long)&wake, 0, sizeof wake, 0, 0);
}

int wake_regularly(void) {
  const struct event event = {
      .signal = WAKE_SIGNAL, .notify = SIGEV_THREAD_ID, .tid = (int)sys6(NR_gettid, 0, 0, 0, 0, 0, 0)};
  const struct timespec interval_and_first[2] = {{0, WAKE_EVERY_NS}, {0, WAKE_EVERY_NS}};
  int timer = 0;
  long r = sys6(NR_timer_create, CLOCK_MONOTONIC, (long)&event, (long)&timer, 0, 0, 0);
  if (r < 0) return (int)r;
  wake_permit();
  (void)sys6(NR_timer_settime, timer, 0, (long)interval_and_first, 0, 0, 0);
  return timer;
}

void wake_no_more(int timer) {
  if (timer >= 0) (void)sys6(NR_timer_delete, timer, 0, 0, 0, 0, 0);
}
