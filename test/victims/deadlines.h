/*
 * What the files of deadlines.c share: one timed wait of one thread (a job), the kinds of wait there are, and what came
 * of a wait (an outcome). A kind computes its deadline as a program does, from the clock functions of its process.
 */
#ifndef TIMESKEW_VICTIM_DEADLINES_H
#define TIMESKEW_VICTIM_DEADLINES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
#define MOST_FRAMES 64

/* Which clock the kernel has to wait for, if it is told a deadline at all. */
enum deadline { RELATIVE, WALL, MONOTONIC };

/* The C library turns these deadlines into durations, by the clock that the program reads. */
#ifdef __GLIBC__
#define IN_LIBC(deadline) deadline
#else
#define IN_LIBC(deadline) RELATIVE
#endif

struct outcome {
	int result;               /* 0 or the errno */
	int64_t began, ended;     /* true CLOCK_MONOTONIC */
	int64_t cpu;              /* ns that the waiting thread has computed meanwhile */
	unsigned interrupted;     /* EINTR, after which the same deadline was waited for again */
	unsigned waits;           /* further ones, one after the other */
	unsigned nested;          /* waits of signal handlers above it */
	unsigned astray;          /* of both: those that were early, or late, or failed */
	unsigned cleanups;        /* of pthread_cleanup_push, when the wait was cancelled */
	unsigned destroyed;       /* C++ objects above the wait that were destroyed then */
	char unsupported[80];
};

struct job {
	const struct kind *kind;
	struct outcome *out;
	int64_t asked; /* how long the wait is to last, ns */
	int64_t slack; /* how far it may miss that, if it is one of many */
	int fd, peer;
	pthread_t other; /* a thread that holds something up */
	uint32_t word, second_word;
	void *memory;
	sem_t semaphore;
	union {
		struct {
			pthread_mutex_t mutex;
			pthread_cond_t condition;
		};
		pthread_rwlock_t rwlock;
		timer_t timer;
	};
};

struct kind {
	const char *name;
	enum deadline deadline;
	void (*prepare)(struct job *job); /* in the main thread: makes what is waited for, and holds it */
	int (*wait)(struct job *job);     /* returns 0 or the errno */
	void (*finish)(struct job *job);  /* in the main thread, when the wait has ended */
	int apart;                        /* takes its process for itself: signals, helper threads */
	const char *missing;              /* why there is no such kind here */
};

#ifdef __cplusplus
extern "C" {
#endif

/* Tables that end with a kind without a name. */
extern const struct kind sync_kinds[], sleep_kinds[], timer_kinds[], ipc_kinds[], futex_kinds[], cxx_kinds[];

/* The wait of a job is over before it has begun: this machine cannot do it. For `prepare`. */
void unsupported(struct job *job, const char *what);
/* `unsupported` if the call has failed. Gives back its result. */
long need(struct job *job, long result, const char *what);

/* Makes the wait; another file may put something between the thread and its wait. */
int make_wait(struct job *job);

#ifdef __cplusplus
}
#endif

static inline struct timespec timespec_of(int64_t ns)
{
	struct timespec ts = {(time_t)(ns / SECOND), (long)(ns % SECOND)};

	return ts;
}

/* When the wait has to end, by a clock as the program reads it. */
static inline struct timespec deadline_of(const struct job *job, clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return timespec_of(now.tv_sec * SECOND + now.tv_nsec + job->asked);
}

/* What a call returned that sets errno. */
static inline int error_of(long result)
{
	return result < 0 ? errno : 0;
}

/* Notes an interruption; whether there was one, so that the call is made again. */
static inline int was_interrupted(struct job *job, int error)
{
	if (error != EINTR)
		return 0;
	job->out->interrupted++;
	return 1;
}

/* The errno of a call, made with the same deadline as often as it is interrupted. */
#define UNINTERRUPTED(job, call)                          \
	({                                                \
		int error_;                               \
		do                                        \
			error_ = (call);                  \
		while (was_interrupted((job), error_));   \
		error_;                                   \
	})

#endif
