/* Kinds of wait for deadlines.c: timers, by descriptors, by signals and by functions that are called. */
#include "deadlines.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#ifndef TFD_TIMER_CANCEL_ON_SET
#define TFD_TIMER_CANCEL_ON_SET 2
#endif

/* A timer says that it expires when it was told to, or has expired. Looked at in the end: whether it does counts more. */
static int is_far(const struct job *job, const struct itimerspec *set)
{
	return set->it_value.tv_sec * SECOND + set->it_value.tv_nsec > job->asked + job->slack;
}

/* ---- descriptors ------------------------------------------------------------------------------------------------ */

static void make_timerfd(struct job *job, clockid_t clock)
{
	job->fd = (int)need(job, timerfd_create(clock, TFD_CLOEXEC), "timerfd");
}

static void make_timerfd_wall(struct job *job)
{
	make_timerfd(job, CLOCK_REALTIME);
}

static void make_timerfd_monotonic(struct job *job)
{
	make_timerfd(job, CLOCK_MONOTONIC);
}

static void make_timerfd_boottime(struct job *job)
{
	make_timerfd(job, CLOCK_BOOTTIME);
}

static void close_one(struct job *job)
{
	close(job->fd);
}

/* Until it has expired so often. */
static int wait_for_timerfd(struct job *job, int flags, struct itimerspec value, uint64_t times)
{
	struct itimerspec set;
	uint64_t expired;

	if (timerfd_settime(job->fd, flags, &value, NULL) || timerfd_gettime(job->fd, &set))
		return errno;
	while (times > 0) {
		if (UNINTERRUPTED(job, error_of(read(job->fd, &expired, sizeof(expired)))))
			return errno;
		times -= expired < times ? expired : times;
	}
	return is_far(job, &set) ? ERANGE : 0;
}

static int timerfd_absolute(struct job *job, clockid_t clock, int flags)
{
	struct itimerspec value = {{0, 0}, deadline_of(job, clock)};

	return wait_for_timerfd(job, TFD_TIMER_ABSTIME | flags, value, 1);
}

static int timerfd_wall(struct job *job)
{
	return timerfd_absolute(job, CLOCK_REALTIME, 0);
}

static int timerfd_cancelled_on_set(struct job *job)
{
	return timerfd_absolute(job, CLOCK_REALTIME, TFD_TIMER_CANCEL_ON_SET);
}

static int timerfd_monotonic(struct job *job)
{
	return timerfd_absolute(job, CLOCK_MONOTONIC, 0);
}

static int timerfd_boottime(struct job *job)
{
	return timerfd_absolute(job, CLOCK_BOOTTIME, 0);
}

static int timerfd_relative(struct job *job)
{
	struct itimerspec value = {{0, 0}, timespec_of(job->asked)};

	return wait_for_timerfd(job, 0, value, 1);
}

/* The third expiration is the deadline. */
static int timerfd_periodic(struct job *job)
{
	struct job first = *job;
	struct itimerspec value = {timespec_of(job->asked / 4), {0, 0}};

	first.asked /= 2;
	value.it_value = deadline_of(&first, CLOCK_REALTIME);
	return wait_for_timerfd(job, TFD_TIMER_ABSTIME, value, 3);
}

/* ---- signals ---------------------------------------------------------------------------------------------------- */

static int await_signal(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	return sigwaitinfo(&set, NULL) == signal ? 0 : errno;
}

/* Every signal is blocked in all threads; each kind here has a process to itself. */
static void make_timer(struct job *job, clockid_t clock)
{
	struct sigevent event;

	memset(&event, 0, sizeof(event));
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGRTMIN + 1;
	need(job, timer_create(clock, &event, &job->timer), "timer_create");
}

static void make_timer_wall(struct job *job)
{
	make_timer(job, CLOCK_REALTIME);
}

static void make_timer_monotonic(struct job *job)
{
	make_timer(job, CLOCK_MONOTONIC);
}

static void make_timer_boottime(struct job *job)
{
	make_timer(job, CLOCK_BOOTTIME);
}

static int await_expiration(struct job *job)
{
	(void)job;
	return await_signal(SIGRTMIN + 1);
}

static int wait_for_timer(struct job *job, int flags, struct timespec when, int (*await)(struct job *))
{
	struct itimerspec value = {{0, 0}, when}, set;
	int error;

	if (timer_settime(job->timer, flags, &value, NULL) || timer_gettime(job->timer, &set))
		return errno;
	error = await(job);
	return error ? error : is_far(job, &set) ? ERANGE : 0;
}

