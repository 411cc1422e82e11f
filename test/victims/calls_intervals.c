/* setitimer, alarm, and the timeouts of sockets: whole microseconds or seconds. */
#define _GNU_SOURCE
#include "calls.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define LATE (150 * MILLISECOND)
#define NEAR (SECOND / 2) /* for readings of what is left */

static int64_t ns_of_timeval(struct timeval time)
{
	check(time.tv_sec >= 0 && time.tv_usec >= 0 && time.tv_usec < 1000000, "%ld s %ld us is no time", time.tv_sec,
		time.tv_usec);
	return time.tv_sec * SECOND + time.tv_usec * 1000;
}

static int64_t interval_timer_left(int which)
{
	struct itimerval value;

	syscall(SYS_getitimer, which, &value);
	return ns_of_timeval(value.it_value);
}

static void try_interval_timers(void)
{
	static const int kinds[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};

	for (int i = 0; i < 3; i++) {
		struct itimerval value = {{3, 7}, {100, 0}}, old, none = {{0, 0}, {0, 0}}, invalid = {{0, 0}, {1, 1000000}};
		uint64_t which = (uint64_t)kinds[i];
		int64_t asked = 100 * SECOND, span = i ? asked : true_span(asked), left;
		int64_t most = asked + (i ? 4 * MILLISECOND : fake_span(4 * MILLISECOND)); /* the kernel rounds up to ticks */

		looking_at("setitimer(%d)", kinds[i]);
		check(make_call(&caller, SYS_setitimer, ARGS(which, P(&value), 0)) == 0, "setitimer fails");
		left = interval_timer_left(kinds[i]);
		check(left > span - NEAR && left <= span + 4 * MILLISECOND, "%ld ns of true time are left, not %ld", left, span);
		check(make_call(&caller, SYS_getitimer, ARGS(which, P(&old))) == 0, "getitimer fails");
		left = ns_of_timeval(old.it_value);
		check(left > asked - fake_span(NEAR) && left <= most, "%ld ns are left", left);
		left = ns_of_timeval(old.it_interval) - (3 * SECOND + 7000);
		check(left >= 0 && left <= 4000, "the interval is %ld ns more than it was", left);
		check(make_call(&caller, SYS_setitimer, ARGS(which, P(&invalid), P(&old))) == -EINVAL, "no EINVAL");
		check(make_call(&caller, SYS_setitimer, ARGS(which, P(bad_pointer()), P(&old))) == -EFAULT, "no EFAULT");
		check(make_call(&caller, SYS_setitimer, ARGS(which, P(edge() - 24), P(&old))) == -EFAULT, "no EFAULT");
		check(make_call(&caller, SYS_getitimer, ARGS(which, P(bad_pointer()))) == -EFAULT, "no EFAULT");
		check(make_call(&caller, SYS_setitimer, ARGS(which, P(&none), P(&old))) == 0, "setitimer fails");
		left = ns_of_timeval(old.it_value);
		check(left > asked - fake_span(NEAR) && left <= most, "%ld ns were left", left);
		check(interval_timer_left(kinds[i]) == 0, "0 does not disarm");
	}
	looking_at("setitimer without a value");
	check(make_call(&caller, SYS_setitimer, ARGS(ITIMER_REAL, 0, 0)) == 0, "it fails");
	check(make_call(&caller, SYS_getitimer, ARGS(17, P(bad_pointer()))) == -EINVAL, "no EINVAL");
}

#ifdef SYS_alarm
static void try_alarm(void)
{
	static const unsigned asked[] = {1, 2, 100, UINT_MAX};
	int64_t left;
	long result;

	for (unsigned i = 0; i < 4; i++) {
		int64_t span = true_span(asked[i] * SECOND);

		if (span > 100ll * 365 * 86400 * SECOND)
			continue; /* a slow clock does not get there, and what is left is told in other seconds */
		looking_at("alarm(%u)", asked[i]);
		result = make_call(&caller, SYS_alarm, ARGS(asked[i]));
		check(result == 0, "the result is %ld", result);
		left = interval_timer_left(ITIMER_REAL);
		check(left > span - NEAR && left <= span + MILLISECOND, "%ld ns of true time are left, not %ld", left, span);
		result = make_call(&caller, SYS_alarm, ARGS(0));
		check(result == asked[i], "%ld seconds are left", result);
		check(interval_timer_left(ITIMER_REAL) == 0, "alarm(0) does not disarm");
	}
	looking_at("alarm under a filter");
	params->flags = TS_FILTERED;
	check(make_call(&caller, SYS_alarm, ARGS(1)) == 0, "it fails");
	left = interval_timer_left(ITIMER_REAL);
	check(left >= true_span(SECOND) - NEAR && left <= true_span(SECOND) + SECOND, "%ld ns of true time are left", left);
	check(make_call(&caller, SYS_alarm, ARGS(0)) >= 1, "nothing was left");
	params->flags = 0;
}
#endif

