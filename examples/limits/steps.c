/*
 * Reads its wall clock more than a thousand times a second, and notes when it sees it step: the last moment before, and the first
 * after, by CLOCK_MONOTONIC, which is the same for all processes. Tells both for each line, in µs, and looks for the
 * next step.
 */
#include "limits.h"

#include <math.h>
#include <poll.h>

#define STEP 1.0
#define PAUSE_NS 500000

int main(void)
{
	char line[16];
	struct pollfd input = {.fd = 0, .events = POLLIN};
	struct timespec pause = {.tv_nsec = PAUSE_NS};
	double origin = wall() - steady(), before = 0, after = 0;

	begin();
	for (;;) {
		double earlier = steady(), shown = wall(), later = steady();

		if (after == 0 && fabs(shown - earlier - origin) < STEP / 2)
			before = earlier;
		else if (after == 0)
			after = later;
		if (poll(&input, 1, 0) == 0) {
			nanosleep(&pause, NULL);
			continue;
		}
		if (!asked(line, sizeof(line)))
			return 0;
		printf("%.0f %.0f\n", before * 1e6, after * 1e6);
		answered();
		origin = wall() - steady();
		before = after = 0;
	}
}
