/* Descriptors and POSIX timers: what is set, when it happens, and what is told about it. */
#define _GNU_SOURCE
#include "calls.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define SOON (30 * MILLISECOND)
#define LATE (150 * MILLISECOND)
#define HOUR (3600 * SECOND)
#define NEAR (SECOND / 2) /* for readings of what is left of an hour */

/* A timerfd or a POSIX timer, by the system calls alone. */
struct timer {
	int is_posix, clock, id;
	long set, get;
};

static struct timer make_timer(int is_posix, int clock)
{
	struct timer timer = {is_posix, clock, 0, SYS_timerfd_settime, SYS_timerfd_gettime};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};

	if (!is_posix) {
		timer.id = timerfd_create(clock, TFD_CLOEXEC);
		return timer;
	}
	timer.set = SYS_timer_settime;
	timer.get = SYS_timer_gettime;
	if (syscall(SYS_timer_create, clock, &event, &timer.id))
		timer.id = -1;
	return timer;
}

static void end_timer(const struct timer *timer)
{
	if (timer->is_posix)
		syscall(SYS_timer_delete, timer->id);
	else
		close(timer->id);
}

static long set(const struct timer *timer, int flags, const struct itimerspec *value, struct itimerspec *old)
{
	int whole = value && (P(value) > P(edge()) + TS_PAGE || P(value + 1) <= P(edge()));
	struct itimerspec before;
	long result;

	if (whole)
		before = *value;
	result = make_call(&caller, timer->set, ARGS((uint64_t)timer->id, (uint64_t)flags, P(value), P(old)));
	check(caller.changed == 0, "arguments %#lx were changed", caller.changed);
	if (whole)
		check(memcmp(&before, value, sizeof(before)) == 0, "the program's own timer was changed");
	return result;
}

static long get(const struct timer *timer, struct itimerspec *value)
{
	return make_call(&caller, timer->get, ARGS((uint64_t)timer->id, P(value)));
}

/* Until it goes off. */
static long expire(const struct timer *timer)
{
	static const struct timespec limit = {2, 0};
	struct pollfd poll_for = {.fd = timer->id, .events = POLLIN};
	sigset_t awaited;

	if (!timer->is_posix)
		return syscall(SYS_ppoll, &poll_for, 1, &(struct timespec){2, 0}, NULL, 0) == 1 ? 0 : -ETIMEDOUT;
	sigemptyset(&awaited);
	sigaddset(&awaited, SIGUSR2);
	return sigtimedwait(&awaited, NULL, &limit) == SIGUSR2 ? 0 : -errno;
}

static int64_t ns_of(struct timespec time)
{
	check(time.tv_sec >= 0 && time.tv_nsec >= 0 && time.tv_nsec < SECOND, "%ld s %ld ns is no time", time.tv_sec,
		time.tv_nsec);
	return time.tv_sec * SECOND + time.tv_nsec;
}

/* A duration that was set is read back as it was, but for what a nanosecond of true time is. */
static void check_same(int64_t read, int64_t was)
{
	check(read >= was - 1 && read <= was + fake_span(1) + 1, "%ld ns, was %ld", read, was);
}

/* ---- timerfd and POSIX timers ---------------------------------------------------------------------------------- */

struct setting {
	const struct timer *timer;
	int absolute;
	int64_t ahead;
};

static long set_and_expire(void *context)
{
	const struct setting *setting = context;
	int64_t base = setting->absolute ? fake_now(setting->timer->clock) : 0;
	struct itimerspec value = {{0, 0}, as_timespec(base + setting->ahead)};
	long result = set(setting->timer, setting->absolute, &value, NULL);

	return result ? result : expire(setting->timer);
}

