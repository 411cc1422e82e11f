/*
 * A debugger that does nothing: `tracer PID` seizes the process without stopping it, says so with one line,
 * and lets go at the end of stdin.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>

int main(int argc, char **argv)
{
	if (argc != 2 || ptrace(PTRACE_SEIZE, atoi(argv[1]), 0, 0)) {
		perror("tracer PID");
		return 1;
	}
	puts("{\"tracing\":true}");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
