/*
 * calls.c - which system calls are translated, and how.
 */
#include "given.h"
#ifdef TS_OLD_CALLS
#include "i386/multiplexed.h"
#endif

/* What is to be done with a call. From NANOSLEEP on: only where CLOCK_MONOTONIC has a profile. */
enum kind {
  CLOCK_GETTIME = 1,
  GETTIMEOFDAY,
  TIME,
  FUTEX,
  FUTEX_WAITV,
  CLOCK_NANOSLEEP,
  REALTIME_DEADLINE,
  TIMER_SET,
  NANOSLEEP,
  MILLISECONDS,
  DURATION,
  TIMESPEC_REST,
  TIMEVAL_REST,
  TIMER_GET,
  ITIMER_SET,
  ITIMER_GET,
  ALARM,
  SOCKET_SET,
  SOCKET_GET,
  SOCKETCALL,
  IPC,
};

/* A kind, and the argument that holds the time. */
#define RULE(kind, argument) ((kind) << 3 | (argument))

/* By number; 0: not ours. ts_enter looks here first. Aligned as futexes are: ts_readable takes its words for some. */
_Alignas(64) const uint8_t ts_rules[TS_LAST_CALL + 1] = {
    [NR_nanosleep] = RULE(NANOSLEEP, 0),
    [NR_getitimer] = RULE(ITIMER_GET, 1),
    [NR_setitimer] = RULE(ITIMER_SET, 1),
    [NR_setsockopt] = RULE(SOCKET_SET, 3),
    [NR_getsockopt] = RULE(SOCKET_GET, 3),
    [NR_gettimeofday] = RULE(GETTIMEOFDAY, 0),
    [NR_rt_sigtimedwait] = RULE(DURATION, 2),
    [NR_futex] = RULE(FUTEX, 3),
    [NR_io_getevents] = RULE(DURATION, 4),
    [NR_semtimedop] = RULE(DURATION, 3),
    [NR_timer_settime] = RULE(TIMER_SET, 2),
    [NR_timer_gettime] = RULE(TIMER_GET, 1),
    [NR_clock_gettime] = RULE(CLOCK_GETTIME, 1),
    [NR_clock_nanosleep] = RULE(CLOCK_NANOSLEEP, 2),
    [NR_mq_timedsend] = RULE(REALTIME_DEADLINE, 4),
    [NR_mq_timedreceive] = RULE(REALTIME_DEADLINE, 4),
    [NR_pselect6] = RULE(TIMESPEC_REST, 4),
    [NR_ppoll] = RULE(TIMESPEC_REST, 2),
    [NR_epoll_pwait] = RULE(MILLISECONDS, 3),
    [NR_timerfd_settime] = RULE(TIMER_SET, 2),
    [NR_timerfd_gettime] = RULE(TIMER_GET, 1),
    [NR_recvmmsg] = RULE(TIMESPEC_REST, 4),
    [NR_io_pgetevents] = RULE(DURATION, 4),
    [NR_epoll_pwait2] = RULE(DURATION, 3),
    [NR_futex_waitv] = RULE(FUTEX_WAITV, 3),
#ifdef NR_select /* newer machines do without these */
    [NR_poll] = RULE(MILLISECONDS, 2),
    [NR_select] = RULE(TIMEVAL_REST, 4),
    [NR_alarm] = RULE(ALARM, 0),
    [NR_time] = RULE(TIME, 0),
    [NR_epoll_wait] = RULE(MILLISECONDS, 3),
#endif
#ifdef TS_OLD_CALLS
    [NR_socketcall] = RULE(SOCKETCALL, 0),
    [NR_ipc] = RULE(IPC, 0),
    [NR_rt_sigtimedwait_of_old] = RULE(DURATION, 2),
    [NR_futex_of_old] = RULE(FUTEX, 3),
    [NR_timer_settime_of_old] = RULE(TIMER_SET, 2),
    [NR_timer_gettime_of_old] = RULE(TIMER_GET, 1),
    [NR_clock_gettime_of_old] = RULE(CLOCK_GETTIME, 1),
    [NR_clock_nanosleep_of_old] = RULE(CLOCK_NANOSLEEP, 2),
    [NR_mq_timedsend_of_old] = RULE(REALTIME_DEADLINE, 4),
    [NR_mq_timedreceive_of_old] = RULE(REALTIME_DEADLINE, 4),
    [NR_pselect6_of_old] = RULE(TIMESPEC_REST, 4),
    [NR_ppoll_of_old] = RULE(TIMESPEC_REST, 2),
    [NR_timerfd_settime_of_old] = RULE(TIMER_SET, 2),
    [NR_timerfd_gettime_of_old] = RULE(TIMER_GET, 1),
    [NR_recvmmsg_of_old] = RULE(TIMESPEC_REST, 4),
    [NR_io_pgetevents_of_old] = RULE(DURATION, 4),
#endif
};

