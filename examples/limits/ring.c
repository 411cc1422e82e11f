/* Waits for 300 ms by its own wall clock: in sem_timedwait, and by a timeout of io_uring, whose deadline lies in memory. */
#define _GNU_SOURCE
#include "limits.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WAIT 0.3

static void require(const char *what, int holds)
{
	if (!holds) {
		printf("%s: %s\n", what, strerror(errno));
		fflush(stdout);
		exit(1);
	}
}

static void wait_in_sem_timedwait(void)
{
	struct timespec deadline = to_timespec(wall() + WAIT);
	sem_t sem;

	sem_init(&sem, 0, 0);
	sem_timedwait(&sem, &deadline);
}

struct ring {
	int fd;
	struct io_uring_params params;
	struct io_uring_sqe *entries;
	char *queues;
};

static struct ring open_ring(void)
{
	struct ring ring = {.fd = 0};

	ring.fd = (int)syscall(SYS_io_uring_setup, 1, &ring.params);
	require("cannot: io_uring", ring.fd >= 0); /* some kernels and containers forbid it */
	ring.queues = mmap(NULL, 1 << 14, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
	require("mmap", ring.queues != MAP_FAILED);
	ring.entries = mmap(NULL, sizeof(*ring.entries), PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQES);
	require("mmap", ring.entries != MAP_FAILED);
	return ring;
}

/* Submits one timeout, and waits until it has come. */
static void wait_in(const struct ring *ring)
{
	struct timespec at = to_timespec(wall() + WAIT);
	struct __kernel_timespec deadline = {at.tv_sec, at.tv_nsec};
	uint32_t *tail = (uint32_t *)(ring->queues + ring->params.sq_off.tail);
	uint32_t *head = (uint32_t *)(ring->queues + ring->params.cq_off.head);

	*ring->entries = (struct io_uring_sqe){.opcode = IORING_OP_TIMEOUT,
					       .fd = -1,
					       .addr = (uintptr_t)&deadline,
					       .len = 1,
					       .timeout_flags = IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME};
	((uint32_t *)(ring->queues + ring->params.sq_off.array))[0] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	require("io_uring_enter", syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1);
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
}

int main(void)
{
	char line[16];
	struct ring ring = open_ring();

	begin();
	while (asked(line, sizeof(line))) {
		double start = steady();

		wait_in_sem_timedwait();
		printf("sem_timedwait: %.0f ms\n", (steady() - start) * 1e3);
		start = steady();
		wait_in(&ring);
		printf("io_uring: %.0f ms\n", (steady() - start) * 1e3);
		answered();
	}
	return 0;
}
