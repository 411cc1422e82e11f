/* Calls that wait: for a time, and until one. */
#define _GNU_SOURCE
#include "calls32.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LATE (150 * MILLISECOND)

/* Each with the argument that is the time, whether its seconds have 64 bits, and, if it waits until then, the clock. */
struct kind {
	const char *name;
	uint32_t number;
	int time, wide;
	long timed_out;
	uint32_t arguments[6];
	int clock;
	int notes; /* where the rest goes: 1 into the time itself, 2 into the argument behind */
};

static int epoll, ends[2], semaphores;
static mqd_t queue;
static uint32_t word;
static const uint64_t signals = 1ull << (40 - 1);
static struct sembuf take = {0, -1, 0};
static struct epoll_event event;
static char buffer[16];
static uint32_t no_mask[2];
static union time rest_of_sleep;
static struct {
	uint64_t value, address;
	uint32_t flags, reserved;
} waiter = {0, 0, 2 | 128, 0};

static long wait_for(void *via, const struct kind *kind, uint32_t time)
{
	uint32_t arguments[6];

	memcpy(arguments, kind->arguments, sizeof(arguments));
	arguments[kind->time] = time;
	return call_by(via, kind->number, arguments);
}

/* What is late is tried again, what is early is wrong. */
static void try_span(const struct kind *kind, int64_t (*prepare)(const struct kind *, union time *), int64_t span)
{
	union time time;
	int64_t took = 0, asked = 0;
	long result = 0;

	for (int tries = 0; tries < most_tries; tries++) {
		asked = prepare(kind, &time);
		put(&rest_of_sleep, kind->wide, 0, asked);
		int64_t before = true_now(CLOCK_MONOTONIC);
		result = wait_for(ours, kind, P(&time));
		took = true_now(CLOCK_MONOTONIC) - before;
		if (took < span + LATE)
			break;
	}
	check(result == kind->timed_out, "the result is %ld", result);
	check(took >= span - MILLISECOND / 10 && took < span + LATE, "took %lld ns", (long long)took);
	int64_t left = get(&time, kind->wide, 0);
	check(left == (kind->notes == 1 ? 0 : asked), "%lld is left", (long long)left);
}

/* Some kernels do not have it. */
static int is_missing(const struct kind *kind)
{
	return call_by(original, kind->number, ARGS(-1u, -1u, -1u, -1u, -1u, -1u)) == -ENOSYS;
}

static void try_same(const struct kind *kind, const char *what, uint32_t time)
{
	long plain = wait_for(original, kind, time), result = wait_for(ours, kind, time);

	check(result == plain, "%s: the result is %ld, without us it is %ld", what, result, plain);
}

static void try_errors(const struct kind *kind)
{
	uint8_t *last = edge() - (kind->wide ? 16 : 8);
	union time time;

	memset(&time, 0, sizeof(time));
	try_same(kind, "a bad pointer", P(edge()));
	try_same(kind, "half a time", P(edge()) - 4);
	try_same(kind, "another half", P(edge() - (kind->wide ? 8 : 4)));
	put(&time, kind->wide, 0, 0);
	if (kind->wide)
		time.wide[0].sec = -1;
	else
		time.narrow[0].sec = -1;
	if (kind->number != 247 && kind->number != 385 && kind->number != 416) { /* these take any time */
		try_same(kind, "a negative time", P(&time));
		put(&time, kind->wide, 0, 0);
		if (kind->wide)
			time.wide[0].nsec = SECOND;
		else
			time.narrow[0].nsec = SECOND;
		try_same(kind, "too many ns", P(&time));
	}
	memset(last, 0, kind->wide ? 16 : 8);
	try_same(kind, "none, at the end of memory", P(last));
}

/* What is not translated takes so much longer that it is too late. */
#define ASKED (240 * MILLISECOND)
_Static_assert(ASKED > ASKED / RATE + LATE, "it would be in time");

static int64_t for_a_time(const struct kind *kind, union time *time)
{
	put(time, kind->wide, 0, ASKED);
	return ASKED;
}

