/*
 * Stops and releases a whole process as tools do that attach to its threads one by one: `sequential PID [once]`.
 * PTRACE_ATTACH and a wait for each thread in turn, again for the threads that have come meanwhile, then a detach of each.
 * Answers each line on stdin with {"stopNs", "threads"} as JSON, or does it once and ends; the time goes from the first
 * attach to the last detach.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#define MOST_THREADS 65536
#define MOST_IDS 4194304 /* the kernel's limit */

static pid_t threads[MOST_THREADS];
static int count;
static unsigned char known[MOST_IDS];

static int64_t monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void attach(pid_t tid)
{
	int status;

	if (count == MOST_THREADS || ptrace(PTRACE_ATTACH, tid, 0, 0) < 0)
		return; /* ended meanwhile */
	while (waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status) && WSTOPSIG(status) != SIGSTOP)
		ptrace(PTRACE_CONT, tid, 0, (void *)(intptr_t)WSTOPSIG(status));
	threads[count++] = tid;
	known[tid] = 1;
}

/* Attaches to every thread that is new; answers how many. */
static int attach_all(const char *path)
{
	DIR *directory = opendir(path);
	int before = count;

	if (directory == NULL) {
		perror(path);
		exit(1);
	}
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		pid_t tid = atoi(entry->d_name);

		if (tid > 0 && tid < MOST_IDS && !known[tid])
			attach(tid);
	}
	closedir(directory);
	return count - before;
}

static void stop(const char *path)
{
	int64_t start = monotonic();

	count = 0;
	while (attach_all(path) > 0)
		;
	for (int i = 0; i < count; i++) {
		ptrace(PTRACE_DETACH, threads[i], 0, 0);
		known[threads[i]] = 0;
	}
	printf("{\"stopNs\": %lld, \"threads\": %d}\n", (long long)(monotonic() - start), count);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char path[64], line[64];

	if (argc != 2 && (argc != 3 || strcmp(argv[2], "once") != 0)) {
		fputs("usage: sequential PID [once]\n", stderr);
		return 2;
	}
	snprintf(path, sizeof(path), "/proc/%d/task", atoi(argv[1]));
	if (argc == 3) {
		stop(path);
		return 0;
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL)
		stop(path);
	return 0;
}
