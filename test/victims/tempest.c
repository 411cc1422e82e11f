/*
 * A victim in a storm of signals: `tempest OFFSET…`. Two threads read the clock without a pause, SIGALRM comes every
 * 100 µs and its handler reads the clock as well, on an alternate stack, and each of the two is sent numbered
 * real-time signals, of which none may be lost, repeated or late.
 *
 * The one command on stdin is `settle`: waits until each thread has had signals and has read the clock since, and
 * answers as hammer.c does. The end of stdin ends the program.
 */
#define _GNU_SOURCE
#include "verdict.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define READERS 2
#define INTERVAL_US 100
#define NUMBERED (SIGRTMIN + 3)
#define MOST_PENDING 32
#define STACK (64 * 1024)

struct reader {
	pthread_t thread;
	struct verdict *verdict;
	_Atomic unsigned sent, received, rounds;
	char stack[STACK];
};

static struct reader readers[READERS];
static struct verdict verdicts[READERS];
static _Atomic unsigned alarms;
static __thread struct reader *self;

static void on_alarm(int signal)
{
	int error = errno;

	(void)signal;
	atomic_fetch_add(&alarms, 1);
	verdict_read(self->verdict);
	errno = error;
}

static void on_number(int signal, siginfo_t *info, void *context)
{
	int error = errno;
	unsigned expected = atomic_fetch_add(&self->received, 1) + 1;

	(void)signal;
	(void)context;
	if (info->si_code != SI_QUEUE || info->si_pid != getpid() || (unsigned)info->si_value.sival_int != expected)
		verdict_violation(self->verdict, "signal %d came where %u was due", info->si_value.sival_int, expected);
	verdict_read(self->verdict);
	errno = error;
}

static void *read_clocks(void *argument)
{
	stack_t alternate = {.ss_size = STACK};
	sigset_t ours;

	self = argument;
	alternate.ss_sp = self->stack;
	sigaltstack(&alternate, NULL);
	sigemptyset(&ours);
	sigaddset(&ours, SIGALRM);
	sigaddset(&ours, NUMBERED);
	pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
	for (;;) {
		verdict_read(self->verdict);
		atomic_fetch_add(&self->rounds, 1);
	}
	return NULL;
}

/* Queued to one thread each, so their order is the kernel's promise. */
static void *send_numbers(void *argument)
{
	(void)argument;
	for (;;) {
		for (int i = 0; i < READERS; i++) {
			struct reader *to = &readers[i];
			union sigval number = {.sival_int = (int)(atomic_load(&to->sent) + 1)};

			if (atomic_load(&to->sent) - atomic_load(&to->received) >= MOST_PENDING)
				continue;
			if (pthread_sigqueue(to->thread, NUMBERED, number) == 0)
				atomic_fetch_add(&to->sent, 1);
		}
		usleep(INTERVAL_US);
	}
	return NULL;
}

static void settle(void)
{
	unsigned alarm = atomic_load(&alarms);

	verdict_new_epoch(verdicts, READERS);
	while (atomic_load(&alarms) - alarm < 8)
		usleep(200);
	for (int i = 0; i < READERS; i++) {
		unsigned rounds = atomic_load(&readers[i].rounds), sent = atomic_load(&readers[i].sent);

		while (atomic_load(&readers[i].rounds) - rounds < 8 || (int)(atomic_load(&readers[i].received) - sent) < 4)
			usleep(200);
	}
}

static void tempest_begins(void)
{
	struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_RESTART | SA_ONSTACK};
	struct itimerval often = {{0, INTERVAL_US}, {0, INTERVAL_US}};

	sigaction(SIGALRM, &act, NULL);
	act.sa_sigaction = on_number;
	act.sa_flags |= SA_SIGINFO;
	sigaction(NUMBERED, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

int main(int argc, char **argv)
{
	pthread_t sender;
	sigset_t all;
	char line[64];

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	verdict_offsets(argc - 1, argv + 1);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	tempest_begins();
	for (int i = 0; i < READERS; i++) {
		readers[i].verdict = &verdicts[i];
		if (pthread_create(&readers[i].thread, NULL, read_clocks, &readers[i]))
			return 1;
	}
	if (pthread_create(&sender, NULL, send_numbers, NULL))
		return 1;
	printf("{\"pid\":%d}\n", getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		settle();
		verdict_report(verdicts, READERS);
	}
	return 0;
}
