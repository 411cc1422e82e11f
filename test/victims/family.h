/* The relatives a victim can be given: a forked child, a parent that leaves, a zombie, threads. */
#ifndef TIMESKEW_VICTIM_FAMILY_H
#define TIMESKEW_VICTIM_FAMILY_H

#include <stdio.h>
#include <sys/types.h>

/*
 * Forks. The child goes on with the caller's dialog and gets 0 and a connection to its parent in *link; the
 * parent gets the connection to its child, on which it takes its commands from now on.
 */
pid_t fork_with_link(FILE **link);

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
