/* Kinds of wait for deadlines.c: semaphores, locks, condition variables and threads, by POSIX's and C11's functions. */
#include "deadlines.h"

#include <stdlib.h>
#include <threads.h>

/* ---- semaphores --------------------------------------------------------------------------------------------- */

static void make_semaphore(struct job *job)
{
	sem_init(&job->semaphore, 0, 0);
}

static int sem_timedwait_(struct job *job)
{
	struct timespec until = deadline_of(job, CLOCK_REALTIME);

	return UNINTERRUPTED(job, error_of(sem_timedwait(&job->semaphore, &until)));
}

/* ---- mutexes ------------------------------------------------------------------------------------------------ */

static void make_mutex(struct job *job)
{
	pthread_mutex_init(&job->mutex, NULL);
	pthread_mutex_lock(&job->mutex);
}

static void make_heir(struct job *job)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	if (pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT) ||
	    pthread_mutex_init(&job->mutex, &attributes)) {
		unsupported(job, "mutexes with priority inheritance");
		return;
	}
	pthread_mutex_lock(&job->mutex);
}

static void free_mutex(struct job *job)
{
	pthread_mutex_unlock(&job->mutex);
	pthread_mutex_destroy(&job->mutex);
}

static int mutex_timedlock(struct job *job)
{
	struct timespec until = deadline_of(job, CLOCK_REALTIME);

	return pthread_mutex_timedlock(&job->mutex, &until);
}

/* ---- condition variables ------------------------------------------------------------------------------------ */

static void make_condition_of(struct job *job, clockid_t clock)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, clock);
	pthread_mutex_init(&job->mutex, NULL);
	pthread_cond_init(&job->condition, &attributes);
}

static void make_condition(struct job *job)
{
	make_condition_of(job, CLOCK_REALTIME);
}

static void make_monotonic_condition(struct job *job)
{
	make_condition_of(job, CLOCK_MONOTONIC);
}

static void unlock(void *mutex)
{
	pthread_mutex_unlock(mutex);
}

/* It may wake without cause: the program waits on. */
#define WAIT_FOR_CONDITION(job, call)                        \
	({                                                   \
		int result_;                                 \
		pthread_mutex_lock(&(job)->mutex);           \
		pthread_cleanup_push(unlock, &(job)->mutex); \
		do                                           \
			result_ = (call);                    \
		while (result_ == 0);                        \
		pthread_cleanup_pop(1);                      \
		result_;                                     \
	})

static int cond_timedwait_by(struct job *job, clockid_t clock)
{
	struct timespec until = deadline_of(job, clock);

	return WAIT_FOR_CONDITION(job, pthread_cond_timedwait(&job->condition, &job->mutex, &until));
}

static int cond_timedwait(struct job *job)
{
	return cond_timedwait_by(job, CLOCK_REALTIME);
}

static int cond_timedwait_monotonic(struct job *job)
{
	return cond_timedwait_by(job, CLOCK_MONOTONIC);
}

/* ---- readers' and writers' locks ------------------------------------------------------------------------------ */

static void make_rwlock(struct job *job)
{
	pthread_rwlock_init(&job->rwlock, NULL);
	pthread_rwlock_wrlock(&job->rwlock);
}

static void free_rwlock(struct job *job)
{
	pthread_rwlock_unlock(&job->rwlock);
	pthread_rwlock_destroy(&job->rwlock);
}

static int rwlock_timedrdlock(struct job *job)
{
	struct timespec until = deadline_of(job, CLOCK_REALTIME);

	return pthread_rwlock_timedrdlock(&job->rwlock, &until);
}

static int rwlock_timedwrlock(struct job *job)
{
	struct timespec until = deadline_of(job, CLOCK_REALTIME);

	return pthread_rwlock_timedwrlock(&job->rwlock, &until);
}

/* ---- C11 ---------------------------------------------------------------------------------------------------- */

struct c11 {
	mtx_t mutex;
	cnd_t condition;
};

static struct timespec c11_deadline(const struct job *job)
{
	struct timespec now;

	timespec_get(&now, TIME_UTC);
	return timespec_of(now.tv_sec * SECOND + now.tv_nsec + job->asked);
}

static void make_c11(struct job *job)
{
	struct c11 *c11 = job->memory = calloc(1, sizeof(*c11));

	if (!c11)
		abort();
	mtx_init(&c11->mutex, mtx_timed);
	cnd_init(&c11->condition);
}

static void make_c11_locked(struct job *job)
{
	make_c11(job);
	mtx_lock(&((struct c11 *)job->memory)->mutex);
}

static void free_c11(struct job *job)
{
	free(job->memory);
}

static void free_c11_locked(struct job *job)
{
	mtx_unlock(&((struct c11 *)job->memory)->mutex);
	free_c11(job);
}

static int from_c11(int result)
{
	return result == thrd_success ? 0 : result == thrd_timedout ? ETIMEDOUT : EIO;
}

static int cnd_timedwait_(struct job *job)
{
	struct c11 *c11 = job->memory;
	struct timespec until = c11_deadline(job);
	int result;

	mtx_lock(&c11->mutex);
	do
		result = cnd_timedwait(&c11->condition, &c11->mutex, &until);
	while (result == thrd_success);
	mtx_unlock(&c11->mutex);
	return from_c11(result);
}

static int mtx_timedlock_(struct job *job)
{
	struct timespec until = c11_deadline(job);

	return from_c11(mtx_timedlock(&((struct c11 *)job->memory)->mutex, &until));
}

/* ---- threads -------------------------------------------------------------------------------------------------- */

static void *wait_for_post(void *semaphore)
{
	while (sem_wait(semaphore))
		;
	return NULL;
}

