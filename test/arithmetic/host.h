/*
 * The payload in a program of its own: its sources, compiled as for a target, with a true time that the program sets
 * where the vDSO's functions would be.
 */
#ifndef TIMESKEW_TEST_HOST_H
#define TIMESKEW_TEST_HOST_H

/* The C library has these, too. */
#define itimerspec ts_itimerspec
#define itimerval ts_itimerval
#include "../../native/payload/calls.h"
#undef itimerspec
#undef itimerval

#include "../../native/payload/profile.h"

/* What every clock truly reads, ns; each thread has its own. */
extern _Thread_local int64_t true_time;

/* Nobody changes the settings meanwhile, so that what two functions read can be compared. */
extern int compares;

/* What is shown then, ns, by the function that a name stands for (bits of ts_slot.selected). */
int64_t read_shown(unsigned name);

void ts_begin(struct ts_params *params);

#endif