static int timer_wall(struct job *job)
{
	return wait_for_timer(job, TIMER_ABSTIME, deadline_of(job, CLOCK_REALTIME), await_expiration);
}

static int timer_monotonic(struct job *job)
{
	return wait_for_timer(job, TIMER_ABSTIME, deadline_of(job, CLOCK_MONOTONIC), await_expiration);
}

static int timer_boottime(struct job *job)
{
	return wait_for_timer(job, TIMER_ABSTIME, deadline_of(job, CLOCK_BOOTTIME), await_expiration);
}

static int timer_relative(struct job *job)
{
	return wait_for_timer(job, 0, timespec_of(job->asked), await_expiration);
}

static int setitimer_(struct job *job)
{
	struct itimerval value = {{0, 0}, {job->asked / SECOND, job->asked % SECOND / 1000}};

	return setitimer(ITIMER_REAL, &value, NULL) ? errno : await_signal(SIGALRM);
}

static int alarm_(struct job *job)
{
	alarm((unsigned)(job->asked / SECOND));
	return await_signal(SIGALRM);
}

static int sigtimedwait_(struct job *job)
{
	struct timespec asked = timespec_of(job->asked);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 2);
	return sigtimedwait(&set, NULL, &asked) < 0 ? errno : 0;
}

/* ---- functions -------------------------------------------------------------------------------------------------- */

static void post(union sigval value)
{
	sem_post(value.sival_ptr);
}

static void make_calling_timer(struct job *job)
{
	struct sigevent event;

	memset(&event, 0, sizeof(event));
	sem_init(&job->semaphore, 0, 0);
	event.sigev_notify = SIGEV_THREAD;
	event.sigev_notify_function = post;
	event.sigev_value.sival_ptr = &job->semaphore;
	need(job, timer_create(CLOCK_REALTIME, &event, &job->timer), "timer_create");
}

static int await_call(struct job *job)
{
	return UNINTERRUPTED(job, error_of(sem_wait(&job->semaphore)));
}

static int call_at(struct job *job)
{
	return wait_for_timer(job, TIMER_ABSTIME, deadline_of(job, CLOCK_REALTIME), await_call);
}

static int call_after(struct job *job)
{
	return wait_for_timer(job, 0, timespec_of(job->asked), await_call);
}

const struct kind timer_kinds[] = {
	{"timerfd, absolute CLOCK_REALTIME", WALL, make_timerfd_wall, timerfd_wall, close_one, 0, NULL},
	{"timerfd, absolute CLOCK_REALTIME, cancelled on set", WALL, make_timerfd_wall, timerfd_cancelled_on_set,
		close_one, 0, NULL},
	{"timerfd, absolute CLOCK_REALTIME, periodic", WALL, make_timerfd_wall, timerfd_periodic, close_one, 0, NULL},
	{"timerfd, absolute CLOCK_MONOTONIC", MONOTONIC, make_timerfd_monotonic, timerfd_monotonic, close_one, 0, NULL},
	{"timerfd, absolute CLOCK_BOOTTIME", MONOTONIC, make_timerfd_boottime, timerfd_boottime, close_one, 0, NULL},
	{"timerfd, CLOCK_REALTIME", RELATIVE, make_timerfd_wall, timerfd_relative, close_one, 0, NULL},
	{"timerfd, CLOCK_MONOTONIC", RELATIVE, make_timerfd_monotonic, timerfd_relative, close_one, 0, NULL},
	{"timer, absolute CLOCK_REALTIME", WALL, make_timer_wall, timer_wall, NULL, 1, NULL},
	{"timer, absolute CLOCK_MONOTONIC", MONOTONIC, make_timer_monotonic, timer_monotonic, NULL, 1, NULL},
	{"timer, absolute CLOCK_BOOTTIME", MONOTONIC, make_timer_boottime, timer_boottime, NULL, 1, NULL},
	{"timer, CLOCK_REALTIME", RELATIVE, make_timer_wall, timer_relative, NULL, 1, NULL},
	{"timer, CLOCK_MONOTONIC", RELATIVE, make_timer_monotonic, timer_relative, NULL, 1, NULL},
	{"timer that calls, absolute CLOCK_REALTIME", WALL, make_calling_timer, call_at, NULL, 1, NULL},
	{"timer that calls, CLOCK_REALTIME", RELATIVE, make_calling_timer, call_after, NULL, 1, NULL},
	{"setitimer", RELATIVE, NULL, setitimer_, NULL, 1, NULL},
	{"alarm", RELATIVE, NULL, alarm_, NULL, 1, NULL},
	{"sigtimedwait", RELATIVE, NULL, sigtimedwait_, NULL, 0, NULL},
	{0},
};
