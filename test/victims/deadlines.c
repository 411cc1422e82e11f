/*
 * A victim that waits for deadlines, which it computes from its own clocks, in all the ways there are (the tables of
 * deadlines_*.c), and tells how long it truly waited. Commands on stdin, each answered with one line of JSON:
 *
 *   kinds                    {"kinds": [{"name", "deadline", "apart", "missing"}]}, deadline: 0 the kernel is told a
 *                            duration, 1 a deadline of the wall clock, 2 of a monotonic clock
 *   begin FROM TO KIND|…     each waits, on a thread or in a child process of its own, the first for FROM ms, the last
 *                            for TO ms, and those in between for as much in between: {"waiting"}. Further ones may begin
 *                            until all are collected
 *   churn MS SLACK KIND|…    each waits for MS ms again and again until `rest`, and counts its waits, and those that were
 *                            early or late by more than SLACK ms and some, or returned something else: {"waiting"}
 *   tick US HOW              from now on signals come to each of these threads every so often; 0: no more. HOW: their
 *                            handler is installed `plain`, with `restart` (SA_RESTART), or will `wait` for a deadline
 *   cancel                   every thread is cancelled as soon as it sleeps: {"cancelled"}
 *   backtrace                a signal handler above each sleeping thread looks who called it: {"backtraces": [{"kind",
 *                            "reaches", "frames"}]}; whether the thread's start is among them
 *   collect                  when every wait has ended, or is late by seconds: {"outcomes": [{"kind", "asked", "over",
 *                            "result", "began", "ended", "cpu", "interrupted", "waits", "nested", "astray",
 *                            "cleanups", "destroyed", "unsupported"}]}, as in struct outcome
 *   fork, parent COMMAND     as clocks.c
 *
 * The end of stdin ends it.
 */
#include "deadlines.h"
#include "deadlines_task.h"
#include "family.h"
#include "truth.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MILLISECOND (SECOND / 1000)
#define HOPELESS (2 * SECOND) /* so late, a wait is given up */

static struct task tasks[MOST_JOBS];
static int count;

__attribute__((weak)) const struct kind cxx_kinds[] = {{0}};
static const struct kind *const tables[] = {sync_kinds, sleep_kinds, timer_kinds, ipc_kinds, futex_kinds, cxx_kinds, NULL};

/* ---- waits -------------------------------------------------------------------------------------------------------- */

static const struct kind *find_kind(const char *name)
{
	for (int i = 0; tables[i]; i++)
		for (const struct kind *kind = tables[i]; kind->name; kind++)
			if (!kind->missing && strcmp(kind->name, name) == 0)
				return kind;
	fprintf(stderr, "there is no kind of wait called %s\n", name);
	exit(1);
}

static void print_kinds(FILE *out)
{
	const char *separator = "";

	fprintf(out, "{\"kinds\":[");
	for (int i = 0; tables[i]; i++)
		for (const struct kind *kind = tables[i]; kind->name; kind++, separator = ",")
			fprintf(out, "%s{\"name\":\"%s\",\"deadline\":%d,\"apart\":%d,\"missing\":\"%s\"}", separator,
				kind->name, kind->deadline, kind->apart, kind->missing ? kind->missing : "");
	fprintf(out, "]}\n");
}

static void add_task(const char *name)
{
	struct task *task = &tasks[count];

	memset(task, 0, sizeof(*task));
	task->job.kind = find_kind(name);
	assign_outcome(task, count++);
}

static void add_tasks(char *names)
{
	char *rest = names;

	for (char *name = strtok_r(names, "|", &rest); name && count < MOST_JOBS; name = strtok_r(NULL, "|", &rest))
		add_task(name);
}

/* From this one on. Children first: a process should fork before it has threads. */
static void start_tasks(int first, FILE *out)
{
	unsigned waiting = 0;

	forget_armed();
	for (int i = first; i < count; i++)
		if (tasks[i].job.kind->apart) {
			start_process(&tasks[i]);
			waiting++;
		}
	for (int i = first; i < count; i++)
		if (!tasks[i].job.kind->apart)
			waiting += (unsigned)start_thread(&tasks[i]);
	await_armed(waiting);
	fprintf(out, "{\"waiting\":%u}\n", waiting);
}

