/*
 * multiplexed.h - see multiplexed.c. Both answer as ts_translate does.
 */
#ifndef TIMESKEW_MULTIPLEXED_H
#define TIMESKEW_MULTIPLEXED_H

#include "../calls.h"

int ts_ipc(struct ts_call *call, struct settings settings);
int ts_socketcall(struct ts_call *call);

#endif
