/* Kinds of wait for waits.c: epoll, poll and select, until their timeout and until a descriptor is ready. */
#include "waits.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

static int milliseconds(const struct job *job)
{
	return (int)((job->kind->wake ? PLENTY : ASKED) / 1000000);
}

static struct timespec timeout(const struct job *job)
{
	return timespec_of(job->kind->wake ? PLENTY : ASKED);
}

static void make_epoll(struct job *job)
{
	struct epoll_event interest = {.events = EPOLLIN, .data.u64 = 77};

	make_pipe(job);
	job->other = (int)need(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	need(epoll_ctl(job->other, EPOLL_CTL_ADD, job->fd, &interest), "epoll_ctl");
}

static void epoll_wait_(struct job *job)
{
	struct epoll_event event = {0};

	CALL(job, SYS_epoll_wait, job->other, &event, 1, milliseconds(job));
	exactly(job, event.events);
	exactly(job, (long long)event.data.u64);
}

static void epoll_pwait_(struct job *job)
{
	struct epoll_event event = {0};
	sigset_t mask, before, after;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_SETMASK, NULL, &before);
	CALL(job, SYS_epoll_pwait, job->other, &event, 1, milliseconds(job), &mask, 8);
	sigprocmask(SIG_SETMASK, NULL, &after);
	exactly(job, event.events);
	exactly(job, memcmp(&before, &after, 8));
}

static void prepare_epoll_pwait2(struct job *job)
{
	struct epoll_event event;
	struct timespec none = {0, 0};

	make_epoll(job);
	need(syscall(SYS_epoll_pwait2, job->other, &event, 1, &none, NULL, 8), "epoll_pwait2");
}

static void epoll_pwait2_(struct job *job)
{
	struct epoll_event event = {0};
	struct timespec ts = timeout(job);

	CALL(job, SYS_epoll_pwait2, job->other, &event, 1, &ts, NULL, 8);
	exactly(job, event.events);
	exactly(job, ns_of(&ts));
}

static void poll_(struct job *job)
{
	struct pollfd interest = {job->fd, POLLIN, 0};

	CALL(job, SYS_poll, &interest, 1, milliseconds(job));
	exactly(job, interest.revents);
}

static void ppoll_(struct job *job)
{
	struct pollfd interest = {job->fd, POLLIN, 0};
	struct timespec ts = timeout(job);

	CALL(job, SYS_ppoll, &interest, 1, &ts, NULL, 8);
	exactly(job, interest.revents);
	job->out->remaining = ns_of(&ts);
}

static void select_(struct job *job)
{
	struct timespec ts = timeout(job);
	struct timeval tv = {ts.tv_sec, 0};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(job->fd, &set);
	CALL(job, SYS_select, job->fd + 1, &set, NULL, NULL, &tv);
	exactly(job, FD_ISSET(job->fd, &set) != 0);
	job->out->remaining = tv.tv_sec * SECOND + tv.tv_usec * 1000;
}

static void pselect6_(struct job *job)
{
	struct timespec ts = timeout(job);
	sigset_t mask;
	struct {
		const sigset_t *set;
		size_t size;
	} argument = {&mask, 8};
	fd_set set;

	sigemptyset(&mask);
	FD_ZERO(&set);
	FD_SET(job->fd, &set);
	CALL(job, SYS_pselect6, job->fd + 1, &set, NULL, NULL, &ts, &argument);
	exactly(job, FD_ISSET(job->fd, &set) != 0);
	job->out->remaining = ns_of(&ts);
}

const struct kind poll_kinds[] = {
	{.name = "epoll_wait", .prepare = make_epoll, .wait = epoll_wait_},
	{.name = "epoll_wait, woken", .prepare = make_epoll, .wait = epoll_wait_, .wake = wake_by_byte},
	{.name = "epoll_pwait", .prepare = make_epoll, .wait = epoll_pwait_},
	{.name = "epoll_pwait2", .prepare = prepare_epoll_pwait2, .wait = epoll_pwait2_},
	{.name = "poll", .prepare = make_pipe, .wait = poll_},
	{.name = "poll, woken", .prepare = make_pipe, .wait = poll_, .wake = wake_by_byte},
	{.name = "ppoll", .prepare = make_pipe, .wait = ppoll_},
	{.name = "ppoll, woken", .prepare = make_pipe, .wait = ppoll_, .wake = wake_by_byte},
	{.name = "select", .prepare = make_pipe, .wait = select_},
	{.name = "select, woken", .prepare = make_pipe, .wait = select_, .wake = wake_by_byte},
	{.name = "pselect6", .prepare = make_pipe, .wait = pselect6_},
	{.name = "pselect6, woken", .prepare = make_pipe, .wait = pselect6_, .wake = wake_by_byte},
	{0},
};
