/* Processes that make it hard to be skewed: what hostile.c knows about each kind of them. */
#ifndef TIMESKEW_VICTIM_HOSTILE_H
#define TIMESKEW_VICTIM_HOSTILE_H

#include "vdso.h"

#include <stddef.h>
#include <stdint.h>

#define PAGE ((size_t)4096)

struct kind {
	const char *name;
	/* Makes the process what it is; runs before the first line is printed. */
	void (*prepare)(void);
	/* What the process may not do, if it ever returns: 0, or −1 and errno. For the command `forbidden`. */
	long (*forbidden)(void);
	/* Makes it worse. For the command `tighten`; 0, or −1 and errno. */
	long (*tighten)(void);
	/* The system calls that tell the true time are forbidden, too: readings come without it. */
	int blind;
	/* Its clock functions cannot be called: readings come from system calls. */
	int broken;
	/* Of its clocks only those work that need no time stamp counter. */
	int coarse;
};

/* Each ends with an entry without a name. */
extern const struct kind seccomp_kinds[], memory_kinds[], vdso_kinds[], process_kinds[];

/* The clock functions as they are to be called; a kind that moves them says where to. */
extern struct vdso clocks;
/* How often SIGSYS was delivered, and how often a supervisor was asked. */
extern volatile int delivered;
/* The program's arguments, for kinds that start it again. */
extern char **arguments;

/* Ends the process with a message: a test must not go on with less. */
_Noreturn void fail(const char *what);

struct range {
	uintptr_t start, end;
	int protection; /* PROT_… */
	char name[32];	/* as in /proc/self/maps, cut */
};

/* The mappings of this process, in order, into `ranges`; returns how many. Allocates nothing. */
size_t read_ranges(struct range *ranges, size_t most);
/* The first mapping whose name begins like this; ends the process if there is none. */
struct range find_range(const char *name);

#endif
