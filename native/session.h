/*
 * session.h - a session: from seize to detach, over every thread of one target. Internal to the helper.
 */
#ifndef TIMESKEW_SESSION_H
#define TIMESKEW_SESSION_H

#include "arch/x86_64.h"
#include "timeskew.h"

enum thread_state {
  THREAD_SEIZED,  /* interrupted, has not stopped yet */
  THREAD_STOPPED, /* in a ptrace stop; `regs` holds its registers */
  THREAD_RUNNING, /* let go for a moment, still seized */
  THREAD_GONE,    /* exited, or detached */
};

struct thread {
  int tid;
  uint8_t state;
  uint8_t group_stop; /* stopped by job control as well */
  uint8_t inside;     /* TS_DRAIN: may be inside our code */
  struct registers regs;
};

struct session {
  const struct ts_plan *plan;
  const uint8_t *data; /* the plan's data */
  struct ts_report *report;
  uint8_t *output;
  uint64_t output_size;

  int pid;
  int proc; /* descriptor of /proc/PID */
  int mem;  /* of /proc/PID/mem, or negative */
  uint64_t deadline;
  uint64_t stopped_since; /* 0 while the target runs */

  struct thread *threads;
  uint32_t count, capacity;
  int32_t *seen; /* hash set of thread ids, a power of two large */
  uint32_t seen_size;

  long policy, timer_slack; /* of the helper's thread, for afterwards */
  int hurried;

  int committed;  /* past the point of no return */
  int stub_dirty; /* the stub's scratch holds our bytes */
  int stub_lost;  /* a thread that we could not stop runs there: hands off */
};

/* ---- thread.c, threads.c: who is stopped --------------------------------------------------------------------------- */

/* The tool's thread runs before all others, from here to there. */
void session_hurry(struct session *s);
void session_unhurry(struct session *s);
/* Stop every thread (or one, with TS_STOP_ONE) before the deadline. On failure some are left seized. */
TS_MUST_CHECK int session_stop(struct session *s);
/* Let every thread go; those first that stand still. */
void session_release(struct session *s);
void session_free(struct session *s);
/* A stopped thread to run remote calls and word writes through; NULL when none is left. */
struct thread *session_runner(struct session *s);

TS_MUST_CHECK int thread_seize(struct session *s, struct thread *t);
int thread_interrupt(struct thread *t); /* a failure shows when the stop is awaited */
TS_MUST_CHECK int thread_await_stop(struct session *s, struct thread *t, uint64_t deadline);
TS_MUST_CHECK int thread_load(struct session *s, struct thread *t);
TS_MUST_CHECK int thread_store(struct thread *t, const struct registers *regs);
void thread_release(struct session *s, struct thread *t);

/* One look at a thread that is on its way to a stop. */
enum poll { POLL_PENDING, POLL_STOPPED, POLL_SYSCALL, POLL_SIGNAL, POLL_GONE };
enum poll thread_poll(const struct session *s, struct thread *t, int *signal);
/* Replaces an entry of the list of threads that would not be let go: 0 is no thread. 0 where there is none. */
TS_MUST_CHECK int straggler_replace(int tid, int by);
/* How long a thread may take to stop when it is to be let go. */
#define RELEASE_TIMEOUT_NS 100000000ull
/* Waits a little longer each time. */
void backoff(uint32_t round);

/* ---- memory.c: the target's memory ----------------------------------------------------------------------- */

TS_MUST_CHECK int memory_read(struct session *s, uint64_t address, void *into, size_t n);
/* Writes read-only pages too. Not one access: only for bytes that no thread uses. */
TS_MUST_CHECK int memory_write(struct session *s, uint64_t address, const void *from, size_t n);
/* Replaces one aligned 8-byte word by one access. */
TS_MUST_CHECK int memory_poke(struct session *s, uint64_t address, const void *word);

/* ---- remote.c: calls in the target ----------------------------------------------------------------------- */

TS_MUST_CHECK int remote_syscall(struct session *s, uint64_t nr, const uint64_t arguments[6], int64_t *result);
TS_MUST_CHECK int remote_call(struct session *s, uint64_t function, uint64_t argument, uint64_t stack);
/* Puts the scratch back as it was, where a stub was written. */
TS_MUST_CHECK int remote_finish(struct session *s);

/* ---- stacks.c: return addresses and signal frames --------------------------------------------------------- */

/* Signal frames that would return to pair.from return to pair.to instead; counts them in *changed. */
TS_MUST_CHECK int stacks_move(struct session *s, struct thread *t, const struct ts_pair *pairs, uint32_t count,
                              uint32_t *changed);
/* Whether a thread may be executing, or may return to, code in [start, end). */
int stacks_inside(struct session *s, struct thread *t, uint64_t start, uint64_t end, const struct ts_pair *callees,
                  uint32_t count);

/* ---- drain.c ------------------------------------------------------------------------------------------------ */

TS_MUST_CHECK int drain(struct session *s, const struct ts_step *step);

#endif
