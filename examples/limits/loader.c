/*
 * loader LIBRARY [later]: loads library.c at its start, or before its first answer. Each answer: the wall clock that the
 * library reads, and how long a wait of 300 ms by that clock takes in libc, and in the library.
 */
#define _GNU_SOURCE
#include "limits.h"

#include <dlfcn.h>
#include <stdlib.h>

#define WAIT 0.3

static void (*sleep_until)(const struct timespec *deadline);
static double (*library_clock)(void);

static void load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);

	if (library == NULL) {
		puts(dlerror());
		exit(1);
	}
	*(void **)&sleep_until = dlsym(library, "sleep_until");
	*(void **)&library_clock = dlsym(library, "library_clock");
}

int main(int argc, char **argv)
{
	char line[16];
	double origin = wall() - steady();

	if (argc == 2)
		load(argv[1]);
	begin();
	while (asked(line, sizeof(line))) {
		struct timespec deadline;
		double start;

		if (sleep_until == NULL)
			load(argv[1]);
		printf("its clock: %.3f s\n", rounded(library_clock() - steady() - origin));
		start = steady();
		deadline = to_timespec(wall() + WAIT);
		clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &deadline, NULL);
		printf("a wait in libc: %.0f ms\n", (steady() - start) * 1e3);
		start = steady();
		deadline = to_timespec(wall() + WAIT);
		sleep_until(&deadline);
		printf("a wait in the library: %.0f ms\n", (steady() - start) * 1e3);
		answered();
	}
	return 0;
}
