/*
 * Many threads, each interrupted every 50 µs by a handler that makes translated calls, too, while the settings change
 * all the time: what the kernel was told is always the caller's own deadline, by one of the settings.
 */
#define _GNU_SOURCE
#include "calls.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 8
#define PERIOD 50000 /* ns */
#define LASTS (4 * SECOND)
#define KEYS 64 /* stack pointers of each thread: twice as many in all as there are places */

#define WORLD(clocks, ns, profile) \
	{.selected = clocks, .offset = ns, .multiplier = 1, .divisor = 1, .as_profile = profile}

static const struct world worlds[] = {
	WORLD(1u << CLOCK_MONOTONIC, -600 * SECOND, 0),
	WORLD(1u << CLOCK_MONOTONIC, 600 * SECOND + 1, 1),
	WORLD(1u << CLOCK_REALTIME, 77 * SECOND, 0), /* not the clock of the calls */
	WORLD(1u << CLOCK_MONOTONIC, -1750 * MILLISECOND, 0),
	WORLD(1u << CLOCK_MONOTONIC, -2 * SECOND - 3, 1),
	WORLD(0, 0, 0),
};

/* In a handler, a thread calls from another stack than below it. */
struct thread {
	struct caller callers[2];
	timer_t timer;
	unsigned number, handled;
	uint64_t calls[2], in_place, made;
	pthread_t thread;
};

static struct thread threads[THREADS];
static atomic_int over;
static uint32_t word;

/* A deadline like no other; far from 0 by any settings. */
static struct timespec own_deadline(const struct thread *thread, int level)
{
	uint64_t count = thread->calls[level];

	return (struct timespec){100000 + (int64_t)(count % 1000000), thread->number * 100 + (unsigned)level * 10000000};
}

static int is_translation(const struct timespec *told, const struct timespec *asked)
{
	for (unsigned i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++) {
		int64_t offset = worlds[i].selected >> CLOCK_MONOTONIC & 1 ? worlds[i].offset : 0;

		if (told->tv_sec * SECOND + told->tv_nsec == asked->tv_sec * SECOND + asked->tv_nsec - offset)
			return 1;
	}
	return 0;
}

/* The futex has another value, so nobody waits; the answer tells that the kernel has looked at the timespec. */
static void call_once(struct thread *thread, int level)
{
	struct caller *caller = &thread->callers[level];
	struct timespec asked = own_deadline(thread, level);
	uint64_t count = thread->calls[level]++;
	const struct timespec *told;
	long result;

	caller->free = count % 7 ? ALL_FREE : 0;
	caller->misaligned = (unsigned)(count % KEYS) * 24;
	result = make_call(caller, SYS_futex, ARGS(P(&word), FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 1, P(&asked), 0,
		FUTEX_BITSET_MATCH_ANY));
	check(result == -EAGAIN, "the result is %ld", result);
	if (!caller->changed) {
		thread->made++;
		return;
	}
	thread->in_place++;
	told = (const struct timespec *)caller->argument[3];
	check(is_translation(told, &asked), "asked for %ld s %ld ns, told %ld s %ld ns", asked.tv_sec, asked.tv_nsec,
		told->tv_sec, told->tv_nsec);
}

static __thread struct thread *self;

static void on_tick(int signal)
{
	(void)signal;
	self->handled++;
	call_once(self, 1);
}

static void *run(void *context)
{
	struct itimerspec ticks = {{0, PERIOD}, {0, PERIOD}}, none = {{0, 0}, {0, 0}};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};

	self = context;
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	looking_at("a thread in the storm");
	check(timer_create(CLOCK_MONOTONIC, &event, &self->timer) == 0, "timer_create");
	timer_settime(self->timer, 0, &ticks, NULL);
	while (!over)
		call_once(self, 0);
	timer_settime(self->timer, 0, &none, NULL);
	return NULL;
}

void storm(void)
{
	struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
	int64_t end = true_now(CLOCK_MONOTONIC) + LASTS;
	uint64_t calls = 0, handled = 0, in_place = 0, made = 0, changes = 0;

	sigaction(SIGUSR1, &action, NULL);
	set_world(&worlds[0]);
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i].number = i;
		pthread_create(&threads[i].thread, NULL, run, &threads[i]);
	}
	while (true_now(CLOCK_MONOTONIC) < end) {
		set_world(&worlds[changes++ % (sizeof(worlds) / sizeof(worlds[0]))]);
		if (changes % 64 == 0)
			usleep(100);
	}
	over = 1;
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i].thread, NULL);
		calls += threads[i].calls[0] + threads[i].calls[1];
		handled += threads[i].handled;
		in_place += threads[i].in_place;
		made += threads[i].made;
	}
	tell("\"calls\":%lu,\"handled\":%lu,\"inPlace\":%lu,\"others\":%lu,\"changes\":%lu", calls, handled, in_place, made,
		changes);
}
