/* Calls that wait for a time: at a rate they take as long as the program's clock says. */
#define _GNU_SOURCE
#include "calls.h"

#include <errno.h>
#include <limits.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define WAITED (25 * MILLISECOND)
#define LATE (150 * MILLISECOND)
#define LONG (100 * SECOND)
#define TICK 20000 /* µs */

enum unit { TIMESPEC, TIMEVAL, MILLISECONDS };

/* What happens to the timespec or timeval. */
enum rest { READ_ONLY, REPLACED, ELSEWHERE };

struct kind {
	const char *name;
	long number;
	uint64_t arguments[ARGUMENTS];
	unsigned time; /* which argument */
	enum unit unit;
	enum rest rest;
	long timed_out;
};

static struct kind kinds[32];
static unsigned kind_count;

static uint32_t word;
static uint64_t signals[1];
static struct epoll_event event;
static struct io_event completion;
static struct sembuf operation = {0, -1, 0};
static struct timespec given, left;
static struct timeval given_us;

static void add(const char *name, long number, const uint64_t *arguments, unsigned time, enum unit unit, enum rest rest,
	long timed_out)
{
	struct kind *kind = &kinds[kind_count++];

	*kind = (struct kind){name, number, {0}, time, unit, rest, timed_out};
	memcpy(kind->arguments, arguments, sizeof(kind->arguments));
}

static int semaphore = -1;

static void list_kinds(void)
{
	aio_context_t context = 0;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	static struct { const void *set; size_t size; } no_mask;

	semaphore = semget(IPC_PRIVATE, 1, 0600);
	signals[0] = 1ull << (SIGUSR2 - 1);
	check(semaphore >= 0 && epoll >= 0 && syscall(SYS_io_setup, 1, &context) == 0, "preparations: errno %d", errno);
	add("nanosleep", SYS_nanosleep, ARGS(0, 0), 0, TIMESPEC, READ_ONLY, 0);
	add("nanosleep with rest", SYS_nanosleep, ARGS(0, P(&left)), 0, TIMESPEC, ELSEWHERE, 0);
	add("nanosleep into itself", SYS_nanosleep, ARGS(0, P(&given)), 0, TIMESPEC, REPLACED, 0);
	add("clock_nanosleep(REALTIME)", SYS_clock_nanosleep, ARGS(0, 0, 0, 0), 2, TIMESPEC, READ_ONLY, 0);
	add("clock_nanosleep(MONOTONIC) with rest", SYS_clock_nanosleep, ARGS(1, 0, 0, P(&left)), 2, TIMESPEC, ELSEWHERE, 0);
	add("futex(WAIT)", SYS_futex, ARGS(P(&word), FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0), 3, TIMESPEC, READ_ONLY,
		-ETIMEDOUT);
	add("ppoll", SYS_ppoll, ARGS(0, 0, 0, 0, 0), 2, TIMESPEC, REPLACED, 0);
	add("pselect6", SYS_pselect6, ARGS(0, 0, 0, 0, 0, P(&no_mask)), 4, TIMESPEC, REPLACED, 0);
	add("epoll_pwait", SYS_epoll_pwait, ARGS((uint64_t)epoll, P(&event), 1, 0, 0, 8), 3, MILLISECONDS, READ_ONLY, 0);
	add("epoll_pwait2", 441, ARGS((uint64_t)epoll, P(&event), 1, 0, 0, 8), 3, TIMESPEC, READ_ONLY, 0);
	add("semtimedop", SYS_semtimedop, ARGS((uint64_t)semaphore, P(&operation), 1), 3, TIMESPEC, READ_ONLY, -EAGAIN);
	add("rt_sigtimedwait", SYS_rt_sigtimedwait, ARGS(P(signals), 0, 0, 8), 2, TIMESPEC, READ_ONLY, -EAGAIN);
	add("io_getevents", SYS_io_getevents, ARGS(context, 1, 1, P(&completion)), 4, TIMESPEC, READ_ONLY, 0);
	add("io_pgetevents", SYS_io_pgetevents, ARGS(context, 1, 1, P(&completion), 0, 0), 4, TIMESPEC, READ_ONLY, 0);
#ifdef SYS_select /* newer machines do without these */
	add("poll", SYS_poll, ARGS(0, 0), 2, MILLISECONDS, READ_ONLY, 0);
	add("select", SYS_select, ARGS(0, 0, 0, 0, 0), 4, TIMEVAL, REPLACED, 0);
	add("epoll_wait", SYS_epoll_wait, ARGS((uint64_t)epoll, P(&event), 1), 3, MILLISECONDS, READ_ONLY, 0);
#endif
}

/* ---- one call ------------------------------------------------------------------------------------------------ */

