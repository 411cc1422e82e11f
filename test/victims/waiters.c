/*
 * A victim whose threads wait in the kernel, each in a call of its own kind, and read the clock in between:
 * `waiters OFFSET…`. Half of them wait for a time, and the call must not end before it; the other half wait for
 * something that never comes but by `settle`. A call that ends otherwise is a violation; those that end with EINTR
 * are counted apart.
 *
 * The one command on stdin is `settle`: every thread is waited for until it has begun and ended a call after the
 * command and has read the clock once more; the answer is that of hammer.c. The end of stdin ends the program.
 */
#define _GNU_SOURCE
#include "truth.h"
#include "verdict.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND INT64_C(1000000)
#define WAIT_MS 20
/* The longest tick of a kernel: a socket's timeout is counted in ticks, and begins in the middle of one. */
#define TICK_MS 10
#define STACK (64 * 1024)

struct waiter {
	pthread_t thread;
	const struct kind *kind;
	struct verdict *verdict;
	int fd[2];
	int epoll;
	sem_t semaphore;
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	_Atomic unsigned begun, ended; /* calls; a reading of the clock follows each before the next begins */
};

struct kind {
	const char *name;
	/* 0, or what the call did instead of what it should: its result, or -errno. */
	long (*wait)(struct waiter *);
	/* NULL: it ends by itself, not before WAIT_MS. */
	void (*wake)(struct waiter *);
};

static const struct timespec span = {0, WAIT_MS * MILLISECOND};

static long unless(int as_expected, long result)
{
	if (as_expected)
		return 0;
	return result < 0 ? -errno : result ? result : -1;
}

static long timed_nanosleep(struct waiter *w)
{
	int r = nanosleep(&span, NULL);

	(void)w;
	return unless(r == 0, r);
}

static long timed_clock_nanosleep(struct waiter *w)
{
	int64_t end = true_time(CLOCK_MONOTONIC) + WAIT_MS * MILLISECOND;
	struct timespec until = {end / 1000000000, end % 1000000000};
	int error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);

	(void)w;
	return -error;
}

static long timed_poll(struct waiter *w)
{
	struct pollfd fd = {w->fd[0], POLLIN, 0};
	int r = poll(&fd, 1, WAIT_MS);

	return unless(r == 0, r);
}

static long timed_select(struct waiter *w)
{
	struct timeval time = {0, WAIT_MS * 1000};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(w->fd[0], &set);
	int r = select(w->fd[0] + 1, &set, NULL, NULL, &time);

	return unless(r == 0, r);
}

static long timed_epoll(struct waiter *w)
{
	struct epoll_event event;
	int r = epoll_wait(w->epoll, &event, 1, WAIT_MS);

	return unless(r == 0, r);
}

