/*
 * What sender.c and receiver.c agree on: a value carries its channel and its number in the channel, and a file of the
 * receiver's counts what was taken. (The kernel looks through all that is queued for each signal that it delivers: a
 * long queue is a slow one.)
 */
#ifndef TIMESKEW_VICTIM_CHANNELS_H
#define TIMESKEW_VICTIM_CHANNELS_H

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#define CHANNELS 9
#define NUMBER_BITS 40

struct tally {
	_Atomic uint64_t taken;
};

/* Each channel has a real-time signal of its own. */
static inline int channel_signal(int channel)
{
	return SIGRTMIN + 1 + channel;
}

static inline void *channel_value(int channel, uint64_t number)
{
	return (void *)(uintptr_t)((uint64_t)channel << NUMBER_BITS | number);
}

#endif
