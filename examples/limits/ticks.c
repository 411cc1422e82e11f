/*
 * Each line is a number of changes: reads its wall clock and the coarse one, until it has seen both jump so many times, and
 * tells how much later than the other each time the coarse one was the last.
 */
#define _GNU_SOURCE
#include "limits.h"

#include <stdbool.h>
#include <stdlib.h>

#define MOST 64

int main(void)
{
	char line[16];
	struct timespec tick;
	double origin = wall() - steady();

	clock_getres(CLOCK_REALTIME_COARSE, &tick);
	begin();
	while (asked(line, sizeof(line))) {
		int changes = atoi(line), seen = 0;
		double lag[MOST] = {0};
		bool was = wall() - steady() - origin > 1;

		while (seen < changes && seen < MOST) {
			double start, last, now;

			if ((wall() - steady() - origin > 1) == was)
				continue;
			start = last = now = steady();
			while ((read_clock(CLOCK_REALTIME_COARSE) - now - origin > 1) == was) {
				last = now;
				now = steady();
			}
			lag[seen++] = last - start;
			was = !was;
		}
		printf("a tick: %.1f ms\nlater by:", (double)tick.tv_nsec * 1e-6);
		for (int i = 0; i < seen; i++)
			printf(" %.1f", lag[i] * 1e3);
		puts(" ms");
		answered();
	}
	return 0;
}
