/*
 * A program that timers interrupt every 50 µs, while it computes and reads the clock: `timers WHICH STACK THREADS
 * OFFSET`. WHICH: `interval` (setitimer, SIGALRM), `timer` (timer_create, a real-time signal) or `both`. STACK: the
 * handlers run on the `plain` stack, on an `alternate` one, or `mixed`, SIGALRM's on the plain one and the other's
 * on an alternate one. Handlers and threads read the wall clock, which must be true or true plus OFFSET (in ns), and each
 * computes the same thing twice.
 *
 * Any line on stdin is answered by {"interval", "timer", "loops", "true", "skewed", "violations", "first"}: expirations,
 * rounds of computing, and readings by what they were. The end of stdin ends it.
 */
#define _GNU_SOURCE
#include "truth.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define PERIOD_US 50
#define TIMER_SIGNAL (SIGRTMIN + 1)
#define STACK_SIZE (64 * 1024)

static int64_t offset;
static _Atomic uint64_t intervals, timers, loops, true_readings, skewed_readings, violations;
static char first[160];

static int64_t ns_of(const struct timespec *ts)
{
	return ts->tv_sec * SECOND + ts->tv_nsec;
}

static void violate(const char *what, int64_t found)
{
	if (atomic_fetch_add(&violations, 1) == 0)
		snprintf(first, sizeof(first), "%s: %lld", what, (long long)found);
}

static void read_clock(const char *where)
{
	struct timespec before, value, after;
	int64_t low, high, read;

	true_clock(CLOCK_REALTIME, &before);
	if (clock_gettime(CLOCK_REALTIME, &value))
		violate("clock_gettime failed", errno);
	true_clock(CLOCK_REALTIME, &after);
	low = ns_of(&before);
	high = ns_of(&after);
	read = ns_of(&value);
	if (read >= low && read <= high)
		atomic_fetch_add(&true_readings, 1);
	else if (read - offset >= low && read - offset <= high)
		atomic_fetch_add(&skewed_readings, 1);
	else
		violate(where, read - low);
}

static void on_alarm(int signal)
{
	int saved = errno;

	(void)signal;
	read_clock("in SIGALRM's handler");
	atomic_fetch_add(&intervals, 1);
	errno = saved;
}

static void on_timer(int signal, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)signal;
	(void)context;
	read_clock("in the timer's handler");
	if (info->si_code != SI_TIMER || info->si_value.sival_int != 4711)
		violate("the timer's siginfo has code", info->si_code);
	atomic_fetch_add(&timers, 1);
	errno = saved;
}

/* In general and vector registers, so that a register that is not as it was makes a difference. */
static __attribute__((noinline)) double compute(uint64_t seed)
{
	double sum = 0;

	for (int i = 0; i < 2000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		sum += (double)(seed >> 40) / (double)(i + 1);
	}
	return sum;
}

static void compute_and_read(uint64_t seed)
{
	if (compute(seed) != compute(seed))
		violate("computed differently twice, with seed", (int64_t)seed);
	read_clock("in the program");
	atomic_fetch_add(&loops, 1);
}

static void use_alternate_stack(void)
{
	stack_t stack = {.ss_sp = malloc(STACK_SIZE), .ss_size = STACK_SIZE};

	sigaltstack(&stack, NULL);
}

static void *compute_on(void *unused)
{
	struct timespec rest = {0, 1000000};

	use_alternate_stack();
	for (uint64_t seed = 1;; seed++) {
		compute_and_read(seed);
		if (seed % 8 == 0)
			nanosleep(&rest, NULL);
	}
	return unused;
}

static void start_interval(void)
{
	struct itimerval every = {{0, PERIOD_US}, {0, PERIOD_US}};

	setitimer(ITIMER_REAL, &every, NULL);
}

static void start_timer(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = TIMER_SIGNAL};
	struct itimerspec every = {{0, PERIOD_US * 1000}, {0, PERIOD_US * 1000}};
	timer_t timer;

	event.sigev_value.sival_int = 4711;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &every, NULL)) {
		perror("timer_create");
		exit(1);
	}
}

static void start_timers(const char *which, const char *stack)
{
	int alternate = strcmp(stack, "alternate") == 0, mixed = strcmp(stack, "mixed") == 0;
	struct sigaction alarm = {.sa_handler = on_alarm, .sa_flags = SA_RESTART | (alternate ? SA_ONSTACK : 0)};
	struct sigaction timer = {.sa_sigaction = on_timer,
		.sa_flags = SA_RESTART | SA_SIGINFO | (alternate || mixed ? SA_ONSTACK : 0)};

	sigaction(SIGALRM, &alarm, NULL);
	sigaction(TIMER_SIGNAL, &timer, NULL);
	if (strcmp(which, "timer") != 0)
		start_interval();
	if (strcmp(which, "interval") != 0)
		start_timer();
}

/* Handlers use no stdio, so it may be used here. */
static void report(void)
{
	printf("{\"interval\":%llu,\"timer\":%llu,\"loops\":%llu,\"true\":%llu,\"skewed\":%llu,\"violations\":%llu,"
	       "\"first\":\"%s\"}\n",
		(unsigned long long)intervals, (unsigned long long)timers, (unsigned long long)loops,
		(unsigned long long)true_readings, (unsigned long long)skewed_readings,
		(unsigned long long)violations, first);
	while (fflush(stdout) && errno == EINTR)
		clearerr(stdout);
}

static void obey(void)
{
	char c;
	ssize_t got = read(STDIN_FILENO, &c, 1);

	if (got == 0)
		exit(0);
	if (got == 1 && c == '\n')
		report();
}

int main(int argc, char **argv)
{
	struct pollfd input = {STDIN_FILENO, POLLIN, 0};
	pthread_t thread;

	if (argc != 5) {
		fprintf(stderr, "usage: timers interval|timer|both plain|alternate|mixed THREADS OFFSET\n");
		return 1;
	}
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	offset = strtoll(argv[4], NULL, 10);
	use_alternate_stack();
	for (int i = 1; i < atoi(argv[3]); i++)
		pthread_create(&thread, NULL, compute_on, NULL);
	start_timers(argv[1], argv[2]);
	report();
	for (uint64_t seed = 1;; seed++) {
		compute_and_read(seed);
		/* Sometimes for nothing, sometimes asleep: the timers interrupt both. */
		while (poll(&input, 1, seed % 16 == 0) > 0)
			obey();
	}
}
