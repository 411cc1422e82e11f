/*
 * Victims that wait: processes each of which makes one kind of blocking call, on its main thread or on others, and
 * reports what came of it. Every call is asked for two seconds: by its own timeout, or by a waker, a process that
 * ends the wait then. `waits` is the launcher; the victims are its children and cost no processor time.
 *
 * Commands on stdin, each answered with one line of JSON:
 *
 *   run SHAPE|KIND|KIND…   starts one victim for each kind named, at the same moment: {"start", "victims": [{"pid",
 *                          "unsupported"}]}. SHAPE: `main` (the one thread there is), `second` (the main thread
 *                          sleeps), `spin` (the main thread computes when told to), `all` (four threads)
 *   spin N, rest N         the main thread of victim N is busy with reading the clock; it sleeps again
 *   collect                waits for all calls to end, and ends the victims: {"victims": [{"finished", "ended",
 *                          "threads": [{"tid", "result", "errno", "began", "ended", "remaining", "handled",
 *                          "exact"}]}]}, times in ns; those that did not finish are killed
 *   kinds                  {"kinds": [NAME…]}
 *
 * The kinds are in waits_*.c. The end of stdin ends everything.
 */
#include "waits.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define MOST_VICTIMS 256
#define MOST_THREADS 4
#define LEAD (SECOND / 20)     /* from the answer to `run` to the start */
#define HOPELESS (4 * ASKED)   /* after the start: who still waits then is given up */
#define BUSY 1u
#define IDLE 0u

enum { PREPARING, READY, UNSUPPORTED };

struct victim {
	pid_t pid;
	int threads, status, over;
	atomic_uint finished; /* threads whose call has ended */
	atomic_uint state;   /* PREPARING… */
	atomic_uint armed;   /* threads that stand before their call */
	atomic_uint wanted;  /* IDLE or BUSY: what the main thread is to do */
	atomic_uint busy;    /* what it does */
	char reason[120];
	struct outcome outcomes[MOST_THREADS];
};

static struct shared {
	atomic_uint started, released;
	int64_t start; /* CLOCK_MONOTONIC */
	int count;
	struct victim victims[MOST_VICTIMS];
} *shared;

static struct victim *self; /* in a victim, its own */
static __thread struct outcome *own_outcome;

/* ---- what the kinds use ----------------------------------------------------------------------------------- */

void await_change(atomic_uint *word, unsigned old)
{
	while (atomic_load(word) == old)
		syscall(SYS_futex, word, FUTEX_WAIT, old, NULL, NULL, 0);
}

void announce(atomic_uint *word, unsigned value)
{
	atomic_store(word, value);
	syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

void unsupported(const char *what)
{
	snprintf(self->reason, sizeof(self->reason), "%s: %s", what, strerror(errno));
	announce(&self->state, UNSUPPORTED);
	_exit(0);
}

long need(long result, const char *what)
{
	if (result < 0)
		unsupported(what);
	return result;
}

void make_pipe(struct job *job)
{
	int ends[2];

	need(pipe2(ends, O_CLOEXEC), "pipe");
	job->fd = ends[0];
	job->peer = ends[1];
}

void make_socket_pair(struct job *job, int type)
{
	int ends[2];

	need(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), "socketpair");
	job->fd = ends[0];
	job->peer = ends[1];
}

void wake_by_byte(struct job *job)
{
	if (write(job->peer, "x", 1) != 1)
		abort();
}

void wake_by_signal(struct job *job)
{
	siginfo_t info = {.si_signo = WAKE_SIGNAL, .si_code = SI_QUEUE};

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_int = 7;
	if (syscall(SYS_rt_tgsigqueueinfo, getppid(), job->out->tid, WAKE_SIGNAL, &info))
		abort();
}

/* ---- a victim --------------------------------------------------------------------------------------------- */

static void count_signal(int signal)
{
	(void)signal;
	if (own_outcome)
		atomic_fetch_add(&own_outcome->handled, 1);
}

/* SIGUSR1 does nothing; a wait that it interrupts shows EINTR. Without SA_RESTART, as strict as can be. */
static void install_handlers(void)
{
	struct sigaction action = {.sa_handler = count_signal};

	sigaction(SIGUSR1, &action, NULL);
	sigaction(WAKE_SIGNAL, &action, NULL);
}

