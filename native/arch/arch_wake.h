/* arch_wake.h - the handler of the signal that wakes threads of ours, without a libc. */
#ifndef TIMESKEW_ARCH_WAKE_H
#define TIMESKEW_ARCH_WAKE_H

#if defined(__x86_64__)
#include "x86_64_wake.h"
#elif defined(__aarch64__)
#include "aarch64_wake.h"
#else
#error "no helper for this machine yet"
#endif

#endif
