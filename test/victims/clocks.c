/*
 * A victim that tells what its clocks say. Commands come on stdin, one per line, and each is answered by one
 * line of JSON on stdout; the end of stdin ends the program, so nothing is left behind by a test that dies.
 * The commands are listed in test/README.md.
 */
#define _GNU_SOURCE
#include "edges.h"
#include "family.h"
#include "readings.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define RELEASE_FD 3 /* the test's end of `hold` */

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static void serve(FILE *in, FILE *out);

/* The children that are forked from now on have their monotonic clocks ahead by so many seconds. */
static void answer_timens(long seconds, FILE *out)
{
	FILE *offsets;
	int failed = unshare(CLONE_NEWTIME);

	offsets = failed ? NULL : fopen("/proc/self/timens_offsets", "w");
	if (!offsets || fprintf(offsets, "monotonic %ld 0\nboottime %ld 0\n", seconds, seconds) < 0 || fclose(offsets)) {
		perror("timens");
		exit(1);
	}
	fprintf(out, "{\"pid\":%d}\n", getpid());
}

static void answer(const char *command, FILE *out)
{
	if (strcmp(command, "read") == 0)
		print_readings(out);
	else if (strcmp(command, "edges") == 0)
		print_edges(out);
	else if (strcmp(command, "fork") == 0)
		answer_fork(serve, out);
	else if (strncmp(command, "parent ", 7) == 0)
		answer_for_parent(command + 7, out);
	else if (strcmp(command, "leave") == 0)
		answer_leave(out);
	else if (strcmp(command, "zombie") == 0)
		fprintf(out, "{\"pid\":%d}\n", make_zombie());
	else if (strcmp(command, "thread") == 0)
		fprintf(out, "{\"tid\":%d}\n", start_sleeper());
	else if (strcmp(command, "undumpable") == 0)
		fprintf(out, "{\"failed\":%d}\n", prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
	else if (strncmp(command, "timens ", 7) == 0)
		answer_timens(strtol(command + 7, NULL, 10), out);
	else if (strcmp(command, "hold") == 0)
		fprintf(out, "{\"tid\":%d}\n", start_unstoppable(RELEASE_FD));
	else
		fprintf(out, "{\"error\":\"unknown command\"}\n");
	fflush(out);
}

static void serve(FILE *in, FILE *out)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, in) > 0) {
		line[strcspn(line, "\n")] = '\0';
		answer(line, out);
	}
	free(line);
}

int main(void)
{
	/* Where Yama limits tracing to ancestors: any process of the same user may trace us. */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	printf("{\"pid\":%d}\n", getpid());
	fflush(stdout);
	serve(stdin, stdout);
	return 0;
}
