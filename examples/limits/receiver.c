/*
 * receiver recv|poll|threads: each line is a number of ms; waits as long for a datagram that never comes: by SO_RCVTIMEO, by
 * the timeout of poll(), or by SO_RCVTIMEO while another thread is in poll().
 */
#include "limits.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int sockets[2];

static void *poll_for_ever(void *unused)
{
	struct pollfd none = {.fd = -1};

	poll(&none, 1, -1);
	return unused;
}

static void wait_by_option(int ms)
{
	struct timeval timeout = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	char byte;

	setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	recv(sockets[0], &byte, 1, 0);
}

static void wait_by_argument(int ms)
{
	struct pollfd readable = {.fd = sockets[0], .events = POLLIN};

	poll(&readable, 1, ms);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "recv";
	int by_argument = strcmp(how, "poll") == 0;
	pthread_t other;
	char line[16];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets) < 0)
		return 1;
	if (strcmp(how, "threads") == 0)
		pthread_create(&other, NULL, poll_for_ever, NULL);
	begin();
	while (asked(line, sizeof(line))) {
		int ms = atoi(line);
		double start = steady();

		puts("waits");
		fflush(stdout);
		if (by_argument)
			wait_by_argument(ms);
		else
			wait_by_option(ms);
		printf("%s of %d ms: %.0f ms\n", by_argument ? "poll" : "recv", ms, (steady() - start) * 1e3);
		answered();
	}
	return 0;
}
