/*
 * The tasks of deadlines.c, each of which makes one wait on a thread or in a process of its own, and what is done to them
 * meanwhile: signals, cancellation, a look at their stacks (deadlines_watch.c).
 */
#ifndef TIMESKEW_VICTIM_DEADLINES_TASK_H
#define TIMESKEW_VICTIM_DEADLINES_TASK_H

#include "deadlines.h"

#include <stdio.h>
#include <sys/types.h>

struct task {
	struct job job;
	int index;
	int threaded;    /* it has a thread of this process, which may have ended */
	pid_t process;   /* the child that waits instead */
	pthread_t thread;
	volatile pid_t tid;
	volatile int looked, reaches; /* a handler has looked at the stack, and found the start of the thread */
	int frames;
	uintptr_t frame[MOST_FRAMES]; /* return addresses, innermost first */
};

#define MOST_JOBS 1024

/* The outcomes are in memory that children share with their parent; one that goes on by itself needs its own. */
void make_shared(void);
/* Gives a task its place there, by its index. */
void assign_outcome(struct task *task, int index);

/* Waits that are about to begin are counted. */
void forget_armed(void);
void await_armed(unsigned waits);
/* Whether waits begin again as soon as they have ended. */
void let_churn(int churning);

/* Prepares a wait, and has a thread make it. False if there is nothing to wait for. */
int start_thread(struct task *task);
/* The same in a child process. */
void start_process(struct task *task);
int is_over(const struct task *task);
/* A thread that never comes back is left to the end of the program. */
void end_task(struct task *task);

/* Where the thread of a task begins. */
void *do_task(void *task);

/* Called by this thread itself. */
void watch_this(struct task *task);

/* The commands. */
void tick(char *arguments, struct task *tasks, int count, FILE *out);
void cancel(struct task *tasks, int count, FILE *out);
void backtraces(struct task *tasks, int count, FILE *out);

#endif