static long call_with(const struct kind *kind, uint64_t time)
{
	uint64_t arguments[ARGUMENTS];

	memcpy(arguments, kind->arguments, sizeof(arguments));
	arguments[kind->time] = time;
	return make_call(&caller, kind->number, arguments);
}

static uint64_t time_argument(const struct kind *kind, int64_t asked)
{
	given = left = as_timespec(asked);
	given_us = (struct timeval){asked / SECOND, asked % SECOND / 1000};
	switch (kind->unit) {
	case TIMESPEC:
		return P(&given);
	case TIMEVAL:
		return P(&given_us);
	default:
		return (uint64_t)(asked / MILLISECOND);
	}
}

static int64_t rest_of(const struct kind *kind)
{
	struct timespec rest = kind->rest == ELSEWHERE ? left : given;

	if (kind->unit == TIMEVAL)
		rest = (struct timespec){given_us.tv_sec, given_us.tv_usec * 1000};
	check(rest.tv_sec >= 0 && rest.tv_nsec >= 0 && rest.tv_nsec < SECOND, "the rest is %ld s %ld ns", rest.tv_sec,
		rest.tv_nsec);
	return rest.tv_sec * SECOND + rest.tv_nsec;
}

static void check_place(const struct kind *kind, int64_t asked)
{
	uint64_t now = caller.argument[kind->time];

	if (is_hidden(kind->time))
		return;
	if (!at_a_rate() || !(caller.free >> kind->time & 1) || kind->rest != READ_ONLY)
		check(caller.changed == 0, "arguments %#lx were changed", caller.changed);
	else if (kind->unit == MILLISECONDS)
		check((int64_t)now * MILLISECOND >= true_span(asked), "it waits %lu ms", now);
	else
		check(now >= P(params->waits) && now < P(params->waits + TS_WAITS), "was not made in place");
}

struct duration {
	const struct kind *kind;
	int64_t asked;
};

static long wait_for(void *context)
{
	const struct duration *duration = context;

	return call_with(duration->kind, time_argument(duration->kind, duration->asked));
}

static void try_full(const struct kind *kind)
{
	/* Whole milliseconds of the program's time, so that all units are asked for the same. */
	int64_t asked = fake_span(WAITED) / MILLISECOND * MILLISECOND;
	struct duration duration = {kind, asked};
	struct measured measured = {true_span(asked), true_span(asked) + LATE, wait_for, &duration};
	long result;

	looking_at("%s, to its end", kind->name);
	result = in_time(&measured);
	check(result == kind->timed_out, "the result is %ld", result);
	check_place(kind, asked);
	if (kind->rest == REPLACED && kind->number != SYS_nanosleep)
		check(rest_of(kind) == 0, "%ld ns are left", rest_of(kind));
	else
		check(rest_of(kind) == asked, "the time asked for is %ld now", rest_of(kind));
}

/* Nothing is asked for, or for ever. */
static void try_limits(const struct kind *kind)
{
	struct duration none = {kind, 0};
	struct measured measured = {0, LATE, wait_for, &none};
	long result;

	looking_at("%s, no time at all", kind->name);
	result = in_time(&measured);
	check(result == kind->timed_out, "the result is %ld", result);
	if (kind->unit == MILLISECONDS || kind->unit == TIMEVAL)
		check(caller.changed == 0, "arguments %#lx were changed", caller.changed);
}

/* ---- interrupted --------------------------------------------------------------------------------------------- */

static int64_t interrupted_after;

static long interrupt(const struct kind *kind, uint64_t time)
{
	struct itimerval ticks = {{0, TICK}, {0, TICK}}, none = {{0, 0}, {0, 0}};
	int64_t began = true_now(CLOCK_MONOTONIC);
	long result;

	caller.check_stack = 0;
	setitimer(ITIMER_REAL, &ticks, NULL);
	result = call_with(kind, time);
	setitimer(ITIMER_REAL, &none, NULL);
	caller.check_stack = 1;
	interrupted_after = true_now(CLOCK_MONOTONIC) - began;
	return result;
}

/* What is left is as much less as the program's clock went on. */
static void try_rest(const struct kind *kind)
{
	int64_t rest, passed;
	long result;

	looking_at("%s, interrupted", kind->name);
	result = interrupt(kind, time_argument(kind, LONG));
	check(result == -EINTR, "the result is %ld", result);
	check_place(kind, LONG);
	rest = rest_of(kind);
	if (kind->rest == READ_ONLY) {
		check(rest == LONG, "the time asked for is %ld now", rest);
		return;
	}
	passed = LONG - rest;
	check(passed <= fake_span(interrupted_after) + 1, "%ld ns passed, in %ld of true time", passed, interrupted_after);
	check(passed >= fake_span((TICK - 1000) * 1000ll / 2), "%ld ns passed, in %ld of true time", passed,
		interrupted_after);
	check(passed >= fake_span(interrupted_after) / 2, "%ld ns passed, in %ld of true time", passed, interrupted_after);
}

