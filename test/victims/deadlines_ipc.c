/* Kinds of wait for deadlines.c: message queues, System V semaphores, and asynchronous input and output. */
#include "deadlines.h"

#include <aio.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- message queues ------------------------------------------------------------------------------------------- */

/* A queue for one message of one byte, without a name. */
static void make_queue(struct job *job)
{
	struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 1};
	char name[64];

	snprintf(name, sizeof(name), "/timeskew-%d-%p", getpid(), (void *)job);
	job->fd = (int)need(job, mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes), "mq_open");
	mq_unlink(name);
}

static void make_full_queue(struct job *job)
{
	make_queue(job);
	need(job, mq_send(job->fd, "x", 1, 0), "mq_send");
}

static void close_queue(struct job *job)
{
	mq_close(job->fd);
}

static int mq_timedreceive_(struct job *job)
{
	struct timespec until = deadline_of(job, CLOCK_REALTIME);
	char byte;

	return UNINTERRUPTED(job, error_of(mq_timedreceive(job->fd, &byte, 1, NULL, &until)));
}

static int mq_timedsend_(struct job *job)
{
	struct timespec until = deadline_of(job, CLOCK_REALTIME);

	return UNINTERRUPTED(job, error_of(mq_timedsend(job->fd, "x", 1, 0, &until)));
}

/* ---- System V --------------------------------------------------------------------------------------------------- */

static void make_set(struct job *job)
{
	job->fd = (int)need(job, semget(IPC_PRIVATE, 1, 0600), "semget");
}

static void remove_set(struct job *job)
{
	semctl(job->fd, 0, IPC_RMID);
}

static int semtimedop_(struct job *job)
{
	struct timespec asked = timespec_of(job->asked);
	struct sembuf take = {0, -1, 0};

	return error_of(semtimedop(job->fd, &take, 1, &asked));
}

/* ---- asynchronous input and output -------------------------------------------------------------------------------- */

struct request {
	struct aiocb block;
	char byte;
};

static void make_request(struct job *job)
{
	struct request *request = job->memory = calloc(1, sizeof(*request));
	int ends[2];

	need(job, request ? pipe(ends) : -1, "pipe");
	job->fd = ends[0];
	job->peer = ends[1];
	request->block = (struct aiocb){.aio_fildes = ends[0], .aio_buf = &request->byte, .aio_nbytes = 1};
	need(job, aio_read(&request->block), "aio_read");
}

static int aio_suspend_(struct job *job)
{
	const struct aiocb *list[] = {&((struct request *)job->memory)->block};
	struct timespec asked = timespec_of(job->asked);

	return error_of(aio_suspend(list, 1, &asked));
}

static void make_context(struct job *job)
{
	need(job, syscall(SYS_io_setup, 1, &job->memory), "io_setup");
}

static void free_context(struct job *job)
{
	syscall(SYS_io_destroy, job->memory);
}

static int io_getevents_(struct job *job)
{
	struct timespec asked = timespec_of(job->asked);
	uint64_t event[4];

	return error_of(syscall(SYS_io_getevents, job->memory, 1, 1, event, &asked));
}

const struct kind ipc_kinds[] = {
	{"mq_timedreceive", WALL, make_queue, mq_timedreceive_, close_queue, 0, NULL},
	{"mq_timedsend", WALL, make_full_queue, mq_timedsend_, close_queue, 0, NULL},
	{"semtimedop", RELATIVE, make_set, semtimedop_, remove_set, 0, NULL},
	/* glibc waits for its helper threads by a deadline of its own. */
	{"aio_suspend", IN_LIBC(MONOTONIC), make_request, aio_suspend_, NULL, 1, NULL},
	{"io_getevents", RELATIVE, make_context, io_getevents_, free_context, 0, NULL},
	{0},
};
