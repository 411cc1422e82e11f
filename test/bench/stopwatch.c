/*
 * Runs a command and says how long it took: `stopwatch PROGRAM ARGUMENT…` prints {"wallNs", "cpuNs", "status"} as
 * JSON. The wall time goes from before the fork to after the wait; the CPU time is the command's own, user and
 * system, and is what remains comparable on a busy machine. The command's stdout goes to descriptor 3, if that is
 * open, and is dropped otherwise.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int64_t nanoseconds(struct timeval tv)
{
	return tv.tv_sec * INT64_C(1000000000) + tv.tv_usec * INT64_C(1000);
}

static void become(char **command)
{
	int output = fcntl(3, F_GETFD) == -1 ? open("/dev/null", O_WRONLY) : 3;

	dup2(output, STDOUT_FILENO);
	close(output);
	execv(command[0], command);
	perror(command[0]);
	_exit(127);
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int64_t start = monotonic();
	int status;
	pid_t child;

	if (argc < 2) {
		fputs("usage: stopwatch PROGRAM ARGUMENT…\n", stderr);
		return 2;
	}
	child = fork();
	if (child == 0)
		become(argv + 1);
	if (child < 0 || wait4(child, &status, 0, &usage) != child) {
		perror("stopwatch");
		return 1;
	}
	printf("{\"wallNs\": %lld, \"cpuNs\": %lld, \"status\": %d}\n", (long long)(monotonic() - start),
		(long long)(nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime)),
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
