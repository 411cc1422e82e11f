/*
 * Each line is a number of ms: waits in sem_timedwait, until its own wall clock is as far, and tells how long that took and
 * what the clock shows then. "N rounds": as a careful program does it, again until its clock shows the deadline,
 * but not more than N times.
 */
#include "limits.h"

#include <semaphore.h>
#include <stdlib.h>

int main(void)
{
	char line[32];
	sem_t sem;

	sem_init(&sem, 0, 0);
	begin();
	while (asked(line, sizeof(line))) {
		char *rest;
		double ms = strtod(line, &rest), start = steady(), end = wall() + ms * 1e-3;
		struct timespec deadline = to_timespec(end);
		int rounds = 0, most = (int)strtol(rest, NULL, 10);

		printf("waits for %.0f ms\n", ms);
		fflush(stdout);
		do {
			sem_timedwait(&sem, &deadline);
			rounds++;
		} while (wall() < end && rounds < most);
		printf("waited: %.0f ms\n", (steady() - start) * 1e3);
		if (most > 0)
			printf("rounds: %d\n", rounds);
		printf("past the deadline by its clock: %.1f s\n", rounded(wall() - end));
		answered();
	}
	return 0;
}