static void try_expiry(const struct timer *timer, int absolute, int64_t ahead)
{
	struct setting setting = {timer, absolute, ahead};
	int64_t span = ahead <= 0 ? 0 : absolute ? true_ahead(timer->clock, ahead) : true_span(ahead);
	struct measured measured = {span, span + LATE, set_and_expire, &setting};
	long result;

	looking_at("%s, clock %d, %s, %ld ns ahead", timer->is_posix ? "timer" : "timerfd", timer->clock,
		absolute ? "absolute" : "relative", ahead);
	result = in_time(&measured);
	check(result == 0, "the result is %ld", result);
}

/* The kernel tells the true time that is left, by a call of our own. */
static int64_t truly_left(const struct timer *timer)
{
	struct itimerspec value;

	check(syscall(timer->get, timer->id, &value) == 0, "gettime: errno %d", errno);
	return ns_of(value.it_value);
}

/* The kernel goes on telling what was left of a disarmed timerfd on an alarm clock. */
static int tells_old_rest(const struct timer *timer)
{
	return !timer->is_posix && (timer->clock == CLOCK_REALTIME_ALARM || timer->clock == CLOCK_BOOTTIME_ALARM);
}

static void try_values(const struct timer *timer, int absolute)
{
	const char *name = timer->is_posix ? "timer" : "timerfd";
	int64_t base = absolute ? fake_now(timer->clock) : 0;
	int64_t span = absolute ? true_ahead(timer->clock, HOUR) : true_span(HOUR), left;
	struct itimerspec value = {as_timespec(7 * SECOND + 1), as_timespec(base + HOUR)}, now, old;

	looking_at("%s, clock %d, %s, in an hour", name, timer->clock, absolute ? "absolute" : "relative");
	check(set(timer, absolute, &value, NULL) == 0, "settime fails");
	left = truly_left(timer);
	check(left > span - NEAR && left <= span + 1000, "%ld ns of true time are left, not %ld", left, span);
	check(get(timer, &now) == 0, "gettime fails");
	check_same(ns_of(now.it_interval), 7 * SECOND + 1);
	left = ns_of(now.it_value);
	span = fake_span(span);
	check(left > span - fake_span(NEAR) && left <= span + 4000, "%ld ns are left, not %ld", left, span);

	value = (struct itimerspec){{0, 0}, {0, 0}};
	check(set(timer, absolute, &value, &old) == 0, "settime fails");
	check_same(ns_of(old.it_interval), 7 * SECOND + 1);
	check(ns_of(old.it_value) <= left && ns_of(old.it_value) > left - fake_span(NEAR), "%ld ns were left, not %ld",
		ns_of(old.it_value), left);
	check(get(timer, &now) == 0 && (ns_of(now.it_value) == 0 || tells_old_rest(timer)), "0 does not disarm");
}