static long receive(void *context)
{
	char byte;

	return recv(*(int *)context, &byte, 1, 0) < 0 ? -errno : 0;
}

static void try_sockets(void)
{
	static const int names[] = {20, 21, 66, 67};
	int64_t span = true_span(fake_span(80 * MILLISECOND) / 1000 * 1000), left;
	/* The kernel counts ticks, of which the first has begun already. */
	struct measured measured = {span - 10 * MILLISECOND, span + LATE, receive, NULL};
	struct timeval zero = {0, 0}, invalid = {0, 1000000}, short_one = {fake_span(80 * MILLISECOND) / SECOND,
		fake_span(80 * MILLISECOND) % SECOND / 1000};
	int ends[2], number = 1;

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
	measured.context = &ends[0];
	for (int i = 0; i < 4; i++) {
		uint64_t fd = (uint64_t)ends[0], name = (uint64_t)names[i];
		struct timeval value = {40, 0};
		socklen_t length = sizeof(value);

		looking_at("socket option %d", names[i]);
		check(make_call(&caller, SYS_setsockopt, ARGS(fd, 1, name, P(&value), 16)) == 0, "setsockopt fails");
		getsockopt(ends[0], 1, names[i], &value, &length);
		left = ns_of_timeval(value) - true_span(40 * SECOND);
		check(left >= 0 && left <= 10 * MILLISECOND, "%ld ns of true time more than was asked for", left);
		check(make_call(&caller, SYS_getsockopt, ARGS(fd, 1, name, P(&value), P(&length))) == 0, "getsockopt fails");
		left = ns_of_timeval(value) - 40 * SECOND;
		check(left >= 0 && left <= fake_span(10 * MILLISECOND), "%ld ns more than was asked for", left);
		check(length == 16, "the length is %u", length);
		check(make_call(&caller, SYS_setsockopt, ARGS(fd, 1, name, P(&short_one), 16)) == 0, "setsockopt fails");
		if (names[i] == 20 || names[i] == 66)
			check(in_time(&measured) == -EAGAIN, "no EAGAIN");
		check(make_call(&caller, SYS_setsockopt, ARGS(fd, 1, name, P(&invalid), 16)) == -EDOM, "no EDOM");
		check(make_call(&caller, SYS_setsockopt, ARGS(fd, 1, name, P(&value), 15)) == -EINVAL, "no EINVAL");
		check(make_call(&caller, SYS_setsockopt, ARGS(fd, 1, name, P(bad_pointer()), 16)) == -EFAULT, "no EFAULT");
		check(make_call(&caller, SYS_getsockopt, ARGS(fd, 1, name, P(&value), P(bad_pointer()))) == -EFAULT, "no EFAULT");
		check(make_call(&caller, SYS_setsockopt, ARGS(fd, 1, name, P(&zero), 16)) == 0, "setsockopt fails");
		check(make_call(&caller, SYS_getsockopt, ARGS(fd, 1, name, P(&value), P(&length))) == 0, "getsockopt fails");
		check(ns_of_timeval(value) == 0, "for ever is %ld now", ns_of_timeval(value));
	}
	looking_at("another socket option");
	check(make_call(&caller, SYS_setsockopt, ARGS((uint64_t)ends[0], 1, SO_KEEPALIVE, P(&number), 4)) == 0, "it fails");
	close(ends[0]);
	close(ends[1]);
}

void try_intervals(void)
{
	static const unsigned free[] = {0, ALL_FREE};

	for (unsigned i = 0; i < 2; i++) {
		caller.free = free[i];
		try_interval_timers();
#ifdef SYS_alarm
		try_alarm();
#endif
		try_sockets();
	}
}