static void begin(char *arguments, FILE *out)
{
	char *names = arguments;
	int64_t from = strtoll(names, &names, 10), to = strtoll(names, &names, 10);
	int first = count, steps;

	add_tasks(names + 1);
	steps = count - first > 1 ? count - first - 1 : 1;
	for (int i = first; i < count; i++)
		tasks[i].job.asked = (from + (to - from) * (i - first) / steps) * MILLISECOND;
	start_tasks(first, out);
}

static void churn(char *arguments, FILE *out)
{
	char *names = arguments;
	int64_t asked = strtoll(names, &names, 10), slack = strtoll(names, &names, 10);

	add_tasks(names + 1);
	for (int i = 0; i < count; i++) {
		tasks[i].job.asked = asked * MILLISECOND;
		tasks[i].job.slack = slack * MILLISECOND;
	}
	let_churn(1);
	start_tasks(0, out);
}

static void rest(FILE *out)
{
	let_churn(0);
	/* From here on, the last wait of each is asked for. */
	for (int i = 0; i < count; i++)
		tasks[i].job.out->began = true_time(CLOCK_MONOTONIC);
	fprintf(out, "{}\n");
}

static int some_wait(void)
{
	int64_t now = true_time(CLOCK_MONOTONIC);

	for (int i = 0; i < count; i++)
		if (!is_over(&tasks[i]) && now < tasks[i].job.out->began + tasks[i].job.asked + HOPELESS)
			return 1;
	return 0;
}

static void print_outcome(FILE *out, const struct task *task, int over)
{
	const struct outcome *outcome = task->job.out;

	fprintf(out, "{\"kind\":\"%s\",\"asked\":\"%lld\",\"over\":%d,\"result\":%d,\"began\":\"%lld\",\"ended\":\"%lld\",",
		task->job.kind->name, (long long)task->job.asked, over, outcome->result, (long long)outcome->began,
		(long long)outcome->ended);
	fprintf(out, "\"cpu\":\"%lld\",\"interrupted\":%u,\"waits\":%u,\"nested\":%u,\"astray\":%u,\"cleanups\":%u,\"destroyed\":%u,"
		"\"unsupported\":\"%s\"}",
		over ? (long long)outcome->cpu : 0, outcome->interrupted, outcome->waits, outcome->nested, outcome->astray,
		outcome->cleanups, outcome->destroyed, outcome->unsupported);
}

static void collect(FILE *out)
{
	while (some_wait())
		usleep(2000);
	fprintf(out, "{\"outcomes\":[");
	for (int i = 0; i < count; i++) {
		fprintf(out, "%s", i ? "," : "");
		print_outcome(out, &tasks[i], is_over(&tasks[i]));
		end_task(&tasks[i]);
	}
	fprintf(out, "]}\n");
	count = 0;
}

static void serve(FILE *in, FILE *out);

static void answer(char *command, FILE *out)
{
	if (strncmp(command, "begin ", 6) == 0)
		begin(command + 6, out);
	else if (strncmp(command, "churn ", 6) == 0)
		churn(command + 6, out);
	else if (strcmp(command, "rest") == 0)
		rest(out);
	else if (strcmp(command, "collect") == 0)
		collect(out);
	else if (strncmp(command, "tick ", 5) == 0)
		tick(command + 5, tasks, MOST_JOBS, out);
	else if (strcmp(command, "cancel") == 0)
		cancel(tasks, count, out);
	else if (strcmp(command, "backtrace") == 0)
		backtraces(tasks, count, out);
	else if (strncmp(command, "parent ", 7) == 0)
		answer_for_parent(command + 7, out);
	else if (strcmp(command, "fork") == 0) {
		answer_fork(serve, out);
		make_shared(); /* its own */
	} else {
		print_kinds(out);
	}
	fflush(out);
}

static void serve(FILE *in, FILE *out)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, in) > 0) {
		line[strcspn(line, "\n")] = '\0';
		answer(line, out);
	}
	free(line);
}

int main(void)
{
	sigset_t waited_for;

	/* Where Yama limits tracing to ancestors: any process of the same user may trace us. */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	sigemptyset(&waited_for);
	sigaddset(&waited_for, SIGALRM);
	sigaddset(&waited_for, SIGRTMIN + 1);
	sigaddset(&waited_for, SIGRTMIN + 2);
	sigprocmask(SIG_BLOCK, &waited_for, NULL);
	make_shared();
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	printf("{\"pid\":%d}\n", getpid());
	fflush(stdout);
	serve(stdin, stdout);
	exit(0);
}
