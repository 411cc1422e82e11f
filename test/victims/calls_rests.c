/* Waits that end before their time: what is left of it, and where that cannot be written. */
#define _GNU_SOURCE
#include "calls.h"

#include <errno.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LONG (100 * SECOND)

#ifdef SYS_select
/* select may be asked for more microseconds than a second has. */
static void try_many_microseconds(void)
{
	struct timeval given;
	fd_set readable;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct itimerspec soon = {{0, 0}, {0, 20 * MILLISECOND}};
	int64_t rest;
	long result;

	looking_at("select, 90 million microseconds");
	FD_ZERO(&readable);
	FD_SET(fd, &readable);
	given = (struct timeval){10, 90000000};
	timerfd_settime(fd, 0, &soon, NULL);
	result = make_call(&caller, SYS_select, ARGS((uint64_t)fd + 1, P(&readable), 0, 0, P(&given)));
	rest = given.tv_sec * SECOND + given.tv_usec * 1000;
	check(result == 1, "the result is %ld", result);
	check(rest > 0 && LONG - rest >= fake_span(19 * MILLISECOND), "%ld ns are left", rest);
	check(LONG - rest < fake_span(SECOND), "%ld ns are left", rest);
	close(fd);
}
#endif

/* A program may keep the time where it cannot be written; the kernel does not mind, but for recvmmsg. */
static void try_constant(void)
{
	static const struct timespec constant = {0, 5 * MILLISECOND};
	long result;

	looking_at("a constant time");
	result = make_call(&caller, SYS_ppoll, ARGS(0, 0, P(&constant), 0, 0));
	check(result == 0, "ppoll: the result is %ld", result);
#ifdef SYS_select
	static const struct timeval constant_us = {0, 5000};
	result = make_call(&caller, SYS_select, ARGS(0, 0, 0, 0, P(&constant_us)));
	check(result == 0, "select: the result is %ld", result);
#endif
}

static void try_recvmmsg(void)
{
	static const struct timespec constant = {5, 0};
	struct timespec given;
	char byte;
	struct iovec vector = {&byte, 1};
	struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &vector, .msg_iovlen = 1}}};
	int ends[2];
	int64_t rest;
	long result;

	looking_at("recvmmsg");
	check(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
	given = as_timespec(LONG);
	check(send(ends[1], "x", 1, 0) == 1, "send");
	result = make_call(&caller, SYS_recvmmsg, ARGS((uint64_t)ends[0], P(messages), 2, MSG_WAITFORONE, P(&given)));
	rest = given.tv_sec * SECOND + given.tv_nsec;
	check(result == 1, "the result is %ld", result);
	check(rest <= LONG && LONG - rest < fake_span(SECOND), "%ld ns are left", rest);
	check(send(ends[1], "x", 1, 0) == 1, "send");
	result = make_call(&caller, SYS_recvmmsg, ARGS((uint64_t)ends[0], P(messages), 2, MSG_WAITFORONE, P(&constant)));
	check(result == -EFAULT, "with a constant time the result is %ld", result);
	given = (struct timespec){1, SECOND};
	result = make_call(&caller, SYS_recvmmsg, ARGS((uint64_t)ends[0], P(messages), 2, MSG_DONTWAIT, P(&given)));
	check(result == -EINVAL, "with an invalid time the result is %ld", result);
	close(ends[0]);
	close(ends[1]);
}

void try_rests(void)
{
	static const unsigned free[] = {0, ALL_FREE};

	for (unsigned i = 0; i < 2; i++) {
		caller.free = free[i];
#ifdef SYS_select
		try_many_microseconds();
#endif
		try_constant();
		try_recvmmsg();
	}
}
