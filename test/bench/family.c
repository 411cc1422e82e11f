/*
 * A process and its children, to be skewed together: `family PROCESSES`. All of them sleep. Prints a line when everybody is
 * there. The children end with their parent, and that with its own, at the latest.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int processes = argc == 2 ? atoi(argv[1]) : 0;

	if (processes < 1) {
		fputs("usage: family PROCESSES\n", stderr);
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int child = 1; child < processes; child++) {
		pid_t parent = getpid(), pid = fork();

		if (pid < 0) {
			perror("fork");
			return 1;
		}
		if (pid > 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			for (;;)
				pause();
		_exit(0);
	}
	printf("{\"processes\": %d}\n", processes);
	fflush(stdout);
	for (;;)
		pause();
}
