/*
 * What threads of a victim have seen that must not be: readings of clocks that are neither true nor true plus a
 * permitted offset, and whatever else a victim calls wrong. Each reading lies between two of the true time, which
 * cost more than the reading itself: for threads that have other things to do as well.
 */
#ifndef TIMESKEW_VICTIM_VERDICT_H
#define TIMESKEW_VICTIM_VERDICT_H

#include <stdatomic.h>
#include <stdint.h>

#define MAX_OFFSETS 4
#define KEPT 4

struct verdict {
	_Alignas(64) _Atomic uint64_t readings, violations;
	_Atomic uint64_t interrupted; /* calls that ended with EINTR */
	_Atomic uint64_t seen[2][MAX_OFFSETS]; /* readings of the wall clock by offset, of this epoch and the last */
	char kept[KEPT][160];
};

/* The permitted offsets of the wall clock in ns, 0 among them. */
void verdict_offsets(int count, char **arguments);

/* Reads the wall clock and CLOCK_MONOTONIC, and judges them. Async-signal-safe but for the words of a violation. */
void verdict_read(struct verdict *verdict);
void verdict_violation(struct verdict *verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* From here on only readings that begin later are counted as seen. Each thread must read once per epoch. */
void verdict_new_epoch(struct verdict *verdicts, int threads);
/* One line of JSON, as hammer.c answers `settle`. */
void verdict_report(const struct verdict *verdicts, int threads);

#endif
