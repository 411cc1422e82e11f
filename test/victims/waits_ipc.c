/* Kinds of wait for waits.c: System V semaphores and messages, POSIX message queues, locks, and children. */
#include "waits.h"

#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>

/* ---- System V ---------------------------------------------------------------------------------------------- */

static void make_semaphore(struct job *job)
{
	job->id = need(semget(IPC_PRIVATE, 1, 0600), "semget");
}

static void remove_semaphore(struct job *job)
{
	semctl((int)job->id, 0, IPC_RMID);
}

static void semtimedop_(struct job *job)
{
	struct timespec asked = timespec_of(ASKED);
	struct sembuf take = {0, -1, 0};

	CALL(job, SYS_semtimedop, job->id, &take, 1, &asked);
}

static void semop_(struct job *job)
{
	struct sembuf take = {0, -1, 0};

	CALL(job, SYS_semop, job->id, &take, 1);
}

static void raise_semaphore(struct job *job)
{
	struct sembuf give = {0, 1, 0};

	if (semop((int)job->id, &give, 1))
		abort();
}

struct message {
	long type;
	char text[4096];
};

static void make_queue(struct job *job)
{
	job->id = need(msgget(IPC_PRIVATE, 0600), "msgget");
}

static void make_full_queue(struct job *job)
{
	struct message message = {.type = 1};

	make_queue(job);
	while (msgsnd((int)job->id, &message, sizeof(message.text), IPC_NOWAIT) == 0)
		;
	if (errno != EAGAIN)
		unsupported("msgsnd");
}

static void remove_queue(struct job *job)
{
	msgctl((int)job->id, IPC_RMID, NULL);
}

static void msgrcv_(struct job *job)
{
	struct message message = {0};

	CALL(job, SYS_msgrcv, job->id, &message, 1, 0, 0);
	exactly(job, message.type);
}

static void msgsnd_(struct job *job)
{
	struct message message = {.type = 3};

	CALL(job, SYS_msgsnd, job->id, &message, sizeof(message.text), 0);
}

static void send_message(struct job *job)
{
	struct message message = {.type = 3};

	if (msgsnd((int)job->id, &message, 1, 0))
		abort();
}

static void take_message(struct job *job)
{
	struct message message;

	if (msgrcv((int)job->id, &message, sizeof(message.text), 0, 0) < 0)
		abort();
}

/* ---- POSIX message queues ---------------------------------------------------------------------------------- */

static void make_mq(struct job *job)
{
	struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 8};
	char name[64];

	/* The waiting thread is not known yet, and threads of one process prepare one after the other. */
	snprintf(name, sizeof(name), "/waits-%d-%p", getpid(), (void *)job);
	job->fd = (int)need(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes), "mq_open");
	mq_unlink(name);
}

static void make_full_mq(struct job *job)
{
	make_mq(job);
	need(mq_send(job->fd, "full", 4, 0), "mq_send");
}

static void mq_timedreceive_(struct job *job)
{
	struct timespec until = timespec_of(true_time(CLOCK_REALTIME) + ASKED);
	char text[8];

	CALL(job, SYS_mq_timedreceive, job->fd, text, sizeof(text), NULL, &until);
}

static void mq_receive_(struct job *job)
{
	unsigned priority = 0;
	char text[8] = "";

	CALL(job, SYS_mq_timedreceive, job->fd, text, sizeof(text), &priority, NULL);
	exactly(job, priority);
	exactly(job, text[0]);
}

static void mq_wake(struct job *job)
{
	if (mq_send(job->fd, "text", 4, 5))
		abort();
}

static void mq_timedsend_(struct job *job)
{
	struct timespec until = timespec_of(true_time(CLOCK_REALTIME) + ASKED);

	CALL(job, SYS_mq_timedsend, job->fd, "more", 4, 0, &until);
}

/* ---- locks: the waker holds one, by a description of its own, and lets go ----------------------------------- */

static void make_file(struct job *job)
{
	job->fd = (int)need(memfd_create("waits", MFD_CLOEXEC), "memfd_create");
}

static void hold_flock(struct job *job)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", job->fd);
	job->other = open(path, O_RDWR | O_CLOEXEC);
	if (job->other < 0 || flock(job->other, LOCK_EX))
		abort();
}

static void release_flock(struct job *job)
{
	flock(job->other, LOCK_UN);
}

static void flock_(struct job *job)
{
	CALL(job, SYS_flock, job->fd, LOCK_EX);
}

static void hold_record(struct job *job)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(job->fd, F_SETLK, &lock))
		abort();
}

static void release_record(struct job *job)
{
	struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	fcntl(job->fd, F_SETLK, &lock);
}

static void setlkw(struct job *job)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	CALL(job, SYS_fcntl, job->fd, F_SETLKW, &lock);
}

static void ofd_setlkw(struct job *job)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	CALL(job, SYS_fcntl, job->fd, F_OFD_SETLKW, &lock);
}

/* ---- children: the waker is one, and ends --------------------------------------------------------------------- */

static void end(struct job *job)
{
	(void)job;
}

static void wait4_(struct job *job)
{
	int status = 0;

	CALL(job, SYS_wait4, job->waker, &status, 0, NULL);
	job->out->result = job->out->result == job->waker;
	exactly(job, status);
}

static void waitid_(struct job *job)
{
	siginfo_t info = {0};

	CALL(job, SYS_waitid, P_PID, job->waker, &info, WEXITED, NULL);
	exactly(job, info.si_pid == job->waker);
	exactly(job, info.si_status);
}

const struct kind ipc_kinds[] = {
	{.name = "semtimedop", .prepare = make_semaphore, .wait = semtimedop_, .finish = remove_semaphore},
	{.name = "semop, woken", .prepare = make_semaphore, .wait = semop_, .wake = raise_semaphore,
	 .finish = remove_semaphore},
	{.name = "msgrcv, woken", .prepare = make_queue, .wait = msgrcv_, .wake = send_message, .finish = remove_queue},
	{.name = "msgsnd, woken", .prepare = make_full_queue, .wait = msgsnd_, .wake = take_message,
	 .finish = remove_queue},
	{.name = "mq_timedreceive", .prepare = make_mq, .wait = mq_timedreceive_},
	{.name = "mq_receive, woken", .prepare = make_mq, .wait = mq_receive_, .wake = mq_wake},
	{.name = "mq_timedsend", .prepare = make_full_mq, .wait = mq_timedsend_},
	{.name = "flock, woken", .prepare = make_file, .wait = flock_, .hold = hold_flock, .wake = release_flock},
	{.name = "fcntl lock, woken", .prepare = make_file, .wait = setlkw, .hold = hold_record,
	 .wake = release_record},
	{.name = "fcntl lock of a description, woken", .prepare = make_file, .wait = ofd_setlkw, .hold = hold_record,
	 .wake = release_record},
	{.name = "wait4", .wait = wait4_, .wake = end},
	{.name = "waitid", .wait = waitid_, .wake = end},
	{0},
};