/* Looks again when a tool changes the settings meanwhile: it waits for nobody. */
static inline struct settings take_settings(void) {
  struct settings settings;
  const struct ts_slot *slot;
  uint64_t generation;
  do {
    slot = active_slot();
    generation = begin(slot);
    settings = (struct settings){selection(slot), kind_of(slot) != TS_CONSTANT};
  } while (!settled(slot, generation));
  return settings;
}

int ts_make_with(struct ts_call *call, unsigned argument, uintptr_t value) {
  uintptr_t own = call->args[argument];
  call->args[argument] = value;
  call->number = ts_make(call);
  call->args[argument] = own;
  return MADE;
}

/*
 * A bad pointer must stay EFAULT. What is on the page of the stack that we have just written to is readable, and that
 * is where most timespecs are; for others the kernel is asked. A futex that never has the expected value is not waited
 * for, but its timeout is read before. Of all such calls it is the one that seccomp filters, which a program may still
 * give itself, permit most often.
 */
int ts_readable(const struct ts_call *call, uintptr_t address) {
  enum { FUTEX_WAIT_PRIVATE = 128 };
  /* A constant word, and not -1; one of 64, so that threads do not all come to the same lock in the kernel. */
  uintptr_t word = (uintptr_t)ts_rules + (uintptr_t)((uintptr_t)call * TS_SPREAD >> 58) * 4;
  uintptr_t page = ~(TS_PAGE - (uintptr_t)1);
  if ((address & page) == ((uintptr_t)call & page) && ((address + given_bytes(call) - 1) & page) == (address & page)) return 1;
  return is_filtered() || system_call(futex_of(call), word, FUTEX_WAIT_PRIVATE, UINT32_MAX, address) != -EFAULT;
}

/* Overwrites what is there. */
int ts_writable(const struct ts_call *call, uintptr_t address) {
  return is_filtered() || system_call(getres_of(call), CLOCK_REALTIME, address, 0, 0) == 0;
}

/*
 * Clocks read by a system call. The kernel judges the pointer; what it has written there is replaced by what the vDSO's
 * function reads, so that all ways to read a clock agree, and nothing is ever added to what is in the caller's buffer.
 */
static out_of_line int read_clock(struct ts_call *call, struct settings settings) {
  if (!is_selected(settings, (int)call->args[0])) return IN_PLACE;
  call->number = ts_make(call);
  if (call->number == 0) call->number = read_given(call, (int)call->args[0], call->args[1]);
  return MADE;
}

static out_of_line int read_timeofday(struct ts_call *call, struct settings settings) {
  if (!(settings.selected & TS_SELECT_GETTIMEOFDAY) || !call->args[0]) return IN_PLACE;
  call->number = ts_make(call);
  if (call->number == 0) call->number = ts_gettimeofday((void *)call->args[0], 0);
  return MADE;
}

#ifdef NR_time
static out_of_line int read_time(struct ts_call *call, struct settings settings) {
  if (!(settings.selected & TS_SELECT_TIME)) return IN_PLACE;
  call->number = ts_make(call);
  if (call->number != -EFAULT) call->number = ts_time((void *)call->args[0]);
  return MADE;
}
#endif

