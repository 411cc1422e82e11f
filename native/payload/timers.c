/*
 * timers.c - timers, and the timeouts of sockets: calls that set a time and do not wait. They are made here, with a
 * copy of the program's structure, and what the kernel tells about the time that is left is translated back.
 */
#include "given.h"
#include "scale.h"

/* How far a program's deadline is from what the program sees on a clock, whichever is earlier; seconds. */
static uint64_t distance(const struct ts_timespec *deadline, int clock) {
  int64_t sec;
  if (__builtin_sub_overflow(deadline->sec, ts_present(clock).sec, &sec) || sec == INT64_MIN) return FOREVER;
  return (uint64_t)(sec < 0 ? -sec : sec);
}

/* Where a timer's clock cannot be found out. The present on one clock is decades from that on the other. */
static out_of_line int likely_clock(const struct ts_timespec *deadline) {
  return distance(deadline, CLOCK_REALTIME) <= distance(deadline, CLOCK_MONOTONIC) ? CLOCK_REALTIME : CLOCK_MONOTONIC;
}

/*
 * The clock that a timer runs by: any that is treated like it, where that is enough, for a look-up costs three system
 * calls. A timerfd has no CPU-time clock, so its durations are all scaled alike. A POSIX timer may have one.
 *
 * @param deadline 0: it is set to a duration, or read
 */
static out_of_line int clock_of(const struct ts_call *call, const struct ts_timespec *deadline,
                                struct settings settings) {
  enum { TIMERFD_CLOCKS = 0x383, POSIX_CLOCKS = 0xb8f }; /* REALTIME MONOTONIC BOOTTIME ALARMs; TAI, CPU-time */
  enum { OWN_PROCESS = -6, OWN_THREAD = -2 };            /* as the kernel names the CPU-time clocks */
  int id = (int)call->args[0], clock = NO_CLOCK, is_posix = is_posix_timer(call);
  uint64_t clocks = is_posix ? POSIX_CLOCKS : TIMERFD_CLOCKS, selected = settings.selected & clocks;
  if (!scales(settings) && !selected) return NO_CLOCK;
  if (!settings.is_profile && selected == clocks) return CLOCK_REALTIME;
  if (!deadline && !is_posix) return CLOCK_MONOTONIC;
  if (!is_filtered()) clock = is_posix ? ts_clock_of_timer(id) : ts_clock_of_timerfd(id);
  if (clock == OWN_PROCESS) return CLOCK_PROCESS_CPUTIME_ID;
  if (clock == OWN_THREAD) return CLOCK_THREAD_CPUTIME_ID;
  if (clock != NO_CLOCK) return clock;
  return deadline ? likely_clock(deadline) : CLOCK_MONOTONIC;
}

/*
 * A profile that steps may have CLOCK_MONOTONIC go on by an interval at once; but it does not keep doing so, and a
 * timer that expires all the time would stop the program. No clock is made faster than this.
 */
static uint64_t true_interval(uint64_t ns) {
  uint64_t span = ts_true_span(ns), least = ns / 1000;
  return span > least ? span : least;
}

static void slow_timer(struct itimerspec *timer) {
  uint64_t interval = nanoseconds(&timer->interval);
  if (interval != FOREVER) timer->interval = timespec_of(true_interval(interval));
}

static void slow_itimer(struct itimerval *timer) {
  uint64_t interval = microseconds(&timer->interval);
  if (interval <= FOREVER / 1000) timer->interval = timeval_of((true_interval(interval * 1000) + 999) / 1000);
  slow_timeval(&timer->value);
}

static void rest_of_timer(const struct ts_call *call, uintptr_t address) {
  struct ts_timespec time = given_time(call, address);
  give_time(call, address, timespec_of(ts_fake_span(nanoseconds(&time))));
}

/* Rounded down, so that what was set is read back; but what is set is not 0. */
static uint64_t rest_of_microseconds(uint64_t us) {
  if (!us || us > FOREVER / 1000) return us;
  uint64_t rest = ts_fake_span(us * 1000) / 1000;
  return rest ? rest : 1;
}

static void rest_of_itimer(struct ts_timeval *t) {
  *t = timeval_of(rest_of_microseconds(microseconds(t)));
}