static int64_t until(const struct kind *kind, union time *time)
{
	int64_t goal = fake_now(kind->clock) + ASKED;

	put(time, kind->wide, 0, goal);
	return goal;
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* Interrupted after 20 ms: so much less is left, by the program's clock. */
static void try_rest(const struct kind *kind)
{
	const struct itimerspec soon = {{0, 5 * MILLISECOND}, {0, 20 * MILLISECOND}}, none = {{0, 0}, {0, 0}};
	struct sigevent alarm = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	union time time;
	timer_t timer;
	long result;

	put(&time, kind->wide, 0, 100 * SECOND);
	timer_create(CLOCK_MONOTONIC, &alarm, &timer);
	int64_t before = true_now(CLOCK_MONOTONIC);
	timer_settime(timer, 0, &soon, NULL);
	result = wait_for(ours, kind, P(&time));
	int64_t took = true_now(CLOCK_MONOTONIC) - before;
	timer_settime(timer, 0, &none, NULL);
	timer_delete(timer);
	check(result == -EINTR, "interrupted: the result is %ld", result);
	int64_t left = kind->notes == 2 ? get(&rest_of_sleep, kind->wide, 0) : get(&time, kind->wide, 0);
	int64_t passed = 100 * SECOND - left;
	if (!kind->notes)
		check(passed == 0, "the time asked for was changed");
	else
		check(passed >= RATE * 19 * MILLISECOND && passed <= RATE * took + 1, "%lld ns passed",
			(long long)passed);
}

static const struct kind *durations(int *count)
{
	static struct kind kinds[40];
	int n = 0;
	uint32_t context = 0;

	check(TRUE_CALL(245, 1, P(&context)) == 0, "io_setup");
	struct kind list[] = {
		{"nanosleep", 162, 0, 0, 0, {0, P(&rest_of_sleep)}, 0, 2},
		{"nanosleep without rest", 162, 0, 0, 0, {0}, 0, 0},
		{"clock_nanosleep", 267, 2, 0, 0, {CLOCK_MONOTONIC, 0, 0, P(&rest_of_sleep)}, 0, 2},
		{"clock_nanosleep_time64", 407, 2, 1, 0, {CLOCK_REALTIME, 0, 0, P(&rest_of_sleep)}, 0, 2},
		{"futex", 240, 3, 0, -ETIMEDOUT, {P(&word), 128}, 0, 0},
		{"futex_time64", 422, 3, 1, -ETIMEDOUT, {P(&word), 128}, 0, 0},
		{"ppoll", 309, 2, 0, 0, {0}, 0, 1},
		{"ppoll_time64", 414, 2, 1, 0, {0}, 0, 1},
		{"pselect6", 308, 4, 0, 0, {0, 0, 0, 0, 0, P(no_mask)}, 0, 1},
		{"pselect6_time64", 413, 4, 1, 0, {0, 0, 0, 0, 0, P(no_mask)}, 0, 1},
		{"epoll_pwait2", 441, 3, 1, 0, {FD epoll, P(&event), 1}, 0, 0},
		{"rt_sigtimedwait", 177, 2, 0, -EAGAIN, {P(&signals), 0, 0, 8}, 0, 0},
		{"rt_sigtimedwait_time64", 421, 2, 1, -EAGAIN, {P(&signals), 0, 0, 8}, 0, 0},
		{"ipc(SEMTIMEDOP)", 117, 5, 0, -EAGAIN, {4, FD semaphores, 1, 0, P(&take)}, 0, 0},
		{"semtimedop_time64", 420, 3, 1, -EAGAIN, {FD semaphores, P(&take), 1}, 0, 0},
		{"io_getevents", 247, 4, 0, 0, {context, 1, 1, P(buffer)}, 0, 0},
		{"io_pgetevents", 385, 4, 0, 0, {context, 1, 1, P(buffer)}, 0, 0},
		{"io_pgetevents_time64", 416, 4, 1, 0, {context, 1, 1, P(buffer)}, 0, 0},
	};

	for (; n < (int)COUNT(list); n++)
		kinds[n] = list[n];
	*count = n;
	return kinds;
}

static void try_durations(void)
{
	int count;
	const struct kind *kinds = durations(&count);

	set_world(RATE);
	for (int i = 0; i < count; i++) {
		looking_at("%s", kinds[i].name);
		if (is_missing(&kinds[i]))
			continue;
		try_span(&kinds[i], for_a_time, ASKED / RATE);
		try_rest(&kinds[i]);
		try_errors(&kinds[i]);
	}
}

static void try_deadlines(void)
{
	const struct kind kinds[] = {
		{"futex(WAIT_BITSET)", 240, 3, 0, -ETIMEDOUT, {P(&word), 9 | 128, 0, 0, 0, 1}, CLOCK_MONOTONIC, 0},
		{"futex(REALTIME)", 240, 3, 0, -ETIMEDOUT, {P(&word), 9 | 256, 0, 0, 0, 1}, CLOCK_REALTIME, 0},
		{"futex_time64", 422, 3, 1, -ETIMEDOUT, {P(&word), 9 | 128, 0, 0, 0, 1}, CLOCK_MONOTONIC, 0},
		{"futex_time64(REALTIME)", 422, 3, 1, -ETIMEDOUT, {P(&word), 9 | 256, 0, 0, 0, 1}, CLOCK_REALTIME, 0},
		{"futex_waitv", 449, 3, 1, -ETIMEDOUT, {P(&waiter), 1, 0, 0, CLOCK_REALTIME}, CLOCK_REALTIME, 0},
		{"clock_nanosleep", 267, 2, 0, 0, {CLOCK_REALTIME, 1}, CLOCK_REALTIME, 0},
		{"clock_nanosleep(MONOTONIC)", 267, 2, 0, 0, {CLOCK_MONOTONIC, 1}, CLOCK_MONOTONIC, 0},
		{"clock_nanosleep_time64", 407, 2, 1, 0, {CLOCK_REALTIME, 1}, CLOCK_REALTIME, 0},
		{"clock_nanosleep_time64(TAI)", 407, 2, 1, 0, {CLOCK_TAI, 1}, CLOCK_TAI, 0},
		{"mq_timedreceive", 280, 4, 0, -ETIMEDOUT, {FD queue, P(buffer), 8, 0}, CLOCK_REALTIME, 0},
		{"mq_timedreceive_time64", 419, 4, 1, -ETIMEDOUT, {FD queue, P(buffer), 8, 0}, CLOCK_REALTIME, 0},
	};

	for (int rate = 1; rate <= RATE; rate += RATE - 1) {
		set_world(rate);
		for (unsigned i = 0; i < COUNT(kinds); i++) {
			looking_at("%s at the rate %d", kinds[i].name, rate);
			if (is_missing(&kinds[i]))
				continue;
			try_span(&kinds[i], until, kinds[i].clock == CLOCK_MONOTONIC ? ASKED / rate : ASKED);
			try_errors(&kinds[i]);
		}
	}
}

/* Milliseconds, and timevals of the only form that there is. */
static void try_other_waits(void)
{
	static const struct {
		const char *name;
		uint32_t number;
		int time;
		uint32_t arguments[6];
	} kinds[] = {
		{"poll", 168, 2, {0}},
		{"select", 142, 4, {0}},
		{"epoll_wait", 256, 3, {1, 2, 1}},
		{"epoll_pwait", 319, 3, {1, 2, 1, 0, 0, 8}},
	};

	set_world(RATE);
	for (unsigned i = 0; i < COUNT(kinds); i++) {
		uint32_t arguments[6];
		int32_t timeval[2];
		int64_t took = 0;
		long result = 0;

		looking_at("%s", kinds[i].name);
		memcpy(arguments, kinds[i].arguments, sizeof(arguments));
		if (kinds[i].number == 256 || kinds[i].number == 319) {
			arguments[0] = FD epoll;
			arguments[1] = P(&event);
		}
		for (int tries = 0; tries < most_tries; tries++) {
			arguments[kinds[i].time] = kinds[i].number == 142 ? P(timeval) : ASKED / MILLISECOND;
			timeval[0] = 0;
			timeval[1] = ASKED / 1000;
			int64_t before = true_now(CLOCK_MONOTONIC);
			result = call_by(ours, kinds[i].number, arguments);
			took = true_now(CLOCK_MONOTONIC) - before;
			if (took < ASKED / RATE + LATE)
				break;
		}
		check(result == 0 && took >= 29 * MILLISECOND && took < ASKED / RATE + LATE, "%ld after %lld ns", result,
			(long long)took);
		if (kinds[i].number == 142)
			check(timeval[0] == 0 && timeval[1] == 0, "%d us are left", timeval[1]);
	}
	looking_at("select, errors");
	check(CALL(142, 0, 0, 0, 0, P(edge() - 4)) == -EFAULT, "no EFAULT");
	check(CALL(142, 0, 0, 0, 0, P(edge())) == -EFAULT, "no EFAULT");
}

/* recvmmsg: something comes in the middle. */
static void try_recvmmsg(uint32_t number, int wide, int multiplexed)
{
	struct iovec vector = {buffer, 1};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &vector, .msg_iovlen = 1}};
	union time time;
	uint32_t arguments[6] = {FD ends[0], P(&message), 1, 0, P(&time)};

	looking_at("recvmmsg %u%s", number, multiplexed ? " by socketcall" : "");
	put(&time, wide, 0, 100 * SECOND);
	check(send(ends[1], "x", 1, 0) == 1, "send");
	check((multiplexed ? CALL(102, 19, P(arguments)) : call_by(ours, number, arguments)) == 1, "nothing came");
	check(100 * SECOND - get(&time, wide, 0) < SECOND, "%lld is left", (long long)get(&time, wide, 0));
}

static void try_others(void)
{
	looking_at("calls that are of ours, but not of the kind");
	check(CALL(117, 1 | 1 << 16, FD semaphores, 1, 0, P(edge())) == -EFAULT, "semop");
	check(CALL(240, P(&word), 1, 1, P(edge())) == 0, "futex(WAKE)");
}

static void prepare(void)
{
	struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 8};
	struct sigaction action = {.sa_handler = on_alarm};
	char name[40];

	sigaction(SIGALRM, &action, NULL);
	snprintf(name, sizeof(name), "/timeskew-calls32-%d", getpid());
	queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
	mq_unlink(name);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	waiter.address = P(&word);
	looking_at("preparations");
	check(queue >= 0 && epoll >= 0 && semaphores >= 0, "errno %d", errno);
	check(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0, "errno %d", errno);
}

void try_waits(void)
{
	prepare();
	try_deadlines();
	try_durations();
	try_other_waits();
	try_recvmmsg(337, 0, 0);
	try_recvmmsg(417, 1, 0);
	try_recvmmsg(337, 0, 1);
	try_others();
	semctl(semaphores, 0, IPC_RMID);
}