static void try_wrong(const struct timer *timer, int flags)
{
	static const struct itimerspec invalid[] = {
		{{0, 0}, {5, SECOND}}, {{0, SECOND}, {5, 0}}, {{-1, 0}, {5, 0}}, {{0, 0}, {-5, 0}}, {{0, 0}, {0, -1}}};
	struct itimerspec value = {{0, 0}, {INT64_MAX, 0}};

	looking_at("%s, clock %d, flags %d, wrong arguments", timer->is_posix ? "timer" : "timerfd", timer->clock, flags);
	for (unsigned i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
		check(set(timer, flags, &invalid[i], NULL) == -EINVAL, "no EINVAL");
	check(set(timer, flags, bad_pointer(), NULL) == -EFAULT, "no EFAULT");
	for (int there = 8; there < 32; there += 8)
		check(set(timer, flags, (void *)(edge() - there), NULL) == -EFAULT, "no EFAULT, %d bytes can be read", there);
	check(set(timer, flags, NULL, NULL) == (timer->is_posix ? -EINVAL : -EFAULT), "NULL is taken");
	check(set(timer, flags, &value, bad_pointer()) == -EFAULT, "no EFAULT");
	check(get(timer, bad_pointer()) == -EFAULT, "no EFAULT");
	check(set(timer, flags, &value, NULL) == 0, "for ever");
	check(truly_left(timer) > 30 * 365 * 24 * HOUR, "for ever ends");
	value.it_value = (struct timespec){0, 0};
	check(set(timer, flags, &value, NULL) == 0 && (truly_left(timer) == 0 || tells_old_rest(timer)), "it is not disarmed");
	check(make_call(&caller, timer->set, ARGS(12345, (uint64_t)flags, P(&value))) < 0, "there is no such timer");
}

/* Without a descriptor, /proc cannot be read: the clock that the deadline is nearer to is taken. */
static void without_descriptors(const struct timer *timer)
{
	struct rlimit limit, none;
	int next = dup(0);

	close(next);
	getrlimit(RLIMIT_NOFILE, &limit);
	none = (struct rlimit){(rlim_t)next, limit.rlim_max};
	setrlimit(RLIMIT_NOFILE, &none);
	try_expiry(timer, 1, SOON);
	setrlimit(RLIMIT_NOFILE, &limit);
	params->flags = TS_FILTERED;
	try_expiry(timer, 1, SOON);
	params->flags = 0;
}

static void try_timer(int is_posix, int clock)
{
	struct timer timer = make_timer(is_posix, clock);

	/* Without a real-time clock that can wake the machine, the alarm clocks do not work. */
	if (timer.id < 0 || true_now(clock) == 0)
		return;
	try_expiry(&timer, 0, fake_span(SOON));
	try_expiry(&timer, 1, SOON);
	try_expiry(&timer, 1, -SECOND);
	try_expiry(&timer, 1, 1 - fake_now(clock)); /* right behind the epoch */
	if (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC)
		without_descriptors(&timer);
	try_values(&timer, 0);
	try_values(&timer, 1);
	try_wrong(&timer, 0);
	try_wrong(&timer, TFD_TIMER_ABSTIME);
	end_timer(&timer);
}

/* Time of the processor does not go at the rate. */
static void try_processor_timer(void)
{
	struct timer timer = make_timer(1, CLOCK_PROCESS_CPUTIME_ID);
	struct itimerspec value = {{1, 0}, {1000, 0}}, now;
	int64_t left;

	looking_at("a timer of the processor's time");
	check(set(&timer, 0, &value, NULL) == 0, "settime fails");
	check(truly_left(&timer) > 999 * SECOND && truly_left(&timer) <= 1000 * SECOND, "it was scaled");
	check(get(&timer, &now) == 0 && ns_of(now.it_interval) == SECOND, "it was scaled on the way out");
	value.it_value = as_timespec(fake_now(CLOCK_PROCESS_CPUTIME_ID) + 1000 * SECOND);
	check(set(&timer, TIMER_ABSTIME, &value, NULL) == 0, "settime fails");
	left = truly_left(&timer);
	check(left > 999 * SECOND && left <= 1000 * SECOND, "%ld ns are left", left);
	end_timer(&timer);
}

/* Among many timers the right one is found. */
static void try_many_timers(void)
{
	struct timer timers[40];

	for (int i = 0; i < 40; i++)
		timers[i] = make_timer(1, i % 3 ? CLOCK_REALTIME : CLOCK_MONOTONIC);
	for (int i = 0; i < 40; i += 13)
		try_values(&timers[i], 1);
	for (int i = 0; i < 40; i++)
		end_timer(&timers[i]);
}

void try_timers(void)
{
	static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM,
		CLOCK_BOOTTIME_ALARM, CLOCK_TAI};
	static const unsigned free[] = {0, ALL_FREE};
	sigset_t expiries;

	sigemptyset(&expiries);
	sigaddset(&expiries, SIGUSR2);
	sigprocmask(SIG_BLOCK, &expiries, NULL);
	for (unsigned i = 0; i < 2; i++) {
		caller.free = free[i];
		for (unsigned k = 0; k < 12; k++) {
			if (k / 6 || clocks[k % 6] != CLOCK_TAI)
				try_timer((int)(k / 6), clocks[k % 6]);
		}
		try_processor_timer();
		try_many_timers();
	}
}
