/*
 * A process under a seccomp filter that kills it for mmap and munmap: `sandbox process|thread`. With `thread` only
 * its second thread has the filter: the main thread's status does not tell, and the filtered thread, which sleeps in
 * a system call, is the likeliest one to make ours.
 *
 * Each line on stdin is answered with its wall clock between two true times, as one line of JSON. The end of stdin
 * ends it.
 */
#define _GNU_SOURCE
#include "truth.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void enter_sandbox(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_munmap, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("prctl");
		exit(1);
	}
}

/* In a system call for ever: the thread that a remote call would be made by. */
static void *wait_in_sandbox(void *entered)
{
	enter_sandbox();
	pthread_barrier_wait(entered);
	while (pause() < 0)
		;
	return NULL;
}

/* Answers until the end of stdin, which ends the program. */
static void *answer(void *unused)
{
	struct timespec before, value, after;

	(void)unused;
	for (int c; (c = getchar()) != EOF;) {
		if (c != '\n')
			continue;
		true_clock(CLOCK_REALTIME, &before);
		clock_gettime(CLOCK_REALTIME, &value);
		true_clock(CLOCK_REALTIME, &after);
		printf("{\"name\":\"CLOCK_REALTIME\",\"unit\":1,\"rc\":0,\"errno\":0,\"before\":[%ld,%ld],"
		       "\"value\":[%ld,%ld],\"after\":[%ld,%ld]}\n",
			(long)before.tv_sec, before.tv_nsec, (long)value.tv_sec, value.tv_nsec, (long)after.tv_sec,
			after.tv_nsec);
	}
	exit(0);
}

int main(int argc, char **argv)
{
	pthread_barrier_t entered;
	pthread_t thread;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	setvbuf(stdout, NULL, _IOLBF, 4096);
	printf("{\"pid\":%d}\n", getpid()); /* also lets stdio allocate what it needs */
	if (argc == 2 && strcmp(argv[1], "process") == 0) {
		enter_sandbox();
		answer(NULL);
	}
	pthread_barrier_init(&entered, NULL, 2);
	pthread_create(&thread, NULL, wait_in_sandbox, &entered);
	pthread_barrier_wait(&entered);
	pthread_create(&thread, NULL, answer, NULL);
	for (volatile unsigned long turns = 0;; turns++)
		; /* never in a system call, as the filtered thread always is */
}
