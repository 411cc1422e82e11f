/* The relatives a victim can be given: a forked child, a parent that leaves, a zombie, threads. */
#ifndef TIMESKEW_VICTIM_FAMILY_H
#define TIMESKEW_VICTIM_FAMILY_H

#include <stdio.h>
#include <sys/types.h>

/* Forks: the child goes on with the caller's dialog, and the parent serves the child until that ends. */
void answer_fork(void (*serve)(FILE *in, FILE *out), FILE *out);

/* In that child: hands a command to the parent, and its answer to the test. */
void answer_for_parent(const char *command, FILE *out);

/* In that child: the parent ends, at the end of its commands. */
void answer_leave(FILE *out);

/* A child that has ended and is never waited for. */
pid_t make_zombie(void);

/* A second thread of this process, asleep; returns its thread id. */
pid_t start_sleeper(void);

/*
 * A second thread that cannot be stopped: it waits in vfork(), which only SIGKILL interrupts, for a child
 * that ends when `release` can be read or is closed. Returns its thread id.
 */
pid_t start_unstoppable(int release);

#endif