/* What the kernel has written for the program, who has no other clock. */
static void scale_timer(const struct ts_call *call, uintptr_t old) {
  rest_of_timer(call, old);
  rest_of_timer(call, old + given_bytes(call));
}

static void scale_itimer(struct itimerval *old) {
  rest_of_itimer(&old->interval);
  rest_of_itimer(&old->value);
}

static int is_zero(const struct ts_timespec *t) {
  return !t->sec && !t->nsec;
}

static int take_timer(const struct ts_call *call, uintptr_t address, struct itimerspec *out) {
  uintptr_t value = address + given_bytes(call);
  if (!address || !ts_readable(call, address) || !ts_readable(call, value)) return 0;
  out->interval = given_time(call, address);
  out->value = given_time(call, value);
  return is_valid(&out->interval) && is_valid(&out->value);
}

/*
 * timer_settime and timerfd_settime have the same arguments. A value of 0 disarms, deadline or not, so none becomes 0.
 */
int ts_timer_set(struct ts_call *call, struct settings settings) {
  enum { FLAGS = 1, NEW = 2, OLD = 3 };
  struct itimerspec timer;
  ts_given copy[2];
  int absolute = call->args[FLAGS] & TIMER_ABSTIME;
  if ((!absolute && !scales(settings)) || !take_timer(call, call->args[NEW], &timer)) return IN_PLACE;
  int clock = clock_of(call, absolute ? &timer.value : 0, settings);
  int scaled = scales(settings) && is_scaled(clock);
  int shifted = absolute && is_selected(settings, clock) && !is_zero(&timer.value);
  if (!scaled && !shifted) return IN_PLACE;
  if (scaled) slow_timer(&timer);
  if (scaled && !absolute) slow_timespec(&timer.value);
  if (shifted) ts_to_true(&timer.value, clock);
  if (shifted && is_zero(&timer.value)) timer.value.nsec = 1;
  ts_make_with(call, NEW, given_timer(call, &timer, copy));
  if (scaled && call->number == 0 && call->args[OLD]) scale_timer(call, call->args[OLD]);
  return MADE;
}

int ts_timer_get(struct ts_call *call, struct settings settings) {
  if (!is_scaled(clock_of(call, 0, settings))) return IN_PLACE;
  call->number = ts_make(call);
  if (call->number == 0) scale_timer(call, call->args[1]);
  return MADE;
}

/* Without a new value the kernel disarms the timer. */
int ts_itimer_set(struct ts_call *call) {
  enum { WHICH = 0, NEW = 1, OLD = 2, ITIMER_REAL = 0 };
  struct itimerval timer;
  uintptr_t theirs = call->args[NEW];
  if ((int)call->args[WHICH] != ITIMER_REAL) return IN_PLACE;
  if (theirs) {
    if (!ts_readable(call, theirs) || !ts_readable(call, theirs + sizeof(timer.interval))) return IN_PLACE;
    timer = *(const volatile struct itimerval *)theirs;
    if (!is_valid_timeval(&timer.interval) || !is_valid_timeval(&timer.value)) return IN_PLACE;
    slow_itimer(&timer);
  }
  ts_make_with(call, NEW, theirs ? (uintptr_t)&timer : 0);
  if (call->number == 0 && call->args[OLD]) scale_itimer((void *)call->args[OLD]);
  return MADE;
}

int ts_itimer_get(struct ts_call *call) {
  enum { WHICH = 0, OUT = 1, ITIMER_REAL = 0 };
  if ((int)call->args[WHICH] != ITIMER_REAL) return IN_PLACE;
  call->number = ts_make(call);
  if (call->number == 0) scale_itimer((void *)call->args[OUT]);
  return MADE;
}

