/* arch.h - what the helper knows about a tracee: its registers and its signal frames. */
#ifndef TIMESKEW_ARCH_H
#define TIMESKEW_ARCH_H

#if defined(__x86_64__)
#include "x86_64.h"
#elif defined(__aarch64__)
#include "aarch64.h"
#else
#error "no helper for this machine yet"
#endif

#endif