static void try_forever(const struct kind *kind)
{
	long result;

	looking_at("%s, for ever", kind->name);
	if (kind->unit == MILLISECONDS) {
		result = interrupt(kind, (uint64_t)-1);
		check(result == -EINTR && caller.changed == 0, "the result is %ld", result);
		result = interrupt(kind, INT_MAX);
		check(result == -EINTR && caller.argument[kind->time] <= INT_MAX, "the result is %ld", result);
		result = interrupt(kind, 0xabcd00000000ffff); /* the kernel takes 32 bits */
		check(result == -EINTR, "the result is %ld", result);
		return;
	}
	given = left = (struct timespec){INT64_MAX, SECOND - 1};
	given_us = (struct timeval){INT64_MAX, 999999};
	result = interrupt(kind, kind->unit == TIMEVAL ? P(&given_us) : P(&given));
	check(result == -EINTR, "the result is %ld", result);
	given = (struct timespec){INT64_MAX / SECOND, 0};
	result = interrupt(kind, kind->unit == TIMEVAL ? P(&given_us) : P(&given));
	check(result == -EINTR, "the result is %ld", result);
	if (kind->number == SYS_nanosleep || kind->number == SYS_clock_nanosleep)
		return;
	result = interrupt(kind, 0);
	check(result == -EINTR && caller.changed == 0, "with NULL the result is %ld", result);
}

/* ---- as the kernel has it ------------------------------------------------------------------------------------ */

static void try_same(const struct kind *kind, const char *name, uint64_t time)
{
	unsigned free = caller.free;
	long expected, result;

	looking_at("%s, %s", kind->name, name);
	caller.free = PLAIN;
	expected = call_with(kind, time);
	caller.free = free;
	result = call_with(kind, time);
	check(result == expected, "the result is %ld, without us it is %ld", result, expected);
	check(caller.changed == 0, "arguments %#lx were changed", caller.changed);
}

static void try_invalid(const struct kind *kind)
{
	static const struct timespec invalid[] = {{-1, 0}, {1, -1}, {INT64_MIN, 0}, {0, -5}};

	if (kind->unit == MILLISECONDS)
		return;
	for (unsigned i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
		if (kind->number == SYS_io_getevents || kind->number == SYS_io_pgetevents)
			continue; /* takes any time for a time */
		given = invalid[i];
		given_us = (struct timeval){invalid[i].tv_sec, invalid[i].tv_nsec};
		try_same(kind, "an invalid time", kind->unit == TIMEVAL ? P(&given_us) : P(&given));
	}
	try_same(kind, "a bad pointer", P(bad_pointer()));
	try_same(kind, "half a structure", P(half_pointer()));
	if (kind->rest == ELSEWHERE) {
		struct kind odd = *kind;

		odd.arguments[kind->time + 1] = P(bad_pointer());
		given = as_timespec(LONG);
		looking_at("%s, nowhere to write the rest to", kind->name);
		check(interrupt(&odd, P(&given)) == -EFAULT, "no EFAULT");
	}
}

/* Where the program's clock hardly moves, its waits take as long as they say, and no end of time comes into it. */
static void try_slow_motion(void)
{
	struct world slow = world;

	slow.selected |= 1u << CLOCK_MONOTONIC;
	slow.multiplier = 1;
	slow.divisor = 1u << 30;
	set_world(&slow);
	for (unsigned k = 0; k < kind_count; k++) {
		long result = interrupt(&kinds[k], time_argument(&kinds[k], LONG));

		looking_at("%s, in slow motion", kinds[k].name);
		check(result == -EINTR, "the result is %ld", result);
		try_forever(&kinds[k]);
	}
}

static void on_alarm(int signal)
{
	(void)signal;
}

void try_durations(void)
{
	static const unsigned free[] = {0, ALL_FREE};
	struct sigaction action = {.sa_handler = on_alarm};
	sigset_t waited;

	sigaction(SIGALRM, &action, NULL);
	sigemptyset(&waited);
	sigaddset(&waited, SIGUSR2);
	sigprocmask(SIG_BLOCK, &waited, NULL);
	list_kinds();
	for (unsigned i = 0; i < 2; i++) {
		caller.free = free[i];
		for (unsigned k = 0; k < kind_count; k++) {
			caller.misaligned = (k * 8 + i * 3) % 16;
			try_full(&kinds[k]);
			try_limits(&kinds[k]);
			try_rest(&kinds[k]);
			try_forever(&kinds[k]);
			try_invalid(&kinds[k]);
		}
	}
	try_slow_motion();
	semctl(semaphore, 0, IPC_RMID);
}
