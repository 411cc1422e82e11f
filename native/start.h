/*
 * start.h - programs that the tool starts, or becomes: the interface (src/tracer/start.ts), and what start.c, enter.c and
 * await.c share. Answers are 0 (or what is said) or -errno.
 */
#ifndef TIMESKEW_START_H
#define TIMESKEW_START_H

#include "sys.h"
#include "timeskew.h"

/* ---- the interface ---------------------------------------------------------------------------------------- */

/*
 * A program as execve(2) takes it: `paths` to try one after the other, `arguments`, `variables` of the environment. All
 * are strings that end with a NUL, in this order, one behind the other.
 */
struct ts_program {
  uint32_t size; /* bytes, this head included */
  uint32_t paths, arguments, variables;
  /* char strings[]; */
};

/* What the tool's own process was started with, and Node has changed. */
struct ts_inherited {
  uint64_t open_files; /* RLIMIT_NOFILE's soft limit; 0: leave it */
  uint32_t count;      /* of descriptors, which are to be left open */
  uint32_t blocking;   /* bit N: descriptor N was so; Node makes pipes that it opens non-blocking, for all who share them */
  /* int32_t descriptors[count]; */
};

#define TS_ENTRY_NAMESPACES 8
#define TS_ENTRY_IDS 1u
#define TS_ENTRY_GROUPS 2u
#define TS_ENTRY_NO_NEW_PRIVS 4u

/* How to become like another process. Descriptors, or -1. */
struct ts_entry {
  int32_t first[TS_ENTRY_NAMESPACES]; /* joined in this order, before all others */
  int32_t pid_namespace, mount_namespace;
  int32_t root, directory;
  int32_t user_namespace; /* joined last */
  uint32_t flags;
  uint32_t uid, gid; /* as in its user namespace */
  uint64_t lost;     /* bit N: capability N is none of its, nor of what it may execute */
  int32_t tracer;    /* who may trace it, whatever Yama says; 0: nobody is to */
  uint32_t group_count;
  /* uint32_t groups[group_count]; */
};

/* What the process that ts_enter() makes tells, 8 bytes each; the end of the pipe says that the program runs. */
enum ts_entry_news {
  TS_ENTERED = 1,      /* value: the pid of who executes `there` */
  TS_ENTERED_HERE = 2, /* the same, of who executes `here`: the files have none of the paths */
  TS_ENTRY_FAILED = 3, /* value: errno; nobody was started */
  TS_EXEC_FAILED = 4,  /* value: errno; the program could not be executed */
};
struct ts_entry_report {
  uint32_t news;
  int32_t value;
};

/*
 * Starts a program that is nobody's child: a session of its own, / as its directory, nothing open but a pipe from us
 * (its descriptor 0), a pipe to us (1), /dev/null (2) and our stderr (3). Yama permits it to trace us. pipes[0] is the end to write
 * to, pipes[1] that to read from.  -> its pid
 */
TS_EXPORT TS_MUST_CHECK int ts_launch(const struct ts_program *program, int32_t pipes[2]);
/* This process becomes the program; answers only if it cannot. */
TS_EXPORT TS_MUST_CHECK int ts_become(const struct ts_program *program, const struct ts_inherited *inherited);
/*
 * Starts a child that waits for a byte from pipes[0], enters the namespaces, and becomes the program `there`; if the
 * files of the mount namespace have none of its paths, the program `here`, outside of the mount and pid namespaces. It
 * tells by pipes[1] how that goes (struct ts_entry_report).  -> its pid; that of the program is told
 */
TS_EXPORT TS_MUST_CHECK int ts_enter(const struct ts_entry *entry, const struct ts_program *there,
                                     const struct ts_program *here, const struct ts_inherited *inherited,
                                     int32_t pipes[2]);
/* From now on what is sent to us is for the program that is being made: it is kept for it, once of each. */
TS_EXPORT void ts_hold_signals(void);
/*
 * Stands for the program that an entrant has made until its end: hands on signals, stops when it stops, and ends as it
 * does. No return but -errno.
 */
TS_EXPORT TS_MUST_CHECK int ts_await(int pid, int entrant);
/* When that process ends, our descriptor `fd` becomes what `instead` is. Returns at once. */
TS_EXPORT TS_MUST_CHECK int ts_replace_at_end(int pid, int fd, int instead);

_Static_assert(sizeof(struct ts_program) == 16, "src/tracer/start.ts packs this");
_Static_assert(sizeof(struct ts_inherited) == 16, "src/tracer/start.ts packs this");
_Static_assert(sizeof(struct ts_entry) == 80, "src/tracer/start.ts packs this");

/* ---- between the three ------------------------------------------------------------------------------------ */

#define E2BIG 7
#define ENOEXEC 8
#define EACCES 13
#define ENODEV 19
#define ENOTDIR 20

#define SIGPIPE 13
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGXFSZ 25
#define SIGNALS 64
#define SIG_DFL 0ul
#define SIG_IGN 1ul
#define EVERY_SIGNAL (~0ull)

#define CLONE_VM 0x100ul
#define CLONE_VFORK 0x4000ul
#define CLONE_PARENT 0x8000ul
#define CLONE_PARENT_SETTID 0x100000ul

#define RLIMIT_CORE 4
#define RLIMIT_NOFILE 7
#define PR_SET_DUMPABLE 4
#define PR_SET_PTRACER 0x59616d61

/* The kernel's own struct sigaction. */
struct disposition {
  uintptr_t handler;
  uint64_t flags;
  void (*restorer)(void);
  uint64_t mask;
};

struct limit {
  uint64_t soft, hard;
};

/* A ts_program with pointers into it. */
struct program {
  const char **paths;
  const char **arguments; /* behind a place for one more */
  const char **variables;
  uint32_t path_count;
  size_t size;
};

TS_MUST_CHECK int unpack_program(struct program *program, const struct ts_program *packed);
void free_program(struct program *program);
/* As execvp(3), with paths instead of a name.  -> -errno of the reason, if none can be executed */
int execute_program(struct program *program);
/* For what is to be executed next by this thread's process. */
void hand_on(const struct ts_inherited *inherited);
/* In a child, where no handler of Node's may run. */
void reset_signals(void);

static inline long sys_prctl(long option, long a) { return sys6(NR_prctl, option, a, 0, 0, 0, 0); }
static inline void sys_set_mask(uint64_t mask, uint64_t *old) {
  (void)sys6(NR_rt_sigprocmask, SIG_SETMASK, (long)&mask, (long)old, sizeof mask, 0, 0);
}
static inline void sys_disposition(int signal, const struct disposition *wanted, struct disposition *old) {
  (void)sys6(NR_rt_sigaction, signal, (long)wanted, (long)old, sizeof(uint64_t), 0, 0);
}
static inline long sys_pipe(int32_t ends[2]) { return sys6(NR_pipe2, (long)ends, O_CLOEXEC, 0, 0, 0, 0); }
static inline long sys_duplicate(int from, int to) { return sys6(NR_dup3, from, to, 0, 0, 0, 0); }
static inline void sys_end(int code) { (void)sys6(NR_exit_group, code, 0, 0, 0, 0, 0); }
static inline void close_both(const int32_t ends[2]) {
  (void)sys_close(ends[0]);
  (void)sys_close(ends[1]);
}

#endif
