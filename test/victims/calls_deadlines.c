/* Calls with deadlines: futexes, clock_nanosleep, message queues. */
#define _GNU_SOURCE
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define SOON (25 * MILLISECOND)
#define LATE (150 * MILLISECOND)
#define TICK 15000 /* µs */

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

/* What holds the timespec, readable; and the same memory, writable. */
static struct timespec *shown, *own;

static uint32_t word, other, lock;
static pid_t owner; /* of the lock */
static mqd_t empty, full;
static struct { uint64_t value, address; uint32_t flags, reserved; } waiter;

struct kind {
	const char *name;
	long number;
	uint64_t arguments[ARGUMENTS]; /* the timespec's is filled in */
	unsigned timespec;             /* which argument */
	int clock;
	int timed_out; /* the result at the deadline */
	int restarts;  /* it goes on after a signal, or may */
};

static struct kind kinds[32];
static unsigned kind_count;

static void add(const char *name, long number, const uint64_t *arguments, unsigned timespec, int clock, int timed_out,
	int restarts)
{
	struct kind *kind = &kinds[kind_count++];

	*kind = (struct kind){name, number, {0}, timespec, clock, timed_out, restarts};
	memcpy(kind->arguments, arguments, sizeof(kind->arguments));
}

static void add_futex(const char *name, int op, int clock, int restarts)
{
	uint64_t at = P(op == FUTEX_LOCK_PI || op == FUTEX_LOCK_PI2 ? &lock : &word);
	int flags = FUTEX_PRIVATE_FLAG | (clock == CLOCK_REALTIME && op != FUTEX_LOCK_PI ? FUTEX_CLOCK_REALTIME : 0);

	add(name, SYS_futex, ARGS(at, (uint64_t)(op | flags), 0, 0, P(&other), FUTEX_BITSET_MATCH_ANY), 3, clock,
		-ETIMEDOUT, restarts);
}

static void list_kinds(void)
{
	static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI};

	add_futex("futex(WAIT_BITSET | CLOCK_REALTIME)", FUTEX_WAIT_BITSET, CLOCK_REALTIME, 0);
	add_futex("futex(WAIT_BITSET)", FUTEX_WAIT_BITSET, CLOCK_MONOTONIC, 0);
	add_futex("futex(WAIT_REQUEUE_PI | CLOCK_REALTIME)", FUTEX_WAIT_REQUEUE_PI, CLOCK_REALTIME, 1);
	add_futex("futex(WAIT_REQUEUE_PI)", FUTEX_WAIT_REQUEUE_PI, CLOCK_MONOTONIC, 1);
	add_futex("futex(LOCK_PI)", FUTEX_LOCK_PI, CLOCK_REALTIME, 1);
	add_futex("futex(LOCK_PI2 | CLOCK_REALTIME)", FUTEX_LOCK_PI2, CLOCK_REALTIME, 1);
	add_futex("futex(LOCK_PI2)", FUTEX_LOCK_PI2, CLOCK_MONOTONIC, 1);
	for (int i = 0; i < 2; i++)
		add("futex_waitv", 449, ARGS(P(&waiter), 1, 0, 0, (uint64_t)clocks[i]), 3, clocks[i], -ETIMEDOUT, 1);
	for (int i = 0; i < 4; i++)
		add("clock_nanosleep", SYS_clock_nanosleep, ARGS((uint64_t)clocks[i], TIMER_ABSTIME), 2, clocks[i], 0, 0);
	add("mq_timedsend", SYS_mq_timedsend, ARGS((uint64_t)full, P("x"), 1, 0), 4, CLOCK_REALTIME, -ETIMEDOUT, 0);
	add("mq_timedreceive", SYS_mq_timedreceive, ARGS((uint64_t)empty, P(&other), 8, 0), 4, CLOCK_REALTIME, -ETIMEDOUT,
		0);
}

