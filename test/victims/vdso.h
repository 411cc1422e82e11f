/*
 * The vDSO's clock functions, found without libc's help: a statically linked libc may not use them, and a
 * libc wrapper may hide what they do with a NULL pointer.
 */
#ifndef TIMESKEW_VICTIM_VDSO_H
#define TIMESKEW_VICTIM_VDSO_H

#include <sys/time.h>
#include <time.h>

struct vdso {
	/* The id is a long so that a caller can fill the upper half of its register, which has no meaning. */
	int (*clock_gettime)(long id, void *timespec);
	int (*gettimeofday)(void *timeval, void *timezone);
	time_t (*time)(void *seconds); /* NULL on arm64 */
};

/* Whether the kernel has mapped one. */
int has_vdso(void);

/* The functions of this process; ends it with a message if there is no vDSO. */
struct vdso find_vdso(void);

#endif
