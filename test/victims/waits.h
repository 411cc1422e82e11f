/*
 * What the files of waits.c share: one blocking call of one thread (a job), the kinds of call there are, and what
 * came of a call (an outcome, in memory that the launcher sees).
 */
#ifndef TIMESKEW_VICTIM_WAITS_H
#define TIMESKEW_VICTIM_WAITS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "truth.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define ASKED (2 * SECOND)      /* how long every call lasts, by its own timeout or because it is woken then */
#define PLENTY (5 * ASKED)      /* the timeout of calls that have one and are woken before it */
#define EXACT 4
#define NOTHING_REMAINS INT64_MIN /* the call leaves no remaining time */

#define WAKE_SIGNAL SIGUSR2 /* ends a call with EINTR, or is what it waits for */

struct outcome {
	pid_t tid;
	long result;
	int error;
	int64_t began, ended;     /* CLOCK_MONOTONIC, true */
	int64_t remaining;        /* what the call wrote as remaining time, in ns */
	int exact_count;          /* further out-parameters, to be compared exactly */
	long long exact[EXACT];
	atomic_uint word;         /* a futex, for those that wait for one or for a word of the waker's */
	atomic_uint waker_ready;
	atomic_uint handled;      /* signals that reached a handler of the thread */
};

struct job {
	const struct kind *kind;
	struct outcome *out;
	pid_t waker;
	int fd, peer, other;      /* −1 where unused; closed by the end of the process */
	long id;                  /* a System V id, or a kernel handle */
	void *memory;
};

struct kind {
	const char *name;
	void (*prepare)(struct job *job); /* in the victim, before its threads start */
	void (*hold)(struct job *job);    /* in the waker, before the call begins */
	void (*wake)(struct job *job);    /* in the waker, ASKED ns after the start; NULL: the call has a timeout */
	void (*wait)(struct job *job);    /* the call itself, in its thread */
	void (*finish)(struct job *job);  /* in the thread, afterwards */
};

/* Tables that end with a kind without a name. */
extern const struct kind poll_kinds[], sleep_kinds[], socket_kinds[], ipc_kinds[], file_kinds[], aio_kinds[];

/* Ends the victim with a reason: the machine cannot do this kind. */
void unsupported(const char *what) __attribute__((noreturn));

/* Ends the victim if `failed`: this machine's kernel may lack the call. Gives back the result. */
long need(long result, const char *what);

static inline struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){ns / SECOND, ns % SECOND};
}

static inline int64_t ns_of(const struct timespec *ts)
{
	return ts->tv_sec * SECOND + ts->tv_nsec;
}

/* Makes the system call, between two readings of the true time. */
#define CALL(job, ...)                                                                             \
	do {                                                                                       \
		(job)->out->began = true_time(CLOCK_MONOTONIC);                                    \
		errno = 0;                                                                         \
		(job)->out->result = syscall(__VA_ARGS__);                                         \
		(job)->out->error = errno;                                                         \
		(job)->out->ended = true_time(CLOCK_MONOTONIC);                                    \
	} while (0)

/* Notes an out-parameter. */
static inline void exactly(struct job *job, long long value)
{
	job->out->exact[job->out->exact_count++] = value;
}

/* Waits until the word is no longer `old`. */
void await_change(atomic_uint *word, unsigned old);
/* Sets it, and wakes whoever waits for it. */
void announce(atomic_uint *word, unsigned value);

void make_pipe(struct job *job);          /* fd to read from, peer to write to */
void make_socket_pair(struct job *job, int type);
void wake_by_byte(struct job *job);       /* writes one byte to the peer */
void wake_by_signal(struct job *job);     /* queues WAKE_SIGNAL with value 7 to the waiting thread */

#endif
