/*
 * A process of many threads, to be stopped: `crowd THREADS sleep|read`. All of them sleep in the kernel, or do
 * nothing but read CLOCK_REALTIME. Prints a line when every thread is at it. Ends with its parent, at the latest.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define STACK (64 * 1024)

static pthread_barrier_t everyone;
static int sleeping;

static void loiter(void)
{
	struct timespec ts;

	for (;;) {
		if (sleeping)
			pause();
		else
			clock_gettime(CLOCK_REALTIME, &ts);
	}
}

static void *worker(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&everyone);
	loiter();
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc == 3 ? atoi(argv[1]) : 0;
	pthread_attr_t attributes;
	pthread_t thread;

	if (threads < 1 || (strcmp(argv[2], "sleep") != 0 && strcmp(argv[2], "read") != 0)) {
		fputs("usage: crowd THREADS sleep|read\n", stderr);
		return 2;
	}
	sleeping = strcmp(argv[2], "sleep") == 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The tracer of a command line is no ancestor of ours: Yama's scope 1 wants it permitted. */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);

	pthread_barrier_init(&everyone, NULL, (unsigned)threads);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	for (int i = 1; i < threads; i++) {
		if (pthread_create(&thread, &attributes, worker, NULL) != 0) {
			perror("crowd: pthread_create");
			return 1;
		}
	}
	pthread_barrier_wait(&everyone);
	puts("ready");
	fflush(stdout);
	loiter(); /* the main thread is one of them */
	return 0;
}
