/* Waits for a priority-inheritance mutex that another thread holds, for 300 ms by its own wall clock. */
#include "limits.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define WAIT 0.3

static pthread_mutex_t mutex;

static void *hold(void *unused)
{
	pthread_mutex_lock(&mutex);
	for (;;)
		pause();
	return unused;
}

int main(void)
{
	char line[16];
	pthread_mutexattr_t attributes;
	pthread_t holder;

	pthread_mutexattr_init(&attributes);
	if (pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT) != 0)
		return 1;
	pthread_mutex_init(&mutex, &attributes);
	pthread_create(&holder, NULL, hold, NULL);
	while (pthread_mutex_trylock(&mutex) == 0) { /* the other one has not begun yet */
		pthread_mutex_unlock(&mutex);
		usleep(1000);
	}
	begin();
	while (asked(line, sizeof(line))) {
		double start = steady();
		struct timespec deadline = to_timespec(wall() + WAIT);
		int rc = pthread_mutex_timedlock(&mutex, &deadline);

		printf("%s: %.0f ms\n", strerror(rc), (steady() - start) * 1e3);
		answered();
	}
	return 0;
}
