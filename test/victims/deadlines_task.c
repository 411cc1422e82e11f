/* See deadlines_task.h. */
#include "deadlines_task.h"

#include "truth.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK (128 * 1024)

/* What children tell their parent, too. */
static struct shared {
	atomic_uint armed;   /* waits that are about to begin */
	atomic_int churning; /* they begin again */
	struct {
		struct outcome outcome;
		atomic_uint over;
	} jobs[MOST_JOBS];
} *shared;

void make_shared(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
}

void assign_outcome(struct task *task, int index)
{
	memset(&shared->jobs[index], 0, sizeof(shared->jobs[0]));
	task->index = index;
	task->job.out = &shared->jobs[index].outcome;
}

void forget_armed(void)
{
	atomic_store(&shared->armed, 0);
}

void await_armed(unsigned waits)
{
	while (atomic_load(&shared->armed) < waits)
		usleep(500);
}

void let_churn(int churning)
{
	atomic_store(&shared->churning, churning);
}

__attribute__((weak)) int make_wait(struct job *job)
{
	return job->kind->wait(job);
}

void unsupported(struct job *job, const char *what)
{
	snprintf(job->out->unsupported, sizeof(job->out->unsupported), "%s: %s", what, strerror(errno));
}

long need(struct job *job, long result, const char *what)
{
	if (result < 0)
		unsupported(job, what);
	return result;
}

static void note_end(struct task *task, int result)
{
	task->job.out->result = result;
	task->job.out->ended = true_time(CLOCK_MONOTONIC);
	task->job.out->cpu = true_time(CLOCK_THREAD_CPUTIME_ID) - task->job.out->cpu;
	atomic_store(&shared->jobs[task->index].over, 1);
}

static void note_cancellation(void *argument)
{
	struct task *task = argument;

	task->job.out->cleanups++;
	note_end(task, ECANCELED);
}

static void wait_again(struct task *task)
{
	struct outcome *out = task->job.out;
	const int expected = out->result;

	while (atomic_load(&shared->churning)) {
		int64_t began = true_time(CLOCK_MONOTONIC);
		int result = make_wait(&task->job);
		int64_t late = true_time(CLOCK_MONOTONIC) - began - task->job.asked;

		out->waits++;
		if (result != expected || late < -task->job.slack || late > task->job.slack + SECOND / 2)
			out->astray++;
	}
}

__attribute__((noipa)) void *do_task(void *argument)
{
	struct task *task = argument;
	struct outcome *out = task->job.out;

	watch_this(task);
	pthread_cleanup_push(note_cancellation, task);
	atomic_fetch_add(&shared->armed, 1);
	out->cpu = true_time(CLOCK_THREAD_CPUTIME_ID);
	out->began = true_time(CLOCK_MONOTONIC);
	out->result = make_wait(&task->job);
	wait_again(task);
	note_end(task, out->result);
	pthread_cleanup_pop(0);
	return NULL;
}

int start_thread(struct task *task)
{
	const struct kind *kind = task->job.kind;
	pthread_attr_t small;

	if (kind->prepare)
		kind->prepare(&task->job);
	if (task->job.out->unsupported[0])
		return 0;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	if (pthread_create(&task->thread, &small, do_task, task)) {
		perror("pthread_create");
		exit(1);
	}
	return task->threaded = 1;
}

static void end_thread(struct task *task)
{
	pthread_join(task->thread, NULL);
	if (task->job.kind->finish)
		task->job.kind->finish(&task->job);
}

void start_process(struct task *task)
{
	task->process = fork();
	if (task->process < 0) {
		perror("fork");
		exit(1);
	}
	if (task->process > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (start_thread(task))
		end_thread(task);
	else
		atomic_fetch_add(&shared->armed, 1);
	_exit(0);
}

int is_over(const struct task *task)
{
	return task->job.out->unsupported[0] || atomic_load(&shared->jobs[task->index].over);
}

void end_task(struct task *task)
{
	if (task->process > 0) {
		if (!is_over(task))
			kill(task->process, SIGKILL);
		waitpid(task->process, NULL, 0);
	} else if (task->threaded && is_over(task)) {
		end_thread(task);
	}
}
