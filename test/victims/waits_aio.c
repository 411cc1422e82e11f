/* Kinds of wait for waits.c: the kernel's two interfaces for asynchronous input and output, by system calls. */
#include "waits.h"

#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef SYS_io_pgetevents
#define SYS_io_pgetevents 333
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#define SYS_io_uring_enter 426
#endif

static void make_context(struct job *job)
{
	aio_context_t context = 0;

	need(syscall(SYS_io_setup, 4, &context), "io_setup");
	job->id = (long)context;
	make_pipe(job);
}

/* An operation that ends at once. */
static void submit_ended(struct job *job)
{
	static char byte;
	int zero = memfd_create("waits", MFD_CLOEXEC);
	struct iocb read_now = {.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = (uint32_t)zero,
		.aio_buf = (uintptr_t)&byte, .aio_nbytes = 1};
	struct iocb *list = &read_now;

	make_context(job);
	need(syscall(SYS_io_submit, job->id, 1, &list), "io_submit");
}

static void io_getevents_(struct job *job)
{
	struct timespec asked = timespec_of(ASKED);
	struct io_event event = {0};

	CALL(job, SYS_io_getevents, job->id, 1, 1, &event, &asked);
	exactly(job, ns_of(&asked));
}

static void io_getevents_two(struct job *job)
{
	struct timespec asked = timespec_of(ASKED);
	struct io_event events[2] = {0};

	CALL(job, SYS_io_getevents, job->id, 2, 2, events, &asked);
}

static void io_pgetevents_(struct job *job)
{
	struct timespec asked = timespec_of(ASKED);
	struct io_event event = {0};
	sigset_t mask;
	struct {
		const sigset_t *set;
		size_t size;
	} argument = {&mask, 8};

	sigemptyset(&mask);
	CALL(job, SYS_io_pgetevents, job->id, 1, 1, &event, &asked, &argument);
}

/* ---- io_uring ------------------------------------------------------------------------------------------------ */

struct ring {
	struct io_uring_params params;
	void *rings;
	struct io_uring_sqe *entries;
};

static void make_ring(struct job *job)
{
	struct ring *ring = calloc(1, sizeof(*ring));
	size_t size;

	job->fd = (int)need(syscall(SYS_io_uring_setup, 4, &ring->params), "io_uring_setup");
	if (!(ring->params.features & IORING_FEAT_EXT_ARG)) {
		errno = ENOSYS;
		unsupported("timeouts of io_uring_enter");
	}
	size = ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, job->fd, IORING_OFF_SQ_RING);
	ring->entries = mmap(NULL, ring->params.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
		MAP_SHARED, job->fd, IORING_OFF_SQES);
	if (ring->rings == MAP_FAILED || ring->entries == MAP_FAILED)
		unsupported("mmap of a ring");
	job->memory = ring;
}

static unsigned *at(const struct ring *ring, unsigned offset)
{
	return (unsigned *)((char *)ring->rings + offset);
}

/* Puts a timeout of ASKED ns into the ring; it becomes a completion when it ends. */
static void queue_timeout(struct job *job, struct __kernel_timespec *asked)
{
	struct ring *ring = job->memory;
	unsigned tail = *at(ring, ring->params.sq_off.tail);

	ring->entries[0] = (struct io_uring_sqe){.opcode = IORING_OP_TIMEOUT, .fd = -1, .len = 1,
		.addr = (uintptr_t)asked, .user_data = 42};
	at(ring, ring->params.sq_off.array)[tail & (ring->params.sq_entries - 1)] = 0;
	__atomic_store_n(at(ring, ring->params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
}

static void note_completions(struct job *job)
{
	struct ring *ring = job->memory;
	struct io_uring_cqe *completions = (void *)at(ring, ring->params.cq_off.cqes);

	exactly(job, __atomic_load_n(at(ring, ring->params.cq_off.tail), __ATOMIC_ACQUIRE));
	exactly(job, (long long)completions[0].user_data);
	exactly(job, completions[0].res);
}

static void enter_with_timeout(struct job *job)
{
	struct __kernel_timespec asked = {ASKED / SECOND, 0};
	struct io_uring_getevents_arg argument = {.ts = (uintptr_t)&asked};

	CALL(job, SYS_io_uring_enter, job->fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &argument,
		sizeof(argument));
	note_completions(job);
}

static void enter_for_timeout(struct job *job)
{
	struct __kernel_timespec asked = {ASKED / SECOND, 0};

	queue_timeout(job, &asked);
	if (syscall(SYS_io_uring_enter, job->fd, 1, 0, 0, NULL, 0) != 1)
		abort();
	CALL(job, SYS_io_uring_enter, job->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 8);
	note_completions(job);
}

/* Submission and wait in one call: it answers 1 however the wait ends. */
static void submit_and_wait(struct job *job)
{
	struct __kernel_timespec asked = {ASKED / SECOND, 0};

	queue_timeout(job, &asked);
	CALL(job, SYS_io_uring_enter, job->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 8);
	note_completions(job);
}

const struct kind aio_kinds[] = {
	{.name = "io_getevents", .prepare = make_context, .wait = io_getevents_},
	{.name = "io_pgetevents", .prepare = make_context, .wait = io_pgetevents_},
	{.name = "io_getevents, half done", .prepare = submit_ended, .wait = io_getevents_two},
	{.name = "io_uring_enter, timed", .prepare = make_ring, .wait = enter_with_timeout},
	{.name = "io_uring_enter, for a timeout", .prepare = make_ring, .wait = enter_for_timeout},
	{.name = "io_uring_enter, half done", .prepare = make_ring, .wait = submit_and_wait},
	{0},
};
