/* Timers, and the timeouts of sockets. */
#define _GNU_SOURCE
#include "calls32.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static int ends[2];

static void try_timer(const char *name, uint32_t set, uint32_t look, uint32_t id, int wide)
{
	union time value, old;
	int64_t left;

	looking_at("%s, seconds of %d bits", name, wide ? 64 : 32);
	memset(&value, 0, sizeof(value));
	set_world(RATE);
	put(&value, wide, 0, 10 * SECOND);
	put(&value, wide, 1, 100 * SECOND);
	check(CALL(set, id, 0, P(&value), 0) == 0, "it fails");
	check(TRUE_CALL(look, id, P(&old)) == 0, "it cannot be looked at");
	left = get(&old, wide, 1);
	check(left > 12 * SECOND && left <= 12500 * MILLISECOND, "%lld ns are left in truth", (long long)left);
	check(get(&old, wide, 0) == 10 * SECOND / RATE, "the interval is %lld", (long long)get(&old, wide, 0));
	check(CALL(look, id, P(&old)) == 0, "it cannot be looked at");
	left = get(&old, wide, 1);
	check(left > 90 * SECOND && left <= 100 * SECOND, "%lld ns are left", (long long)left);
	put(&value, wide, 0, 0);
	put(&value, wide, 1, fake_now(CLOCK_MONOTONIC) + 100 * SECOND);
	check(CALL(set, id, 1, P(&value), P(&old)) == 0, "it fails");
	left = get(&old, wide, 1);
	check(left > 90 * SECOND && left <= 100 * SECOND, "%lld ns were left", (long long)left);
	check(TRUE_CALL(look, id, P(&old)) == 0, "it cannot be looked at");
	left = get(&old, wide, 1);
	check(left > 12 * SECOND && left <= 12500 * MILLISECOND, "%lld ns are left in truth", (long long)left);
	check(CALL(set, id, 0, P(edge()) - 12, 0) == -EFAULT, "no EFAULT");
	put(&value, wide, 1, 0);
	check(CALL(set, id, 0, P(&value), P(&old)) == 0, "it cannot be disarmed");
}

static void try_both_timers(void)
{
	struct sigevent none = {.sigev_notify = SIGEV_NONE};
	int id = 0, fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	check(syscall(SYS_timer_create, CLOCK_MONOTONIC, &none, &id) == 0, "timer_create");
	try_timer("timerfd", 325, 326, FD fd, 0);
	try_timer("timerfd", 411, 410, FD fd, 1);
	try_timer("timer", 260, 261, FD id, 0);
	try_timer("timer", 409, 408, FD id, 1);
}

static void try_itimer(void)
{
	int32_t value[4] = {0, 0, 100, 0}, old[4], none[4] = {0};

	looking_at("setitimer");
	set_world(RATE);
	check(CALL(104, 0, P(value), 0) == 0, "it fails");
	check(TRUE_CALL(105, 0, P(old)) == 0 && old[2] >= 11 && old[2] <= 12, "%d s are left in truth", old[2]);
	check(CALL(105, 0, P(old)) == 0 && old[2] >= 90 && old[2] <= 100, "%d s are left", old[2]);
	check(CALL(104, 0, P(none), P(old)) == 0 && old[2] >= 90 && old[2] <= 100, "%d s were left", old[2]);
	check(CALL(104, 0, P(edge()) - 8, 0) == -EFAULT, "no EFAULT");
	looking_at("alarm");
	check(CALL(27, 100) == 0, "one was set");
	check(TRUE_CALL(105, 0, P(old)) == 0 && old[2] >= 11 && old[2] <= 12, "%d s are left in truth", old[2]);
	check(CALL(27, 0) >= 90, "it was not");
}

/* ---- sockets ----------------------------------------------------------------------------------------------------- */

static long option(void *via, int multiplexed, int get_it, uint32_t name, void *value, uint32_t length)
{
	uint32_t arguments[6] = {FD ends[0], SOL_SOCKET, name, P(value), length};

	if (!multiplexed)
		return call_by(via, get_it ? 365 : 366, arguments);
	return call_by(via, 102, ARGS(get_it ? 15 : 14, P(arguments)));
}

static void try_sockets(void)
{
	static const uint32_t names[] = {20, 21, 66, 67};

	check(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0, "errno %d", errno);
	set_world(RATE);
	for (int i = 0; i < 8; i++) {
		uint32_t name = names[i % 4], length, multiplexed = i >= 4, bytes = name < 66 ? 8 : 16;
		int32_t narrow[2] = {40, 0};
		int64_t wide[2] = {40, 0}, seconds;
		void *value = name < 66 ? (void *)narrow : wide;

		looking_at("socket option %u%s", name, multiplexed ? " by socketcall" : "");
		check(option(ours, (int)multiplexed, 0, name, value, bytes) == 0, "setsockopt fails");
		length = bytes;
		check(option(original, (int)multiplexed, 1, name, value, P(&length)) == 0, "getsockopt fails");
		seconds = name < 66 ? narrow[0] : wide[0];
		check(seconds == 40 / RATE && length == bytes, "%lld s in truth", (long long)seconds);
		check(option(ours, (int)multiplexed, 1, name, value, P(&length)) == 0, "getsockopt fails");
		seconds = name < 66 ? narrow[0] : wide[0];
		check(seconds == 40 && length == bytes, "%lld s", (long long)seconds);
		check(option(ours, (int)multiplexed, 0, name, edge() - 4, bytes) == -EFAULT, "no EFAULT");
		check(option(ours, (int)multiplexed, 0, name, value, bytes - 1) == -EINVAL, "no EINVAL");
		memset(value, 0, bytes);
		check(option(ours, (int)multiplexed, 0, name, value, bytes) == 0, "setsockopt fails");
		length = bytes;
		check(option(ours, (int)multiplexed, 1, name, value, P(&length)) == 0, "getsockopt fails");
		check((name < 66 ? narrow[0] : wide[0]) == 0, "for ever is something now");
	}
	looking_at("socketcall, errors");
	check(CALL(102, 14, P(edge()) - 8) == -EFAULT, "no EFAULT");
	check(CALL(102, 99, P(edge())) == -EINVAL, "no EINVAL");
}

void try_timers(void)
{
	try_both_timers();
	try_itimer();
	try_sockets();
}
