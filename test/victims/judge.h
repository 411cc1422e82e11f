/*
 * Tells whether a reading of a clock is the true time or the true time plus a permitted offset, without
 * asking for the true time at each reading: a batch of readings lies between two readings of the true time,
 * and within it no clock runs backwards unless the offset changed.
 */
#ifndef TIMESKEW_VICTIM_JUDGE_H
#define TIMESKEW_VICTIM_JUDGE_H

#include <stdint.h>

#define MAX_OFFSETS 4

/* The readings of one clock in one batch. Differences are from the true time at the start of the batch. */
struct judge {
	int64_t start;
	int offsets;
	int64_t offset[MAX_OFFSETS]; /* permitted ones, the largest first */
	int64_t latest[MAX_OFFSETS]; /* the largest difference so far of the readings with this offset */
	uint64_t count[MAX_OFFSETS];
};

/* `granularity`: by how many ns, less one, a reading may be cut. */
static inline void judge_start(struct judge *judge, int64_t start, int64_t granularity)
{
	judge->start = start;
	for (int i = 0; i < judge->offsets; i++) {
		judge->latest[i] = -(granularity - 1);
		judge->count[i] = 0;
	}
}

/* 0 if the reading can be explained by none of the offsets. */
static inline int judge_reading(struct judge *judge, int64_t value)
{
	int64_t elapsed = value - judge->start;

	for (int i = 0; i < judge->offsets; i++) {
		int64_t difference = elapsed - judge->offset[i];

		if (difference >= judge->latest[i]) {
			judge->latest[i] = difference;
			judge->count[i]++;
			return 1;
		}
	}
	return 0;
}

/* The index of an offset with which a reading was later than the end of the batch; −1 if there is none. */
static inline int judge_end(const struct judge *judge, int64_t end)
{
	for (int i = 0; i < judge->offsets; i++)
		if (judge->count[i] && judge->latest[i] > end - judge->start)
			return i;
	return -1;
}

#endif
