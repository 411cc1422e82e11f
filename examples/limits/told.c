/*
 * Asks the kernel to be told when somebody sets the clock, as systemd does: a timer that is cancelled then. Each answer says
 * whether that has happened.
 */
#define _GNU_SOURCE
#include "limits.h"

#include <poll.h>
#include <stdint.h>
#include <sys/timerfd.h>

#define FAR 100000.0

int main(void)
{
	char line[16];
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	struct itimerspec at = {.it_value = to_timespec(wall() + FAR)};
	double origin = wall() - steady();

	if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL) < 0) {
		perror("timerfd_settime");
		return 1;
	}
	begin();
	while (asked(line, sizeof(line))) {
		struct pollfd cancelled = {.fd = fd, .events = POLLIN};

		printf("its clock: %.3f s\n", rounded(wall() - steady() - origin));
		printf("told of a step: %s\n", poll(&cancelled, 1, 500) > 0 ? "yes" : "no");
		answered();
	}
	return 0;
}