static out_of_line int futex(struct ts_call *call, struct settings settings) {
  enum { WAIT = 0, LOCK_PI = 6, WAIT_BITSET = 9, WAIT_REQUEUE_PI = 11, LOCK_PI2 = 13 };
  enum { PRIVATE = 128, REALTIME = 256, TIMEOUT = 3 };
  uint32_t op = (uint32_t)call->args[1];
  int clock = op & REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
  switch (op & ~(PRIVATE | REALTIME)) {
    case WAIT:
      return ts_duration(call, TIMEOUT, 0, settings);
    case WAIT_BITSET:
      return ts_deadline(call, TIMEOUT, clock, 0, settings);
    case LOCK_PI:
      return ts_deadline(call, TIMEOUT, CLOCK_REALTIME, 1, settings);
    case WAIT_REQUEUE_PI:
    case LOCK_PI2:
      return ts_deadline(call, TIMEOUT, clock, 1, settings);
    default:
      return IN_PLACE; /* the argument is no timeout */
  }
}

static out_of_line int clock_nanosleep(struct ts_call *call, struct settings settings) {
  enum { CLOCK = 0, FLAGS = 1, REQUEST = 2 };
  int clock = (int)call->args[CLOCK];
  if (call->args[FLAGS] & TIMER_ABSTIME) return ts_deadline(call, REQUEST, clock, 1, settings);
  return is_scaled(clock) ? ts_sleep(call, REQUEST, settings) : IN_PLACE;
}

/* Negative: for ever. */
static out_of_line int milliseconds(struct ts_call *call, unsigned argument) {
  int32_t asked = (int32_t)call->args[argument];
  if (asked <= 0) return IN_PLACE;
  uint64_t span = (ts_true_span((uint64_t)asked * NSEC_PER_MSEC) + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
  if (span > INT32_MAX) span = INT32_MAX;
  if (!(call->free >> argument & 1)) return ts_make_with(call, argument, (uintptr_t)span);
  call->args[argument] = (uintptr_t)span;
  return IN_PLACE;
}

/* ts_enter has looked: there is a rule. */
int ts_translate(struct ts_call *call) {
  struct settings settings = take_settings();
  unsigned rule = ts_rules[(uint32_t)call->number], argument = rule & 7;
  if (rule >= RULE(NANOSLEEP, 0) ? !scales(settings) : !settings.selected) return IN_PLACE;
  switch (rule >> 3) {
    case CLOCK_GETTIME:
      return read_clock(call, settings);
    case GETTIMEOFDAY:
      return read_timeofday(call, settings);
    case FUTEX:
      return futex(call, settings);
    case FUTEX_WAITV:
      return ts_deadline(call, argument, (int)call->args[4], 1, settings);
    case CLOCK_NANOSLEEP:
      return clock_nanosleep(call, settings);
    case REALTIME_DEADLINE:
      return ts_deadline(call, argument, CLOCK_REALTIME, 1, settings);
    case TIMER_SET:
      return ts_timer_set(call, settings);
    case NANOSLEEP:
      return ts_sleep(call, argument, settings);
    case MILLISECONDS:
      return milliseconds(call, argument);
    case DURATION:
      return ts_duration(call, argument, 1, settings);
    case TIMESPEC_REST:
      return ts_timespec_rest(call, argument);
    case TIMEVAL_REST:
      return ts_timeval_rest(call, argument);
    case TIMER_GET:
      return ts_timer_get(call, settings);
    case ITIMER_SET:
      return ts_itimer_set(call);
    case ITIMER_GET:
      return ts_itimer_get(call);
    case SOCKET_SET:
      return ts_socket_set(call);
    case SOCKET_GET:
      return ts_socket_get(call);
#ifdef NR_time
    case TIME:
      return read_time(call, settings);
    case ALARM:
      return ts_alarm(call);
#endif
#ifdef TS_OLD_CALLS
    case SOCKETCALL:
      return ts_socketcall(call);
    case IPC:
      return ts_ipc(call, settings);
#endif
  }
  return IN_PLACE;
}
