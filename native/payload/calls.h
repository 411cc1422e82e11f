/*
 * calls.h - the system calls that the payload translates: what their functions share.
 *
 * A thunk calls ts_enter (enter.S) before a system call of the program. The payload then either changes arguments and
 * lets the program make the call itself, in place; or it makes the call, with arguments of its own, and the program
 * gets the result. It does so only where it must: where it has to change a register that the program may read
 * afterwards, or something that the kernel gives back.
 *
 * struct ts_call, of <machine>/machine.h: everything below the caller's stack pointer, as thunk and ts_enter put it there.
 */
#ifndef TIMESKEW_CALLS_H
#define TIMESKEW_CALLS_H

#include "slot.h"

enum answer { IN_PLACE = 0, MADE = 1 };

/*
 * What decides whether a call is looked at further. What is done to a time goes by the settings that are in force then.
 */
struct settings {
  uint64_t selected;
  uint64_t is_profile;
};

struct itimerspec {
  struct ts_timespec interval;
  struct ts_timespec value;
};
struct itimerval {
  struct ts_timeval interval;
  struct ts_timeval value;
};

#define TIMER_ABSTIME 1 /* TFD_TIMER_ABSTIME, too */
#define EINTR 4
#define EFAULT 14
#define USEC_PER_SEC 1000000
#define NSEC_PER_MSEC 1000000
#define FOREVER INT64_MAX
#define TS_SPREAD 0x9e3779b97f4a7c15 /* 2^64 by the golden ratio: the product's upper bits are a hash */

/* <machine>/enter.S: makes the call with the arguments that it has, and returns the result. */
long ts_make(const struct ts_call *call);

static inline int is_filtered(void) {
  return ts_params.flags & TS_FILTERED;
}

/* Ids from 32 on, and negative ones (they belong to processes and devices), cannot be selected. */
static inline int is_selected(struct settings settings, int clock) {
  return (uint32_t)clock < 32 && settings.selected >> clock & 1;
}

/* Whether waits for a time, and not until one, last as long as CLOCK_MONOTONIC shows. */
static inline int scales(struct settings settings) {
  return settings.is_profile && is_selected(settings, CLOCK_MONOTONIC);
}

/* CPU-time clocks do not: they count what the program does. */
static inline int is_scaled(int clock) {
  enum { REALTIME, MONOTONIC, BOOTTIME = 7, REALTIME_ALARM, BOOTTIME_ALARM, TAI = 11 };
  const uint32_t running = 1 << REALTIME | 1 << MONOTONIC | 1 << BOOTTIME | 1 << REALTIME_ALARM | 1 << BOOTTIME_ALARM |
                           1 << TAI;
  return (uint32_t)clock < 32 && running >> clock & 1;
}

/* Makes the call with another argument; the caller's register keeps its value. */
int ts_make_with(struct ts_call *call, unsigned argument, uintptr_t value);

/* What is done about a call: an enum answer. */
int ts_translate(struct ts_call *call);

/* Whether a timespec of this call's can be read at an address, or written, without a fault. */
int ts_readable(const struct ts_call *call, uintptr_t address);
int ts_writable(const struct ts_call *call, uintptr_t address);

/* waits.c; all return an enum answer. `again`: whether the kernel may read the timespec again, to restart the call. */
int ts_deadline(struct ts_call *call, unsigned argument, int clock, int again, struct settings settings);
int ts_duration(struct ts_call *call, unsigned argument, int again, struct settings settings);
int ts_sleep(struct ts_call *call, unsigned argument, struct settings settings);
int ts_timespec_rest(struct ts_call *call, unsigned argument);
int ts_timeval_rest(struct ts_call *call, unsigned argument);

/* A valid deadline on a clock: from the program's time to the true one. One that has passed stays so. */
void ts_to_true(struct ts_timespec *deadline, int clock);

/* How far a valid, true time of a clock lies ahead, in ns; 0 if it has passed. */
uint64_t ts_ahead(const struct ts_timespec *time, int clock);

/* What a clock shows now; 0 if it cannot be read. */
struct ts_timespec ts_present(int clock);

/*
 * How long it is, in true time from now on, until CLOCK_MONOTONIC has gone on by so many ns; and by how many ns it goes
 * on in as many of true time: not 0, but for 0. FOREVER stays what it is.
 */
uint64_t ts_true_span(uint64_t fake);
uint64_t ts_fake_span(uint64_t span);

/* timers.c */
int ts_timer_set(struct ts_call *call, struct settings settings);
int ts_timer_get(struct ts_call *call, struct settings settings);
int ts_itimer_set(struct ts_call *call);
int ts_itimer_get(struct ts_call *call);
int ts_alarm(struct ts_call *call);
int ts_socket_set(struct ts_call *call);
int ts_socket_get(struct ts_call *call);

/* proc.c: the clock that a timer runs by, or NO_CLOCK where that cannot be found out. */
#define NO_CLOCK INT32_MAX
int ts_clock_of_timerfd(int fd);
int ts_clock_of_timer(int id);

#endif