#ifdef NR_alarm
/* alarm is setitimer with whole seconds. As the kernel has it, what is left is rounded, but not to 0. */
int ts_alarm(struct ts_call *call) {
  uint64_t asked = (uint32_t)call->args[0], span = ts_true_span(asked * NSEC_PER_SEC);
  if (is_filtered()) {
    uint64_t seconds = (span + NSEC_PER_SEC - 1) / NSEC_PER_SEC;
    ts_make_with(call, 0, seconds < UINT32_MAX ? seconds : UINT32_MAX);
    uint64_t left = ts_fake_span((uint64_t)call->number * NSEC_PER_SEC);
    call->number = (int64_t)(left && left < NSEC_PER_SEC ? 1 : left / NSEC_PER_SEC);
    return MADE;
  }
  struct itimerval old, new = {{0, 0}, timeval_of((span + 999) / 1000)};
  call->number = system_call(NR_setitimer, 0, (uintptr_t)&new, (uintptr_t)&old, 0);
  if (call->number) return MADE;
  rest_of_itimer(&old.value);
  call->number = old.value.sec + (old.value.usec >= USEC_PER_SEC / 2 || (!old.value.sec && old.value.usec));
  return MADE;
}
#endif

/* SO_RCVTIMEO and SO_SNDTIMEO, by their numbers of old and those for 64 bits of time, which a 32-bit program has, too. */
enum { SOCKET_LEVEL = 1, SOCKET_NAME = 2, SOCKET_VALUE = 3, SOCKET_LENGTH = 4 };
enum { RECEIVE = 20, SEND = 21, RECEIVE_64 = 66, SEND_64 = 67 };
struct timeval_64 {
  int64_t sec, usec;
};

static int is_socket_timeout(const struct ts_call *call) {
  enum { SOL_SOCKET = 1 };
  int name = (int)call->args[SOCKET_NAME];
  return (int)call->args[SOCKET_LEVEL] == SOL_SOCKET &&
         (name == RECEIVE || name == SEND || name == RECEIVE_64 || name == SEND_64);
}

static unsigned timeout_bytes(const struct ts_call *call) {
  return (int)call->args[SOCKET_NAME] < RECEIVE_64 ? sizeof(struct ts_timeval) : sizeof(struct timeval_64);
}

static struct timeval_64 timeout_at(const struct ts_call *call, uintptr_t address) {
  if (timeout_bytes(call) == sizeof(struct timeval_64)) return *(const volatile struct timeval_64 *)address;
  const volatile struct ts_timeval *time = (const void *)address;
  return (struct timeval_64){time->sec, time->usec};
}

static void put_timeout(const struct ts_call *call, uintptr_t address, uint64_t us) {
  if (timeout_bytes(call) == sizeof(struct timeval_64))
    *(struct timeval_64 *)address = (struct timeval_64){(int64_t)(us / USEC_PER_SEC), (int64_t)(us % USEC_PER_SEC)};
  else
    *(struct ts_timeval *)address = timeval_of(us);
}

/* {0, 0} is for ever. */
int ts_socket_set(struct ts_call *call) {
  uintptr_t theirs = call->args[SOCKET_VALUE];
  unsigned bytes = timeout_bytes(call), look = given_bytes(call);
  struct timeval_64 copy;
  if (!is_socket_timeout(call) || (int)call->args[SOCKET_LENGTH] < (int)bytes) return IN_PLACE;
  if (!theirs || !ts_readable(call, theirs) || (bytes > look && !ts_readable(call, theirs + look))) return IN_PLACE;
  copy = timeout_at(call, theirs);
  if ((uint64_t)copy.sec >= FOREVER / USEC_PER_SEC || (uint64_t)copy.usec >= USEC_PER_SEC) return IN_PLACE;
  uint64_t us = true_microseconds((uint64_t)copy.sec * USEC_PER_SEC + (uint64_t)copy.usec);
  put_timeout(call, (uintptr_t)&copy, us);
  return ts_make_with(call, SOCKET_VALUE, (uintptr_t)&copy);
}

int ts_socket_get(struct ts_call *call) {
  if (!is_socket_timeout(call)) return IN_PLACE;
  call->number = ts_make(call);
  uintptr_t theirs = call->args[SOCKET_VALUE];
  if (call->number || *(const unsigned *)call->args[SOCKET_LENGTH] != timeout_bytes(call)) return MADE;
  struct timeval_64 time = timeout_at(call, theirs);
  if ((uint64_t)time.sec < FOREVER / USEC_PER_SEC)
    put_timeout(call, theirs, rest_of_microseconds((uint64_t)time.sec * USEC_PER_SEC + (uint64_t)time.usec));
  return MADE;
}
