/* arch_sys.h - how the helper itself makes system calls. */
#ifndef TIMESKEW_ARCH_SYS_H
#define TIMESKEW_ARCH_SYS_H

#if defined(__x86_64__)
#include "x86_64_sys.h"
#elif defined(__aarch64__)
#include "aarch64_sys.h"
#else
#error "no helper for this machine yet"
#endif

#endif
