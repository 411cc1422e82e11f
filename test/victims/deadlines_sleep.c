/* Kinds of wait for deadlines.c: sleeping, and waiting for descriptors. */
#include "deadlines.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* ---- sleep ---------------------------------------------------------------------------------------------------- */

static int absolute_sleep(struct job *job, clockid_t clock)
{
	struct timespec until = deadline_of(job, clock);

	return UNINTERRUPTED(job, clock_nanosleep(clock, TIMER_ABSTIME, &until, NULL));
}

static int sleep_wall(struct job *job)
{
	return absolute_sleep(job, CLOCK_REALTIME);
}

static int sleep_monotonic(struct job *job)
{
	return absolute_sleep(job, CLOCK_MONOTONIC);
}

static int sleep_boottime(struct job *job)
{
	return absolute_sleep(job, CLOCK_BOOTTIME);
}

static int sleep_tai(struct job *job)
{
	return absolute_sleep(job, CLOCK_TAI);
}

/* What is left after an interruption is slept next. */
static int relative_sleep(struct job *job, clockid_t clock)
{
	struct timespec rest = timespec_of(job->asked);

	return UNINTERRUPTED(job, clock_nanosleep(clock, 0, &rest, &rest));
}

static int sleep_for_wall(struct job *job)
{
	return relative_sleep(job, CLOCK_REALTIME);
}

static int sleep_for_monotonic(struct job *job)
{
	return relative_sleep(job, CLOCK_MONOTONIC);
}

static int nanosleep_(struct job *job)
{
	struct timespec rest = timespec_of(job->asked);

	return UNINTERRUPTED(job, error_of(nanosleep(&rest, &rest)));
}

static int thrd_sleep_(struct job *job)
{
	struct timespec asked = timespec_of(job->asked);

	return thrd_sleep(&asked, NULL);
}

static int usleep_(struct job *job)
{
	return error_of(usleep((useconds_t)(job->asked / 1000)));
}

static int sleep_(struct job *job)
{
	return sleep((unsigned)(job->asked / SECOND)) ? EINTR : 0;
}

/* ---- descriptors ------------------------------------------------------------------------------------------------ */

static void make_pipe(struct job *job)
{
	int ends[2];

	need(job, pipe(ends), "pipe");
	job->fd = ends[0];
	job->peer = ends[1];
}

static void close_both(struct job *job)
{
	close(job->fd);
	close(job->peer);
}

static int in_milliseconds(const struct job *job)
{
	return (int)(job->asked / 1000000);
}

static int poll_(struct job *job)
{
	struct pollfd fd = {job->fd, POLLIN, 0};

	return error_of(poll(&fd, 1, in_milliseconds(job)));
}

static int ppoll_(struct job *job)
{
	struct timespec asked = timespec_of(job->asked);
	struct pollfd fd = {job->fd, POLLIN, 0};

	return error_of(ppoll(&fd, 1, &asked, NULL));
}

static int select_(struct job *job)
{
	struct timeval asked = {job->asked / SECOND, job->asked % SECOND / 1000};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(job->fd, &set);
	return error_of(select(job->fd + 1, &set, NULL, NULL, &asked));
}

static int pselect_(struct job *job)
{
	struct timespec asked = timespec_of(job->asked);
	fd_set set;

	FD_ZERO(&set);
	FD_SET(job->fd, &set);
	return error_of(pselect(job->fd + 1, &set, NULL, NULL, &asked, NULL));
}

static void make_epoll(struct job *job)
{
	struct epoll_event event = {.events = EPOLLIN};

	job->fd = (int)need(job, epoll_create1(EPOLL_CLOEXEC), "epoll");
	job->peer = dup(STDOUT_FILENO); /* only to have something */
	(void)epoll_ctl(job->fd, EPOLL_CTL_ADD, job->peer, &event);
}

static int epoll_wait_(struct job *job)
{
	struct epoll_event event;

	return error_of(epoll_wait(job->fd, &event, 1, in_milliseconds(job)));
}

static int epoll_pwait_(struct job *job)
{
	struct epoll_event event;

	return error_of(epoll_pwait(job->fd, &event, 1, in_milliseconds(job), NULL));
}

static int epoll_pwait2_(struct job *job)
{
	struct timespec asked = timespec_of(job->asked);
	struct epoll_event event;

	return error_of(syscall(SYS_epoll_pwait2, job->fd, &event, 1, &asked, NULL, 0));
}

static void make_silent_socket(struct job *job)
{
	struct timeval asked = {job->asked / SECOND, job->asked % SECOND / 1000};
	int ends[2];

	need(job, socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
	job->fd = ends[0];
	job->peer = ends[1];
	need(job, setsockopt(job->fd, SOL_SOCKET, SO_RCVTIMEO, &asked, sizeof(asked)), "SO_RCVTIMEO");
}

static int recv_(struct job *job)
{
	char byte;

	return error_of(recv(job->fd, &byte, 1, 0));
}

const struct kind sleep_kinds[] = {
	{"clock_nanosleep, absolute CLOCK_REALTIME", WALL, NULL, sleep_wall, NULL, 0, NULL},
	{"clock_nanosleep, absolute CLOCK_MONOTONIC", MONOTONIC, NULL, sleep_monotonic, NULL, 0, NULL},
	{"clock_nanosleep, absolute CLOCK_BOOTTIME", MONOTONIC, NULL, sleep_boottime, NULL, 0, NULL},
	{"clock_nanosleep, absolute CLOCK_TAI", WALL, NULL, sleep_tai, NULL, 0, NULL},
	{"clock_nanosleep, CLOCK_REALTIME", RELATIVE, NULL, sleep_for_wall, NULL, 0, NULL},
	{"clock_nanosleep, CLOCK_MONOTONIC", RELATIVE, NULL, sleep_for_monotonic, NULL, 0, NULL},
	{"nanosleep", RELATIVE, NULL, nanosleep_, NULL, 0, NULL},
	{"thrd_sleep", RELATIVE, NULL, thrd_sleep_, NULL, 0, NULL},
	{"usleep", RELATIVE, NULL, usleep_, NULL, 0, NULL},
	{"sleep", RELATIVE, NULL, sleep_, NULL, 0, NULL},
	{"poll", RELATIVE, make_pipe, poll_, close_both, 0, NULL},
	{"ppoll", RELATIVE, make_pipe, ppoll_, close_both, 0, NULL},
	{"select", RELATIVE, make_pipe, select_, close_both, 0, NULL},
	{"pselect", RELATIVE, make_pipe, pselect_, close_both, 0, NULL},
	{"epoll_wait", RELATIVE, make_epoll, epoll_wait_, close_both, 0, NULL},
	{"epoll_pwait", RELATIVE, make_epoll, epoll_pwait_, close_both, 0, NULL},
	{"epoll_pwait2", RELATIVE, make_epoll, epoll_pwait2_, close_both, 0, NULL},
	{"recv, SO_RCVTIMEO", RELATIVE, make_silent_socket, recv_, close_both, 0, NULL},
	{0},
};
