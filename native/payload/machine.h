/*
 * machine.h - what differs from machine to machine: for C and assembler.
 */
#ifndef TIMESKEW_MACHINE_H
#define TIMESKEW_MACHINE_H

#if defined(__x86_64__)
#include "x86_64/machine.h"
#elif defined(__aarch64__)
#include "aarch64/machine.h"
#elif defined(__i386__)
#include "i386/machine.h"
#else
#error "no payload for this machine yet"
#endif

#endif
