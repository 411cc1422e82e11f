/*
 * Kinds of wait for deadlines.c: by libc's syscall(), and by system calls of the program's own, in assembly. Compilers
 * take it that a system call leaves its arguments' registers as they are, and so do these kinds.
 */
#include "deadlines.h"

#include "deadlines_bare.h"

#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

/* As in <linux/futex.h>, which musl's compiler does not find. */
enum { WAIT = 0, WAIT_BITSET = 9, LOCK_PI = 6, WAIT_REQUEUE_PI = 11, LOCK_PI2 = 13, PRIVATE = 128, BY_WALL = 256 };

struct waiter {
	uint64_t value, address;
	uint32_t flags, reserved;
};

/* ---- by syscall() ------------------------------------------------------------------------------------------------- */

static int futex(struct job *job, int operation, const struct timespec *timeout)
{
	return UNINTERRUPTED(job, error_of(syscall(SYS_futex, &job->word, operation, job->word, timeout,
					&job->second_word, ANY_BIT)));
}

static int futex_until(struct job *job, int operation, clockid_t clock)
{
	struct timespec until = deadline_of(job, clock);

	return futex(job, operation, &until);
}

static int wait_for(struct job *job)
{
	struct timespec asked = timespec_of(job->asked);

	return futex(job, WAIT | PRIVATE, &asked);
}

static int wait_monotonic(struct job *job)
{
	return futex_until(job, WAIT_BITSET | PRIVATE, CLOCK_MONOTONIC);
}

static int wait_wall(struct job *job)
{
	return futex_until(job, WAIT_BITSET | BY_WALL | PRIVATE, CLOCK_REALTIME);
}

static int wait_wall_shared(struct job *job)
{
	return futex_until(job, WAIT_BITSET | BY_WALL, CLOCK_REALTIME);
}

/* The word says who has the lock: the thread that prepares. */
static void lock_word(struct job *job)
{
	job->word = (uint32_t)syscall(SYS_gettid);
}

static int lock_pi(struct job *job)
{
	return futex_until(job, LOCK_PI | PRIVATE, CLOCK_REALTIME);
}

static int lock_pi2_monotonic(struct job *job)
{
	return futex_until(job, LOCK_PI2 | PRIVATE, CLOCK_MONOTONIC);
}

static int lock_pi2_wall(struct job *job)
{
	return futex_until(job, LOCK_PI2 | BY_WALL | PRIVATE, CLOCK_REALTIME);
}

static int requeue_monotonic(struct job *job)
{
	return futex_until(job, WAIT_REQUEUE_PI | PRIVATE, CLOCK_MONOTONIC);
}

static int requeue_wall(struct job *job)
{
	return futex_until(job, WAIT_REQUEUE_PI | BY_WALL | PRIVATE, CLOCK_REALTIME);
}

static int waitv(struct job *job, clockid_t clock)
{
	struct waiter waiter = {0, (uint64_t)(uintptr_t)&job->word, 2 /* 32 bits */ | PRIVATE, 0};
	struct timespec deadline = deadline_of(job, clock);
	int64_t until[] = {deadline.tv_sec, deadline.tv_nsec}; /* 64 bits each on every machine */

	return UNINTERRUPTED(job, error_of(syscall(SYS_futex_waitv, &waiter, 1, 0, until, clock)));
}

static int waitv_wall(struct job *job)
{
	return waitv(job, CLOCK_REALTIME);
}

static int waitv_monotonic(struct job *job)
{
	return waitv(job, CLOCK_MONOTONIC);
}

static int sleep_by_syscall(struct job *job)
{
	struct timespec until = deadline_of(job, CLOCK_REALTIME);

	return UNINTERRUPTED(job, error_of(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL)));
}

/* ---- by assembly ----------------------------------------------------------------------------------------------------- */

#if HAS_BARE
static int bare_wait(struct job *job, int operation, clockid_t clock)
{
	struct timespec until = deadline_of(job, clock);

	return UNINTERRUPTED(job, (int)-bare_futex(&job->word, operation, 0, &until));
}

static int bare_wall(struct job *job)
{
	return bare_wait(job, WAIT_BITSET | BY_WALL | PRIVATE, CLOCK_REALTIME);
}

static int bare_monotonic(struct job *job)
{
	return bare_wait(job, WAIT_BITSET | PRIVATE, CLOCK_MONOTONIC);
}