static void make_thread(struct job *job)
{
	sem_init(&job->semaphore, 0, 0);
	need(job, -pthread_create(&job->other, NULL, wait_for_post, &job->semaphore), "pthread_create");
}

static void end_thread(struct job *job)
{
	sem_post(&job->semaphore);
	pthread_join(job->other, NULL);
}

static int timedjoin(struct job *job)
{
	struct timespec until = deadline_of(job, CLOCK_REALTIME);

	return pthread_timedjoin_np(job->other, NULL, &until);
}

/* ---- with a clock of the caller's choice ------------------------------------------------------------------------ */

#ifdef __GLIBC__
static int sem_clockwait_by(struct job *job, clockid_t clock)
{
	struct timespec until = deadline_of(job, clock);

	return UNINTERRUPTED(job, error_of(sem_clockwait(&job->semaphore, clock, &until)));
}

static int mutex_clocklock_by(struct job *job, clockid_t clock)
{
	struct timespec until = deadline_of(job, clock);

	return pthread_mutex_clocklock(&job->mutex, clock, &until);
}

static int cond_clockwait_by(struct job *job, clockid_t clock)
{
	struct timespec until = deadline_of(job, clock);

	return WAIT_FOR_CONDITION(job, pthread_cond_clockwait(&job->condition, &job->mutex, clock, &until));
}

static int rwlock_clockrdlock_by(struct job *job, clockid_t clock)
{
	struct timespec until = deadline_of(job, clock);

	return pthread_rwlock_clockrdlock(&job->rwlock, clock, &until);
}

static int rwlock_clockwrlock_by(struct job *job, clockid_t clock)
{
	struct timespec until = deadline_of(job, clock);

	return pthread_rwlock_clockwrlock(&job->rwlock, clock, &until);
}

static int clockjoin_by(struct job *job, clockid_t clock)
{
	struct timespec until = deadline_of(job, clock);

	return pthread_clockjoin_np(job->other, NULL, clock, &until);
}

#define BY_BOTH_CLOCKS(name)                              \
	static int name##_wall(struct job *job)           \
	{                                                 \
		return name##_by(job, CLOCK_REALTIME);    \
	}                                                 \
	static int name##_monotonic(struct job *job)      \
	{                                                 \
		return name##_by(job, CLOCK_MONOTONIC);   \
	}

BY_BOTH_CLOCKS(sem_clockwait)
BY_BOTH_CLOCKS(mutex_clocklock)
BY_BOTH_CLOCKS(cond_clockwait)
BY_BOTH_CLOCKS(rwlock_clockrdlock)
BY_BOTH_CLOCKS(rwlock_clockwrlock)
BY_BOTH_CLOCKS(clockjoin)

#define BOTH_KINDS(name, make, wait, free)                                       \
	{name ", CLOCK_REALTIME", WALL, make, wait##_wall, free, 0, NULL},       \
	{name ", CLOCK_MONOTONIC", MONOTONIC, make, wait##_monotonic, free, 0, NULL}
#else
#define BOTH_KINDS(name, make, wait, free)                                                                 \
	{name ", CLOCK_REALTIME", WALL, NULL, NULL, NULL, 0, "this C library has no " name},               \
	{name ", CLOCK_MONOTONIC", MONOTONIC, NULL, NULL, NULL, 0, "this C library has no " name}
#endif

const struct kind sync_kinds[] = {
	{"sem_timedwait", IN_LIBC(WALL), make_semaphore, sem_timedwait_, NULL, 0, NULL},
	{"pthread_mutex_timedlock", IN_LIBC(WALL), make_mutex, mutex_timedlock, free_mutex, 0, NULL},
	{"pthread_mutex_timedlock, PI", WALL, make_heir, mutex_timedlock, free_mutex, 0, NULL},
	{"pthread_cond_timedwait", IN_LIBC(WALL), make_condition, cond_timedwait, NULL, 0, NULL},
	{"pthread_cond_timedwait, CLOCK_MONOTONIC", IN_LIBC(MONOTONIC), make_monotonic_condition,
		cond_timedwait_monotonic, NULL, 0, NULL},
	{"pthread_rwlock_timedrdlock", IN_LIBC(WALL), make_rwlock, rwlock_timedrdlock, free_rwlock, 0, NULL},
	{"pthread_rwlock_timedwrlock", IN_LIBC(WALL), make_rwlock, rwlock_timedwrlock, free_rwlock, 0, NULL},
	{"cnd_timedwait", IN_LIBC(WALL), make_c11, cnd_timedwait_, free_c11, 0, NULL},
	{"mtx_timedlock", IN_LIBC(WALL), make_c11_locked, mtx_timedlock_, free_c11_locked, 0, NULL},
	{"pthread_timedjoin_np", IN_LIBC(WALL), make_thread, timedjoin, end_thread, 0, NULL},
	BOTH_KINDS("sem_clockwait", make_semaphore, sem_clockwait, NULL),
	BOTH_KINDS("pthread_mutex_clocklock", make_mutex, mutex_clocklock, free_mutex),
	BOTH_KINDS("pthread_mutex_clocklock of PI", make_heir, mutex_clocklock, free_mutex),
	BOTH_KINDS("pthread_cond_clockwait", make_condition, cond_clockwait, NULL),
	BOTH_KINDS("pthread_rwlock_clockrdlock", make_rwlock, rwlock_clockrdlock, free_rwlock),
	BOTH_KINDS("pthread_rwlock_clockwrlock", make_rwlock, rwlock_clockwrlock, free_rwlock),
	BOTH_KINDS("pthread_clockjoin_np", make_thread, clockjoin, end_thread),
	{0},
};