static long timed_receive(struct waiter *w)
{
	struct timeval time = {0, WAIT_MS * 1000};
	char byte;

	setsockopt(w->fd[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	ssize_t r = recv(w->fd[0], &byte, 1, 0);

	return unless(r == -1 && errno == EAGAIN, r);
}

static long timed_signal(struct waiter *w)
{
	sigset_t set;

	(void)w;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	int r = sigtimedwait(&set, NULL, &span);

	return unless(r == -1 && errno == EAGAIN, r);
}

static long timed_condition(struct waiter *w)
{
	int64_t end = true_time(CLOCK_MONOTONIC) + WAIT_MS * MILLISECOND;
	struct timespec until = {end / 1000000000, end % 1000000000};
	int error;

	pthread_mutex_lock(&w->mutex);
	do
		error = pthread_cond_clockwait(&w->condition, &w->mutex, CLOCK_MONOTONIC, &until);
	while (error == 0); /* may wake without cause */
	pthread_mutex_unlock(&w->mutex);
	return error == ETIMEDOUT ? 0 : -error;
}

static long read_byte(struct waiter *w)
{
	char byte;
	ssize_t r = read(w->fd[0], &byte, 1);

	return unless(r == 1, r);
}

static long receive(struct waiter *w)
{
	char byte;
	ssize_t r = recv(w->fd[0], &byte, 1, 0);

	return unless(r == 1, r);
}

static long endless_epoll(struct waiter *w)
{
	struct epoll_event event;
	int r = epoll_wait(w->epoll, &event, 1, -1);

	return r == 1 ? read_byte(w) : unless(0, r);
}

static long endless_poll(struct waiter *w)
{
	struct pollfd fd = {w->fd[0], POLLIN, 0};
	int r = poll(&fd, 1, -1);

	return r == 1 ? read_byte(w) : unless(0, r);
}

static long semaphore_wait(struct waiter *w)
{
	int r = sem_wait(&w->semaphore);

	return unless(r == 0, r);
}

static long signal_wait(struct waiter *w)
{
	sigset_t set;

	(void)w;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 2);
	int r = sigwaitinfo(&set, NULL);

	return unless(r == SIGRTMIN + 2, r);
}

static void write_byte(struct waiter *w)
{
	if (write(w->fd[1], "x", 1) != 1)
		verdict_violation(w->verdict, "cannot wake %s", w->kind->name);
}

static void post(struct waiter *w)
{
	sem_post(&w->semaphore);
}

static void signal_thread(struct waiter *w)
{
	pthread_kill(w->thread, SIGRTMIN + 2);
}

static const struct kind kinds[] = {
	{"nanosleep", timed_nanosleep, NULL},
	{"clock_nanosleep", timed_clock_nanosleep, NULL},
	{"poll", timed_poll, NULL},
	{"select", timed_select, NULL},
	{"epoll_wait", timed_epoll, NULL},
	{"recv with a timeout", timed_receive, NULL},
	{"sigtimedwait", timed_signal, NULL},
	{"pthread_cond_clockwait", timed_condition, NULL},
	{"read", read_byte, write_byte},
	{"recv", receive, write_byte},
	{"endless epoll_wait", endless_epoll, write_byte},
	{"endless poll", endless_poll, write_byte},
	{"sem_wait", semaphore_wait, post},
	{"sigwaitinfo", signal_wait, signal_thread},
};
#define KINDS (int)(sizeof(kinds) / sizeof(kinds[0]))

static struct waiter waiters[KINDS];
static struct verdict verdicts[KINDS];

static void *work(void *argument)
{
	struct waiter *w = argument;

	for (;;) {
		int64_t start = true_time(CLOCK_MONOTONIC);

		atomic_fetch_add(&w->begun, 1);
		long wrong = w->kind->wait(w);
		int64_t waited = true_time(CLOCK_MONOTONIC) - start;

		if (wrong == -EINTR)
			atomic_fetch_add(&w->verdict->interrupted, 1);
		else if (wrong)
			verdict_violation(w->verdict, "%s ended with %ld", w->kind->name, wrong);
		else if (!w->kind->wake && waited < (WAIT_MS - TICK_MS) * MILLISECOND)
			verdict_violation(w->verdict, "%s ended after %lld ns", w->kind->name, (long long)waited);
		atomic_fetch_add(&w->ended, 1);
		verdict_read(w->verdict);
	}
	return NULL;
}

static int start(int i)
{
	struct waiter *w = &waiters[i];
	struct epoll_event event = {.events = EPOLLIN};
	pthread_attr_t small;

	w->kind = &kinds[i];
	w->verdict = &verdicts[i];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, w->fd) || (w->epoll = epoll_create1(0)) < 0)
		return -1;
	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->fd[0], &event))
		return -1;
	sem_init(&w->semaphore, 0, 0);
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->condition, NULL);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	return pthread_create(&w->thread, &small, work, w);
}

/* Two calls after the one that a thread is in: behind the first of them it has read the clock. */
static void settle(void)
{
	unsigned goal[KINDS];

	verdict_new_epoch(verdicts, KINDS);
	for (int i = 0; i < KINDS; i++)
		goal[i] = atomic_load(&waiters[i].begun) + 2;
	for (int i = 0; i < KINDS; i++) {
		unsigned woken = atomic_load(&waiters[i].ended);

		while ((int)(atomic_load(&waiters[i].begun) - goal[i]) < 0) {
			if (kinds[i].wake && atomic_load(&waiters[i].ended) == woken) {
				kinds[i].wake(&waiters[i]);
				woken++;
			}
			usleep(500);
		}
	}
}

int main(int argc, char **argv)
{
	sigset_t waited_for;
	char line[64];

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	verdict_offsets(argc - 1, argv + 1);
	sigemptyset(&waited_for);
	sigaddset(&waited_for, SIGRTMIN + 1);
	sigaddset(&waited_for, SIGRTMIN + 2);
	sigprocmask(SIG_BLOCK, &waited_for, NULL);
	for (int i = 0; i < KINDS; i++)
		if (start(i)) {
			perror("waiters");
			return 1;
		}
	printf("{\"pid\":%d}\n", getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		settle();
		verdict_report(verdicts, KINDS);
	}
	return 0;
}
