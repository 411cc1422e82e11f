/* See deadlines_task.h: what is done to threads while they wait. */
#include "deadlines_task.h"
#include "truth.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TICK_SIGNAL SIGUSR1
#define LOOK_SIGNAL SIGUSR2

static __thread struct task *own_task;

void watch_this(struct task *task)
{
	own_task = task;
	task->tid = (pid_t)syscall(SYS_gettid);
}

/* Until the thread sleeps, or has ended. */
static void await_sleep(const struct task *task)
{
	char path[64], line[256], state = 'R';

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", task->tid);
	while (state != 'S') {
		FILE *file = fopen(path, "r");
		const char *name = file && fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;

		if (file)
			fclose(file);
		if (!name)
			return;
		state = name[2];
		usleep(500);
	}
}

/* ---- signals ------------------------------------------------------------------------------------------------ */

static struct ticking {
	struct task *tasks;
	int count;
} ticking;
static _Atomic long period_us;

static void on_tick(int signal)
{
	(void)signal;
}

/* A handler that waits for a deadline itself, above the wait that it interrupts. */
static void wait_on_tick(int signal)
{
	const int64_t asked = SECOND / 1000;
	struct timespec until;
	int error = errno;
	int64_t began, took;

	(void)signal;
	if (!own_task)
		return;
	began = true_time(CLOCK_MONOTONIC);
	clock_gettime(CLOCK_REALTIME, &until);
	until = timespec_of(until.tv_sec * SECOND + until.tv_nsec + asked);
	while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
	took = true_time(CLOCK_MONOTONIC) - began;
	own_task->job.out->nested++;
	if (took < asked || took > SECOND / 2)
		own_task->job.out->astray++;
	errno = error;
}

static void *send_ticks(void *unused)
{
	long period;

	while ((period = atomic_load(&period_us)) > 0) {
		for (int i = 0; i < ticking.count; i++)
			if (ticking.tasks[i].threaded)
				syscall(SYS_tgkill, getpid(), ticking.tasks[i].tid, TICK_SIGNAL);
		usleep((useconds_t)period);
	}
	return unused;
}

void tick(char *arguments, struct task *tasks, int count, FILE *out)
{
	static pthread_t ticker;
	struct sigaction action = {.sa_handler = strstr(arguments, "wait") ? wait_on_tick : on_tick};
	char *how = arguments;
	long period = strtol(arguments, &how, 10);

	if (atomic_exchange(&period_us, period) > 0)
		pthread_join(ticker, NULL);
	action.sa_flags = strstr(how, "restart") ? SA_RESTART : 0;
	sigaction(TICK_SIGNAL, &action, NULL);
	ticking = (struct ticking){tasks, count};
	if (period > 0 && pthread_create(&ticker, NULL, send_ticks, NULL))
		abort();
	fprintf(out, "{\"period\":%ld}\n", period);
}

/* ---- cancellation --------------------------------------------------------------------------------------------- */

void cancel(struct task *tasks, int count, FILE *out)
{
	int cancelled = 0;

	for (int i = 0; i < count; i++)
		if (tasks[i].threaded) {
			await_sleep(&tasks[i]);
			cancelled += pthread_cancel(tasks[i].thread) == 0;
		}
	fprintf(out, "{\"cancelled\":%d}\n", cancelled);
}

/* ---- backtraces ------------------------------------------------------------------------------------------------- */

#ifdef __GLIBC__
#include <unwind.h>

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *argument)
{
	struct task *task = argument;
	uintptr_t pc = _Unwind_GetIP(context);

	if (task->frames == MOST_FRAMES)
		return _URC_END_OF_STACK;
	task->frame[task->frames++] = pc;
	if (_Unwind_FindEnclosingFunction((void *)(pc - 1)) == (void *)do_task)
		task->reaches = 1;
	return _URC_NO_REASON;
}

static void look_around(int signal)
{
	struct task *task = own_task;

	(void)signal;
	_Unwind_Backtrace(note_frame, task);
	task->looked = 1;
}
#else
/* musl has no tables to unwind by: the handler comes, and goes. */
static void look_around(int signal)
{
	(void)signal;
	own_task->looked = 1;
}
#endif

static void print_backtrace(const struct task *task, FILE *out)
{
	fprintf(out, "{\"kind\":\"%s\",\"reaches\":%d,\"frames\":[", task->job.kind->name, task->reaches);
	for (int i = 0; i < task->frames; i++)
		fprintf(out, "%s\"%lx\"", i ? "," : "", (unsigned long)task->frame[i]);
	fprintf(out, "]}");
}

void backtraces(struct task *tasks, int count, FILE *out)
{
	const char *separator = "";
	struct sigaction action = {.sa_handler = look_around, .sa_flags = SA_RESTART};

	sigaction(LOOK_SIGNAL, &action, NULL);
	fprintf(out, "{\"backtraces\":[");
	for (int i = 0; i < count; i++) {
		if (!tasks[i].threaded)
			continue;
		await_sleep(&tasks[i]);
		tasks[i].looked = tasks[i].reaches = tasks[i].frames = 0;
		pthread_kill(tasks[i].thread, LOOK_SIGNAL);
		while (!tasks[i].looked)
			usleep(500);
		fprintf(out, "%s", separator);
		print_backtrace(&tasks[i], out);
		separator = ",";
	}
	fprintf(out, "]}\n");
}