static void *hold_lock(void *nothing)
{
	__atomic_store_n(&owner, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	for (;;)
		pause();
	return nothing;
}

static void prepare(void)
{
	struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 8};
	char name[40];
	int memory = memfd_create("timespecs", MFD_CLOEXEC);
	sigset_t alarm;
	pthread_t thread;

	check(ftruncate(memory, TS_PAGE) == 0, "ftruncate");
	own = mmap(NULL, TS_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	shown = mmap(NULL, TS_PAGE, PROT_READ, MAP_SHARED, memory, 0);
	snprintf(name, sizeof(name), "/timeskew-calls-%d", getpid());
	empty = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
	mq_unlink(name);
	full = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
	mq_unlink(name);
	check(empty >= 0 && full >= 0 && mq_send(full, "x", 1, 0) == 0, "message queues: errno %d", errno);
	waiter.address = P(&word);
	waiter.flags = 2 | FUTEX_PRIVATE_FLAG; /* 32 bits */
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	pthread_create(&thread, NULL, hold_lock, NULL);
	pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
	while (!__atomic_load_n(&owner, __ATOMIC_SEQ_CST))
		usleep(1000);
}

/* ---- one call ------------------------------------------------------------------------------------------------ */

static long call_with(const struct kind *kind, uint64_t timespec)
{
	uint64_t arguments[ARGUMENTS];

	memcpy(arguments, kind->arguments, sizeof(arguments));
	arguments[kind->timespec] = timespec;
	word = 0;
	lock = (uint32_t)owner;
	return make_call(&caller, kind->number, arguments);
}

/* With free registers, and on the right clock, it is made in place with another timespec. */
static void check_place(const struct kind *kind)
{
	uint64_t pointer = caller.argument[kind->timespec];
	int free = caller.free >> kind->timespec & 1 && caller.free != PLAIN;

	if (is_selected(kind->clock) && free)
		check(pointer >= P(params->waits) && pointer < P(params->waits + TS_WAITS), "was not made in place");
	else
		check(caller.changed == 0, "arguments %#lx were changed", caller.changed);
}

struct deadline {
	const struct kind *kind;
	int64_t ahead; /* of the program's present */
};

static long wait_until(void *context)
{
	const struct deadline *deadline = context;

	*own = as_timespec(fake_now(deadline->kind->clock) + deadline->ahead);
	return call_with(deadline->kind, P(shown));
}

static void try_time(const struct kind *kind, const char *name, int64_t ahead)
{
	struct deadline deadline = {kind, ahead};
	int64_t span = ahead <= 0 ? 0 : true_ahead(kind->clock, ahead);
	struct measured measured = {span, span + LATE, wait_until, &deadline};
	long result;

	looking_at("%s, clock %d, %s", kind->name, kind->clock, name);
	result = in_time(&measured);
	check(result == kind->timed_out, "the result is %ld", result);
	check_place(kind);
}

static long pass(void *context)
{
	return call_with(context, P(shown));
}

/* Long ago, by any clock. */
static void try_past(const struct kind *kind, const char *name, struct timespec time)
{
	struct measured measured = {0, LATE, pass, (void *)kind};
	long result;

	*own = time;
	looking_at("%s, clock %d, %s", kind->name, kind->clock, name);
	result = in_time(&measured);
	check(result == kind->timed_out, "the result is %ld", result);
	check_place(kind);
}

/* It must wait, so a signal has to end it. */
static void try_long(const struct kind *kind, const char *name, uint64_t timespec)
{
	struct itimerval ticks = {{0, TICK}, {0, TICK}}, none = {{0, 0}, {0, 0}};
	long result;

	if (kind->restarts)
		return;
	looking_at("%s, clock %d, %s", kind->name, kind->clock, name);
	caller.check_stack = 0;
	setitimer(ITIMER_REAL, &ticks, NULL);
	result = call_with(kind, timespec);
	setitimer(ITIMER_REAL, &none, NULL);
	caller.check_stack = 1;
	check(result == -EINTR, "the result is %ld", result);
}

/* The kernel's answer, and nothing else. */
static void try_same(const struct kind *kind, const char *name, uint64_t timespec)
{
	unsigned free = caller.free;
	long expected, result;

	looking_at("%s, clock %d, %s", kind->name, kind->clock, name);
	caller.free = PLAIN;
	expected = call_with(kind, timespec);
	caller.free = free;
	result = call_with(kind, timespec);
	check(result == expected, "the result is %ld, without us it is %ld", result, expected);
	check(caller.changed == 0, "arguments %#lx were changed", caller.changed);
}

static void try_invalid(const struct kind *kind)
{
	int64_t second = fake_now(kind->clock) / SECOND;
	const struct timespec invalid[] = {{second, SECOND}, {second, -1}, {-1, 0}, {INT64_MIN, 5}, {second, LONG_MAX}};

	for (unsigned i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
		*own = invalid[i];
		try_same(kind, "an invalid time", P(shown));
	}
	try_same(kind, "a bad pointer", P(bad_pointer()));
	try_same(kind, "half a timespec", P(half_pointer()));
	try_same(kind, "a kernel's address", 1ull << 63);
}

/*
 * A timespec on the caller's own stack, right above the stack pointer; and at its very end, where a part of it is
 * beyond. The caller lies at the end of readable memory, and so does its stack.
 */
static void try_on_stack(const struct kind *kind)
{
	struct caller *at_edge = (struct caller *)edge() - 1;
	struct timespec *last = (struct timespec *)edge() - 1;
	uint64_t arguments[ARGUMENTS];
	long result;

	looking_at("%s, clock %d, on the stack", kind->name, kind->clock);
	at_edge->free = caller.free;
	at_edge->misaligned = 64;
	at_edge->check_stack = 1;
	memcpy(arguments, kind->arguments, sizeof(arguments));
	for (int below = 48; below >= 16; below -= 16) {
		lock = (uint32_t)owner;
		arguments[kind->timespec] = P(edge()) - (uint64_t)below;
		memcpy(edge() - below, &(struct timespec){1, 5}, sizeof(*last));
		result = make_call(at_edge, kind->number, arguments);
		check(result == kind->timed_out, "the result is %ld", result);
		check(((const struct timespec *)(edge() - below))->tv_nsec == 5, "the program's own timespec was changed");
	}
	for (int below = 15; below > 0; below -= 7) {
		lock = (uint32_t)owner;
		arguments[kind->timespec] = P(edge()) - (uint64_t)below;
		result = make_call(at_edge, kind->number, arguments);
		check(result == -EFAULT && at_edge->changed == 0, "beyond its end: the result is %ld", result);
	}
}

static void try_kind(const struct kind *kind)
{
	try_time(kind, "in the past", -SECOND);
	try_time(kind, "soon", SOON);
	try_past(kind, "at the epoch", (struct timespec){0, 0});
	try_past(kind, "right behind the epoch", (struct timespec){0, 1});
	*own = as_timespec(fake_now(kind->clock) + 3600 * SECOND);
	try_long(kind, "in an hour", P(shown));
	*own = (struct timespec){INT64_MAX, SECOND - 1};
	try_long(kind, "never", P(shown));
	*own = (struct timespec){INT64_MAX / SECOND + 700, 5};
	try_long(kind, "in 300 years", P(shown));
	if (kind->number == SYS_clock_nanosleep)
		try_same(kind, "NULL", 0);
	else
		try_long(kind, "NULL", 0);
	try_invalid(kind);
	try_on_stack(kind);
}

/* Whose argument is a number, or which do not wait. */
static void try_others(void)
{
	static const int ops[] = {FUTEX_WAKE, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP, FUTEX_WAKE_BITSET, 77};
	long result;

	for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		looking_at("futex, op %d", ops[i]);
		word = other = 0;
		result = make_call(&caller, SYS_futex,
			ARGS(P(&word), (uint64_t)ops[i] | FUTEX_PRIVATE_FLAG, 0, 1, P(&other), 0));
		check(result == (ops[i] == 77 ? -ENOSYS : ops[i] == FUTEX_WAKE_BITSET ? -EINVAL : 0), "the result is %ld",
			result);
		check(caller.changed == 0, "arguments %#lx were changed", caller.changed);
	}
	looking_at("numbers that are no call of ours");
	for (long number = 440; number < 2000; number += 7) {
		if (number == 449 || (number > 424 && number < 600))
			continue;
		result = make_call(&caller, number, ARGS(1, 2, 3, 4, 5, 6));
		check(result == -ENOSYS, "call %ld: the result is %ld", number, result);
	}
	result = make_call(&caller, -1, ARGS(1, 2, 3, 4, 5, 6));
	check(result == -ENOSYS && caller.changed == 0, "call -1: the result is %ld", result);
	result = make_call(&caller, SYS_getpid, ARGS(1, 2, 3, 4, 5, 6));
	check(result == getpid() && caller.changed == 0, "getpid: the result is %ld", result);
}

static void on_alarm(int signal)
{
	(void)signal;
}

void try_deadlines(void)
{
	static const unsigned free[] = {0, ALL_FREE};
	struct sigaction action = {.sa_handler = on_alarm};

	sigaction(SIGALRM, &action, NULL);
	prepare();
	list_kinds();
	for (unsigned i = 0; i < 2; i++) {
		caller.free = free[i];
		for (unsigned k = 0; k < kind_count; k++) {
			caller.misaligned = (k * 8 + i * 3) % 16;
			try_kind(&kinds[k]);
		}
		try_others();
	}
}