static void sleep_until(int64_t when)
{
	struct timespec ts = timespec_of(when);

	while (syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

/* A process that ends the wait of one job; its exit is what some wait for. */
static void fork_waker(struct job *job)
{
	job->waker = fork();
	need(job->waker, "fork");
	if (job->waker > 0) {
		await_change(&job->out->waker_ready, 0);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (job->kind->hold)
		job->kind->hold(job);
	announce(&job->out->waker_ready, 1);
	await_change(&shared->started, 0);
	sleep_until(shared->start + ASKED);
	job->kind->wake(job);
	_exit(7);
}

static void *do_job(void *argument)
{
	struct job *job = argument;

	own_outcome = job->out;
	job->out->tid = (pid_t)syscall(SYS_gettid);
	atomic_fetch_add(&self->armed, 1);
	syscall(SYS_futex, &self->armed, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
	await_change(&shared->started, 0);
	sleep_until(shared->start);
	job->kind->wait(job);
	if (job->kind->finish)
		job->kind->finish(job);
	atomic_fetch_add(&self->finished, 1);
	await_change(&shared->released, 0); /* there for whatever is still to be done to the process */
	return NULL;
}

/* The main thread of shape `spin`: asleep, or busy with the clock. */
static void *obey(void *unused)
{
	struct timespec ts;

	(void)unused;
	for (;;) {
		announce(&self->busy, IDLE);
		await_change(&self->wanted, IDLE);
		announce(&self->busy, BUSY);
		while (atomic_load(&self->wanted) == BUSY)
			clock_gettime(CLOCK_REALTIME, &ts);
	}
	return NULL;
}

static void *work_and_exit(void *argument)
{
	do_job(argument);
	_exit(0);
}

static void be_victim(const struct kind *kind, const char *shape)
{
	struct job jobs[MOST_THREADS];
	pthread_t threads[MOST_THREADS];
	int apart = strcmp(shape, "second") == 0 || strcmp(shape, "spin") == 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	install_handlers();
	for (int i = 0; i < self->threads; i++) {
		jobs[i] = (struct job){.kind = kind, .out = &self->outcomes[i], .fd = -1, .peer = -1, .other = -1};
		self->outcomes[i].remaining = NOTHING_REMAINS;
		if (kind->prepare)
			kind->prepare(&jobs[i]);
		if (kind->wake)
			fork_waker(&jobs[i]);
	}
	announce(&self->state, READY);
	for (int i = apart ? 0 : 1; i < self->threads; i++)
		if (pthread_create(&threads[i], NULL, apart ? work_and_exit : do_job, &jobs[i]))
			abort();
	if (strcmp(shape, "spin") == 0)
		obey(NULL);
	if (!apart)
		do_job(&jobs[0]);
	for (int i = apart ? 0 : 1; i < self->threads; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

/* ---- the launcher ------------------------------------------------------------------------------------------ */

static const struct kind *const tables[] = {
	poll_kinds, sleep_kinds, socket_kinds, ipc_kinds, file_kinds, aio_kinds, NULL,
};

static const struct kind *find_kind(const char *name)
{
	for (int i = 0; tables[i]; i++)
		for (const struct kind *kind = tables[i]; kind->name; kind++)
			if (strcmp(kind->name, name) == 0)
				return kind;
	fprintf(stderr, "there is no kind of wait called %s\n", name);
	exit(1);
}

static void list_kinds(void)
{
	const char *separator = "";

	printf("{\"kinds\":[");
	for (int i = 0; tables[i]; i++)
		for (const struct kind *kind = tables[i]; kind->name; kind++, separator = ",")
			printf("%s\"%s\"", separator, kind->name);
	printf("]}\n");
}

static void start_victim(const struct kind *kind, const char *shape)
{
	struct victim *victim = &shared->victims[shared->count++];
	pid_t pid;

	memset(victim, 0, sizeof(*victim));
	victim->threads = strcmp(shape, "all") == 0 ? MOST_THREADS : 1;
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(1);
	}
	if (pid == 0) {
		self = victim;
		be_victim(kind, shape);
	}
	victim->pid = pid;
}

static void run(char *arguments)
{
	char *rest = arguments, *shape = strtok_r(arguments, "|", &rest), *name;

	shared->count = 0;
	atomic_store(&shared->started, 0);
	atomic_store(&shared->released, 0);
	while ((name = strtok_r(NULL, "|", &rest)) && shared->count < MOST_VICTIMS)
		start_victim(find_kind(name), shape);
	for (int i = 0; i < shared->count; i++) {
		struct victim *victim = &shared->victims[i];

		await_change(&victim->state, PREPARING);
		if (atomic_load(&victim->state) == READY)
			for (unsigned armed; (armed = atomic_load(&victim->armed)) < (unsigned)victim->threads;)
				await_change(&victim->armed, armed);
	}
	shared->start = true_time(CLOCK_MONOTONIC) + LEAD;
	announce(&shared->started, 1);
	printf("{\"start\":\"%lld\",\"victims\":[", (long long)shared->start);
	for (int i = 0; i < shared->count; i++)
		printf("%s{\"pid\":%d,\"unsupported\":\"%s\"}", i ? "," : "", shared->victims[i].pid,
			shared->victims[i].reason);
	printf("]}\n");
}

static void note_end(pid_t pid, int status)
{
	for (int i = 0; i < shared->count; i++)
		if (shared->victims[i].pid == pid) {
			shared->victims[i].status = status;
			shared->victims[i].over = 1;
		}
}

/* Until the main thread obeys, or there is none any more. */
static void turn(const char *index, unsigned wanted)
{
	struct victim *victim = &shared->victims[atoi(index)];
	int status;

	announce(&victim->wanted, wanted);
	while (!victim->over && atomic_load(&victim->busy) != wanted) {
		if (waitpid(victim->pid, &status, WNOHANG) == victim->pid)
			note_end(victim->pid, status);
		usleep(100);
	}
	printf("{\"busy\":%u}\n", wanted);
}

static int calls_go_on(void)
{
	for (int i = 0; i < shared->count; i++) {
		const struct victim *victim = &shared->victims[i];

		if (!victim->over && !victim->reason[0] && atomic_load(&victim->finished) < (unsigned)victim->threads)
			return 1;
	}
	return 0;
}

/* Until all calls have ended, or no end can be hoped for; then ends the victims. */
static void end_victims(void)
{
	int status;
	pid_t pid;

	while (calls_go_on() && true_time(CLOCK_MONOTONIC) < shared->start + HOPELESS) {
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			note_end(pid, status);
		usleep(2000);
	}
	announce(&shared->released, 1);
	for (int i = 0; i < shared->count; i++) {
		struct victim *victim = &shared->victims[i];

		if (victim->over)
			continue;
		if (!victim->reason[0] && atomic_load(&victim->finished) < (unsigned)victim->threads)
			kill(victim->pid, SIGKILL);
		if (waitpid(victim->pid, &status, 0) == victim->pid)
			note_end(victim->pid, status);
	}
}

static void print_outcome(const struct outcome *out)
{
	printf("{\"tid\":%d,\"result\":%ld,\"errno\":%d,\"began\":\"%lld\",\"ended\":\"%lld\",\"handled\":%u,", out->tid,
		out->result, out->error, (long long)out->began, (long long)out->ended, atomic_load(&out->handled));
	if (out->remaining == NOTHING_REMAINS)
		printf("\"remaining\":null,\"exact\":[");
	else
		printf("\"remaining\":\"%lld\",\"exact\":[", (long long)out->remaining);
	for (int i = 0; i < out->exact_count; i++)
		printf("%s%lld", i ? "," : "", out->exact[i]);
	printf("]}");
}

static void collect(void)
{
	end_victims();
	printf("{\"victims\":[");
	for (int i = 0; i < shared->count; i++) {
		const struct victim *victim = &shared->victims[i];
		int killed = WIFSIGNALED(victim->status);

		printf("%s{\"finished\":%u,\"ended\":\"%s %d\",\"threads\":[", i ? "," : "",
			atomic_load(&victim->finished), killed ? "killed by" : "exited",
			killed ? WTERMSIG(victim->status) : WEXITSTATUS(victim->status));
		for (int j = 0; j < victim->threads; j++) {
			printf("%s", j ? "," : "");
			print_outcome(&victim->outcomes[j]);
		}
		printf("]}");
	}
	printf("]}\n");
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	/* Where we may, System V and POSIX queues of our own: whatever ends us, none is left. */
	(void)unshare(CLONE_NEWIPC);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	printf("{\"pid\":%d}\n", getpid());
	fflush(stdout);
	while ((length = getline(&line, &size, stdin)) > 0) {
		line[length - 1] = '\0';
		if (strncmp(line, "run ", 4) == 0)
			run(line + 4);
		else if (strncmp(line, "spin ", 5) == 0)
			turn(line + 5, BUSY);
		else if (strncmp(line, "rest ", 5) == 0)
			turn(line + 5, IDLE);
		else if (strcmp(line, "collect") == 0)
			collect();
		else
			list_kinds();
		fflush(stdout);
	}
	free(line);
	return 0;
}
