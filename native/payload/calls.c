/*
 * calls.c - which system calls are translated, and how.
 */
#include "calls.h"

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
};

/* A kind, and the argument that holds the time. */
#define RULE(kind, argument) ((kind) << 3 | (argument))

/* By number; 0: not ours. enter.S looks here first. Aligned as futexes are: ts_readable takes its words for some. */
_Alignas(64) const uint8_t ts_rules[TS_LAST_CALL + 1] = {
    [7] = RULE(MILLISECONDS, 2),        /* poll */
    [23] = RULE(TIMEVAL_REST, 4),       /* select */
    [35] = RULE(NANOSLEEP, 0),          /* nanosleep */
    [36] = RULE(ITIMER_GET, 1),         /* getitimer */
    [37] = RULE(ALARM, 0),              /* alarm */
    [38] = RULE(ITIMER_SET, 1),         /* setitimer */
    [54] = RULE(SOCKET_SET, 3),         /* setsockopt */
    [55] = RULE(SOCKET_GET, 3),         /* getsockopt */
    [96] = RULE(GETTIMEOFDAY, 0),       /* gettimeofday */
    [128] = RULE(DURATION, 2),          /* rt_sigtimedwait */
    [201] = RULE(TIME, 0),              /* time */
    [202] = RULE(FUTEX, 3),             /* futex */
    [208] = RULE(DURATION, 4),          /* io_getevents */
    [220] = RULE(DURATION, 3),          /* semtimedop */
    [223] = RULE(TIMER_SET, 2),         /* timer_settime */
    [224] = RULE(TIMER_GET, 1),         /* timer_gettime */
    [228] = RULE(CLOCK_GETTIME, 1),     /* clock_gettime */
    [230] = RULE(CLOCK_NANOSLEEP, 2),   /* clock_nanosleep */
    [232] = RULE(MILLISECONDS, 3),      /* epoll_wait */
    [242] = RULE(REALTIME_DEADLINE, 4), /* mq_timedsend */
    [243] = RULE(REALTIME_DEADLINE, 4), /* mq_timedreceive */
    [270] = RULE(TIMESPEC_REST, 4),     /* pselect6 */
    [271] = RULE(TIMESPEC_REST, 2),     /* ppoll */
    [281] = RULE(MILLISECONDS, 3),      /* epoll_pwait */
    [286] = RULE(TIMER_SET, 2),         /* timerfd_settime */
    [287] = RULE(TIMER_GET, 1),         /* timerfd_gettime */
    [299] = RULE(TIMESPEC_REST, 4),     /* recvmmsg */
    [333] = RULE(DURATION, 4),          /* io_pgetevents */
    [441] = RULE(DURATION, 3),          /* epoll_pwait2 */
    [449] = RULE(FUTEX_WAITV, 3),       /* futex_waitv */
};

int ts_translate(struct ts_call *call);

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

int ts_make_with(struct ts_call *call, unsigned argument, uint64_t value) {
  uint64_t own = call->args[argument];
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
int ts_readable(const struct ts_call *call, uint64_t address) {
  enum { SYS_FUTEX = 202, FUTEX_WAIT_PRIVATE = 128 };
  /* A constant word, and not -1; one of 64, so that threads do not all come to the same lock in the kernel. */
  uint64_t word = (uint64_t)ts_rules + ((uint64_t)call * TS_SPREAD >> 58) * 4;
  uint64_t page = ~(TS_PAGE - 1ull);
  if ((address & page) == ((uint64_t)call & page) && ((address + 15) & page) == (address & page)) return 1;
  return is_filtered() || system_call(SYS_FUTEX, word, FUTEX_WAIT_PRIVATE, UINT32_MAX, address) != -EFAULT;
}

/* Overwrites what is there. */
int ts_writable(uint64_t address) {
  enum { SYS_CLOCK_GETRES = 229 };
  return is_filtered() || system_call(SYS_CLOCK_GETRES, CLOCK_REALTIME, address, 0, 0) == 0;
}

/*
 * Clocks read by a system call. The kernel judges the pointer; what it has written there is replaced by what the vDSO's
 * function reads, so that all ways to read a clock agree, and nothing is ever added to what is in the caller's buffer.
 */
static out_of_line int read_clock(struct ts_call *call, struct settings settings) {
  if (!is_selected(settings, (int)call->args[0])) return IN_PLACE;
  call->number = ts_make(call);
  if (call->number == 0) call->number = ts_clock_gettime((int)call->args[0], (void *)call->args[1]);
  return MADE;
}

static out_of_line int read_timeofday(struct ts_call *call, struct settings settings) {
  if (!(settings.selected & TS_SELECT_GETTIMEOFDAY) || !call->args[0]) return IN_PLACE;
  call->number = ts_make(call);
  if (call->number == 0) call->number = ts_gettimeofday((void *)call->args[0], 0);
  return MADE;
}

static out_of_line int read_time(struct ts_call *call, struct settings settings) {
  if (!(settings.selected & TS_SELECT_TIME)) return IN_PLACE;
  call->number = ts_make(call);
  if (call->number != -EFAULT) call->number = ts_time((void *)call->args[0]);
  return MADE;
}

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
  if (!(call->free >> argument & 1)) return ts_make_with(call, argument, span);
  call->args[argument] = span;
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
    case TIME:
      return read_time(call, settings);
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
    case ALARM:
      return ts_alarm(call);
    case SOCKET_SET:
      return ts_socket_set(call);
    case SOCKET_GET:
      return ts_socket_get(call);
  }
  return IN_PLACE;
}
