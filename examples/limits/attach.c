/* attach PID: attaches to a process as debuggers do, and lets it go. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>

int main(int argc, char **argv)
{
	int pid = argc > 1 ? atoi(argv[1]) : 0;
	long rc = ptrace(PTRACE_SEIZE, pid, NULL, NULL);

	printf("PTRACE_SEIZE: %s\n", rc == 0 ? "done" : strerror(errno));
	fflush(stdout);
	getchar(); /* until stdin ends, and with it this process: then the kernel detaches */
	return rc == 0 ? 0 : 1;
}
