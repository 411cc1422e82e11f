/* Kinds of wait for waits.c: sleeps, futexes, and waits for a signal. */
#include "waits.h"

#include <linux/futex.h>
#include <stdlib.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

/* Each is as the kernel has it; libc's headers need not know it. */
struct waiter {
	uint64_t value, address;
	uint32_t flags, reserved;
};
#define FUTEX2_U32 2

static struct timespec deadline(int clock)
{
	return timespec_of(true_time(clock) + ASKED);
}

static void nanosleep_(struct job *job)
{
	struct timespec asked = timespec_of(ASKED), rest = {12345, 678};

	CALL(job, SYS_nanosleep, &asked, &rest);
	exactly(job, rest.tv_sec); /* written only when interrupted */
	exactly(job, rest.tv_nsec);
}

static void clock_nanosleep_(struct job *job)
{
	struct timespec asked = timespec_of(ASKED), rest = {12345, 678};

	CALL(job, SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &asked, &rest);
	exactly(job, rest.tv_sec);
}

static void sleep_to(struct job *job, int clock)
{
	struct timespec until = deadline(clock);

	CALL(job, SYS_clock_nanosleep, clock, TIMER_ABSTIME, &until, NULL);
}

static void clock_nanosleep_monotonic(struct job *job)
{
	sleep_to(job, CLOCK_MONOTONIC);
}

static void clock_nanosleep_realtime(struct job *job)
{
	sleep_to(job, CLOCK_REALTIME);
}

static void futex_wait(struct job *job)
{
	struct timespec asked = timespec_of(ASKED);

	CALL(job, SYS_futex, &job->out->word, FUTEX_WAIT, 0, &asked, NULL, 0);
}

static void futex_wait_woken(struct job *job)
{
	CALL(job, SYS_futex, &job->out->word, FUTEX_WAIT, 0, NULL, NULL, 0);
	exactly(job, atomic_load(&job->out->word));
}

static void wake_futex(struct job *job)
{
	announce(&job->out->word, 1);
}

static void futex_bitset(struct job *job, int clock, int flag)
{
	struct timespec until = deadline(clock);

	CALL(job, SYS_futex, &job->out->word, FUTEX_WAIT_BITSET | flag, 0, &until, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void futex_bitset_monotonic(struct job *job)
{
	futex_bitset(job, CLOCK_MONOTONIC, 0);
}

static void futex_bitset_realtime(struct job *job)
{
	futex_bitset(job, CLOCK_REALTIME, FUTEX_CLOCK_REALTIME);
}

static void hold_pi_futex(struct job *job)
{
	atomic_store(&job->out->word, (unsigned)getpid());
}

static void release_pi_futex(struct job *job)
{
	if (syscall(SYS_futex, &job->out->word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0))
		abort();
}

static void lock_pi(struct job *job)
{
	CALL(job, SYS_futex, &job->out->word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
	exactly(job, (atomic_load(&job->out->word) & FUTEX_TID_MASK) == (unsigned)job->out->tid);
}

static void prepare_waitv(struct job *job)
{
	struct waiter waiter = {1, (uintptr_t)&job->out->word, FUTEX2_U32, 0};

	/* The word is 0 and not 1: the kernel that knows the call says so at once. */
	if (syscall(SYS_futex_waitv, &waiter, 1, 0, NULL, 0) < 0 && errno != EAGAIN)
		unsupported("futex_waitv");
}

static void futex_waitv_(struct job *job)
{
	struct waiter waiter = {0, (uintptr_t)&job->out->word, FUTEX2_U32, 0};
	struct timespec until = deadline(CLOCK_MONOTONIC);

	CALL(job, SYS_futex_waitv, &waiter, 1, 0, &until, CLOCK_MONOTONIC);
}

/* ---- signals: WAKE_SIGNAL is blocked where it is waited for ------------------------------------------------ */

static void block_wake_signal(struct job *job)
{
	sigset_t set;

	(void)job;
	sigemptyset(&set);
	sigaddset(&set, WAKE_SIGNAL);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void sigtimedwait_(struct job *job)
{
	struct timespec asked = timespec_of(ASKED);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, WAKE_SIGNAL);
	CALL(job, SYS_rt_sigtimedwait, &set, NULL, &asked, 8);
}

static void sigwaitinfo_(struct job *job)
{
	siginfo_t info = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, WAKE_SIGNAL);
	CALL(job, SYS_rt_sigtimedwait, &set, &info, NULL, 8);
	exactly(job, info.si_code);
	exactly(job, info.si_value.sival_int);
	exactly(job, info.si_pid == job->waker);
}

static void pause_(struct job *job)
{
	CALL(job, SYS_pause);
}

static void sigsuspend_(struct job *job)
{
	sigset_t none, after;

	sigemptyset(&none);
	CALL(job, SYS_rt_sigsuspend, &none, 8);
	sigprocmask(SIG_SETMASK, NULL, &after);
	exactly(job, sigismember(&after, WAKE_SIGNAL));
}

const struct kind sleep_kinds[] = {
	{.name = "nanosleep", .wait = nanosleep_},
	{.name = "clock_nanosleep", .wait = clock_nanosleep_},
	{.name = "clock_nanosleep, absolute", .wait = clock_nanosleep_monotonic},
	{.name = "clock_nanosleep, absolute wall clock", .wait = clock_nanosleep_realtime},
	{.name = "futex wait", .wait = futex_wait},
	{.name = "futex wait, woken", .wait = futex_wait_woken, .wake = wake_futex},
	{.name = "futex wait, absolute", .wait = futex_bitset_monotonic},
	{.name = "futex wait, absolute wall clock", .wait = futex_bitset_realtime},
	{.name = "futex lock with priority", .wait = lock_pi, .hold = hold_pi_futex, .wake = release_pi_futex},
	{.name = "futex_waitv", .prepare = prepare_waitv, .wait = futex_waitv_},
	{.name = "sigtimedwait", .prepare = block_wake_signal, .wait = sigtimedwait_},
	{.name = "sigwaitinfo", .prepare = block_wake_signal, .wait = sigwaitinfo_, .wake = wake_by_signal},
	{.name = "pause", .wait = pause_, .wake = wake_by_signal},
	{.name = "sigsuspend", .prepare = block_wake_signal, .wait = sigsuspend_, .wake = wake_by_signal},
	{0},
};
