/*
 * What other tools of this kind put into a process, written anew for the comparison: each of the vDSO's three functions
 * becomes a jump to one that makes a system call per read, and adds an offset where the wall clock is asked for. Here a
 * process does that to itself; how the jump comes there makes no difference to what a read costs.
 */
#ifndef TIMESKEW_BENCH_PERCALL_H
#define TIMESKEW_BENCH_PERCALL_H

/* Rewrites this process's vDSO for good. 0, or -1 and a message on stderr. */
int patch_with_system_calls(void);

#endif