static int bare_relative(struct job *job)
{
	struct timespec asked = timespec_of(job->asked);

	return UNINTERRUPTED(job, (int)-bare_futex(&job->word, WAIT | PRIVATE, 0, &asked));
}

static int watched(struct job *job, int operation, clockid_t clock)
{
	struct timespec until = deadline_of(job, clock), untouched = until;
	int error = UNINTERRUPTED(job, watched_futex(&job->word, operation, &until));

	return until.tv_sec == untouched.tv_sec && until.tv_nsec == untouched.tv_nsec ? error : EIO;
}

static int watched_wall(struct job *job)
{
	return watched(job, WAIT_BITSET | BY_WALL | PRIVATE, CLOCK_REALTIME);
}

static int watched_monotonic(struct job *job)
{
	return watched(job, WAIT_BITSET | PRIVATE, CLOCK_MONOTONIC);
}

static __attribute__((noipa)) int sleep_and_compare(long clock, long flags, const struct timespec *until, int64_t end)
{
	long result = lent_sleep(clock, flags, until);

	/* By the register that the call was given. */
	if (until->tv_sec * SECOND + until->tv_nsec != end)
		return EIO;
	return (int)-result;
}

static int lent(struct job *job, clockid_t clock)
{
	struct timespec until = deadline_of(job, clock);

	return UNINTERRUPTED(job, sleep_and_compare(clock, TIMER_ABSTIME, &until, until.tv_sec * SECOND + until.tv_nsec));
}

static int lent_wall(struct job *job)
{
	return lent(job, CLOCK_REALTIME);
}

static int lent_monotonic(struct job *job)
{
	return lent(job, CLOCK_MONOTONIC);
}
#define BARE(wait) wait, NULL, 0, NULL
#else
#define BARE(wait) NULL, NULL, 0, "a 32-bit program has no system calls of its own that are covered"
#endif

const struct kind futex_kinds[] = {
	{"syscall(futex, WAIT)", RELATIVE, NULL, wait_for, NULL, 0, NULL},
	{"syscall(futex, WAIT_BITSET), CLOCK_MONOTONIC", MONOTONIC, NULL, wait_monotonic, NULL, 0, NULL},
	{"syscall(futex, WAIT_BITSET), CLOCK_REALTIME", WALL, NULL, wait_wall, NULL, 0, NULL},
	{"syscall(futex, WAIT_BITSET), CLOCK_REALTIME, shared", WALL, NULL, wait_wall_shared, NULL, 0, NULL},
	{"syscall(futex, LOCK_PI)", WALL, lock_word, lock_pi, NULL, 0, NULL},
	{"syscall(futex, LOCK_PI2), CLOCK_MONOTONIC", MONOTONIC, lock_word, lock_pi2_monotonic, NULL, 0, NULL},
	{"syscall(futex, LOCK_PI2), CLOCK_REALTIME", WALL, lock_word, lock_pi2_wall, NULL, 0, NULL},
	{"syscall(futex, WAIT_REQUEUE_PI), CLOCK_MONOTONIC", MONOTONIC, NULL, requeue_monotonic, NULL, 0, NULL},
	{"syscall(futex, WAIT_REQUEUE_PI), CLOCK_REALTIME", WALL, NULL, requeue_wall, NULL, 0, NULL},
	{"syscall(futex_waitv), CLOCK_MONOTONIC", MONOTONIC, NULL, waitv_monotonic, NULL, 0, NULL},
	{"syscall(futex_waitv), CLOCK_REALTIME", WALL, NULL, waitv_wall, NULL, 0, NULL},
	{"syscall(clock_nanosleep), CLOCK_REALTIME", WALL, NULL, sleep_by_syscall, NULL, 0, NULL},
	{"assembly, futex WAIT", RELATIVE, NULL, BARE(bare_relative)},
	{"assembly, futex WAIT_BITSET, CLOCK_MONOTONIC", MONOTONIC, NULL, BARE(bare_monotonic)},
	{"assembly, futex WAIT_BITSET, CLOCK_REALTIME", WALL, NULL, BARE(bare_wall)},
	{"assembly that goes on, CLOCK_MONOTONIC", MONOTONIC, NULL, BARE(watched_monotonic)},
	{"assembly that goes on, CLOCK_REALTIME", WALL, NULL, BARE(watched_wall)},
	{"assembly whose caller goes on, CLOCK_MONOTONIC", MONOTONIC, NULL, BARE(lent_monotonic)},
	{"assembly whose caller goes on, CLOCK_REALTIME", WALL, NULL, BARE(lent_wall)},
	{0},
};
