/*
 * session.h - a session: from seize to detach, over every thread of one target. Internal to the helper.
 */
#ifndef TIMESKEW_SESSION_H
#define TIMESKEW_SESSION_H

#include "arch/arch.h"
#include "timeskew.h"

enum thread_state {
  THREAD_SEIZED,  /* may run; interrupted or about to be */
  THREAD_ASLEEP,  /* in a system call, and left there; `regs` holds what /proc tells */
  THREAD_STOPPED, /* in a ptrace stop; `regs` holds its registers */
  THREAD_RUNNING, /* let go for a moment, still seized */
  THREAD_GONE,    /* exited, or detached */
};

struct thread {
  int tid;
  uint8_t state;
  uint8_t group_stop; /* stopped by job control as well */
  uint8_t presence;   /* TS_DRAIN: enum presence */
  uint8_t stubborn;   /* sleeps so that it cannot be stopped, or did not stop when we tried */
  uint8_t interrupted; /* with `stubborn`: will stop when it wakes up */
  uint8_t called;     /* has made a remote call since it stopped */
  uint8_t seized;     /* by this session, and nobody's before */
  uint8_t held;       /* stands still for as long as the tool likes, also after the session */
  uint8_t filtered;   /* has a seccomp filter that we may not suspend: makes no remote calls */
  uint8_t looked;     /* was asleep when it was interrupted; `regs` holds what /proc told then */
  uint8_t clear;      /* on its stacks is nothing (more) for the plan to do, for as long as it does not run */
  int schedstat;      /* of a sleeper: descriptor of /proc/PID/task/TID/schedstat, or negative */
  uint64_t arrivals;  /* how often it had been given a processor when we looked */
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
  uint64_t options; /* of ptrace, for every thread */
  int compat;   /* the target is a 32-bit program */
  int followed; /* works on the follower's thread, which traces the target already, and goes on doing so */
  uint64_t deadline;
  uint64_t stopped_since; /* 0 while the target runs */

  struct thread *threads;
  uint32_t count, capacity;
  int32_t *seen; /* hash set of thread ids, a power of two large */
  uint32_t seen_size;

  uint32_t first_step;  /* where to begin: at a drain, when it is tried again */
  const int32_t *only;  /* then, the threads that were inside; NULL: all */
  uint32_t only_count;
  const struct ts_step *moves; /* the TS_MOVE that applies to whoever wakes up, or NULL */

  int committed;  /* past the point of no return */
  int entered;    /* a thread that we did not stop may have run into our pages */
  int stub_dirty; /* the stub's scratch holds our bytes */
  int stub_lost;  /* errno: a thread could not be stopped there, or given back what it had: hands off */
};

/* Pages of ours that nobody may be inside of when they are unmapped. */
struct pages {
  const struct ts_range *code, *tables; /* what is executed; what a system call may read */
  uint32_t code_count, table_count;
  struct ts_range called; /* code that ours calls: who is there may return to ours */
  const struct ts_gate_ahead *gate; /* which the main thread may have before it; or NULL */
};

enum presence {
  OUTSIDE,
  WAITING, /* inside, in a system call that sleeps or is about to be made again */
  INSIDE,
};

static inline int in_range(uint64_t address, const struct ts_range *range) {
  return address >= range->start && address < range->end;
}
static inline int in_ranges(uint64_t address, const struct ts_range *ranges, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (in_range(address, &ranges[i])) return 1;
  return 0;
}

/* ---- worker.c: whose thread does the tracing ---------------------------------------------------------------------- */

/*
 * Calls run(context) on a new thread, and returns when that has ended and let every tracee go. One that `outlives` us
 * does its work to the end when we are killed.
 */
TS_MUST_CHECK int worker_run(void (*run)(void *), void *context, int outlives);
/* Waits until the thread that was `created`, whose id is at `tid` while it lives, has let every tracee go. */
void worker_await(const int *tid, long created);

/* ---- wake.c: the signal that wakes threads of ours ------------------------------------------------------------------ */

/* One that no libc uses (32 to 34), nor Node. */
#define WAKE_SIGNAL 62

/* It does no harm from here to there: it makes a PTRACE_SEIZE that waits answer EINTR. -errno: it would end the tool. */
TS_MUST_CHECK int wake_begin(void);
void wake_end(void);
/* This thread gets it, which has blocked every signal. */
void wake_permit(void);
/* The same, and every now and then, until no more: answers the timer, or -errno. */
int wake_regularly(void);
void wake_no_more(int timer);

/* ---- follow.c, follower.c: who is traced for longer than a session ------------------------------------------------- */

/* Calls run(context) on the follower's thread, between its other duties. -ESRCH: there is no follower. */
TS_MUST_CHECK int follower_run(int (*run)(void *), void *context);
/* Carries out a session on somebody who is followed: hold(s), on the follower's thread. */
TS_MUST_CHECK int follow_session(struct session *s, void (*hold)(void *));
/* Notes whether a thread is held, and how. -EAGAIN: it is about to be. */
TS_MUST_CHECK int follow_look(struct thread *t);
/* Does what is due for others while a session waits. */
void follow_meanwhile(struct session *s);
/* Lets a thread go on as it did before the session. */
void follow_release(struct session *s, struct thread *t);
/* For a thread that will stop only after the session. */
void follow_late(const struct thread *t);

/* ---- thread.c, threads.c: who is stopped --------------------------------------------------------------------------- */

/* What is asked of ptrace for a session, and for as long as somebody is followed. */
#define SESSION_OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE)
#define FOLLOW_OPTIONS (SESSION_OPTIONS | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC)

/* This thread, and those that it starts, run before all others from here to there. */
struct precedence {
  long policy, timer_slack;
  int taken;
};
void hurry(struct precedence *before);
void unhurry(const struct precedence *before);
/*
 * Stop every thread that runs (or one thread, with TS_STOP_ONE) before the deadline; those asleep in a system call are
 * left asleep unless the plan wants them woken. On failure some are left seized.
 */
TS_MUST_CHECK int session_stop(struct session *s);
/* Seize every thread, and stop none. */
TS_MUST_CHECK int session_seize(struct session *s);
/* Whoever calls execve waits for its other threads to end; those that are ours end when they are buried. */
void session_bury(struct session *s);
/* Stop who has woken up, and who is new. */
TS_MUST_CHECK int session_refresh(struct session *s);
/* Let the stopped ones go; the end of our thread does the rest. */
void session_release(struct session *s);
void session_free(struct session *s);
/* A stopped thread to run remote calls and word writes through; NULL where there is none. */
struct thread *session_stopped(struct session *s);
/* The same; wakes one if all are asleep. NULL when none is left. */
struct thread *session_runner(struct session *s);

/* -ETIMEDOUT: its process is busy with an execve. */
TS_MUST_CHECK int thread_seize(struct session *s, struct thread *t);
/* Buries a thread that has ended, if it is ours and not the main thread. */
void thread_bury(const struct session *s, int tid);
/* One that is held stands still already. -EAGAIN: it is about to be. */
TS_MUST_CHECK int thread_take_held(struct session *s, struct thread *t);
/* Lets a thread go on that is stopped for a signal, with that signal, and stops it right behind. */
void thread_deliver(const struct thread *t, int signal);
/* A failure shows when the stop is awaited. */
int thread_interrupt(struct session *s, struct thread *t);
TS_MUST_CHECK int thread_await_stop(struct session *s, struct thread *t, uint64_t deadline);
/*
 * From whatever a thread is stopped for to a stop by an interrupt, with a signal or 0. It executes nothing in between; but
 * the system call at whose entry it stands is made. Only from such a stop does the kernel restart, when PTRACE_CONT comes,
 * the call that its registers tell of.
 */
TS_MUST_CHECK int thread_stop_again(struct session *s, struct thread *t, int signal, uint64_t deadline);
TS_MUST_CHECK int thread_store(struct thread *t, const struct registers *regs);
/* Reads the registers of a thread that has just stopped, and undoes what the stop did to its system call. */
TS_MUST_CHECK int thread_load(struct session *s, struct thread *t);
void thread_release(struct session *s, struct thread *t);
/* One look at a thread that is on its way to a stop. 1: stopped and loaded, or gone; 0: not yet; or -errno. */
TS_MUST_CHECK int thread_collect(struct session *s, struct thread *t);
/*
 * Makes a stopped thread's registers say all that the kernel knows of the system call that it was interrupted in: where they do not
 * tell of a restart block (NEEDS_A_LOOK), the call is begun again, and interrupted again, until they do.
 */
TS_MUST_CHECK int thread_settle(struct session *s, struct thread *t);
/*
 * Whether a stopped thread's call has answered EINTR because of our stop: the registers are changed so that it is made again then.
 * `asleep`: those that it was seen asleep with before it was interrupted, or NULL.
 */
int thread_undo_eintr(int tid, struct registers *regs, const struct registers *asleep);
/* Stores what thread_undo_eintr has changed. */
TS_MUST_CHECK int thread_store_undone(int tid, const struct registers *regs);
/* A remote call may be forbidden to the thread that makes it: its seccomp filters do not apply while it does. */
TS_MUST_CHECK int thread_suspend_filters(const struct session *s, const struct thread *t, int suspend);
/* As /proc shows it: R, S, D, ...; X where there is none such. */
char thread_state_letter(const struct session *s, int tid);
int thread_has_exited(const struct session *s, int tid);
/* Signals that an instruction causes, rather than another process. */
int is_fault(int signal);

/* One look at a thread that is on its way to a stop. */
enum poll { POLL_PENDING, POLL_STOPPED, POLL_SYSCALL, POLL_SIGNAL, POLL_EVENT, POLL_EXEC, POLL_GONE };
enum poll thread_poll(const struct session *s, struct thread *t, int *signal);
/* Waits a little longer each time. */
void backoff(uint32_t round);
/* The same, for one of the target's threads; the others whom we follow are served meanwhile. */
void session_pause(struct session *s, uint32_t round);
/* Among the threads of the tool. */
static inline void take(uint32_t *lock) {
  for (uint32_t round = 0; __atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE); round++) backoff(round);
}
static inline void leave(uint32_t *lock) { __atomic_store_n(lock, 0, __ATOMIC_RELEASE); }

/* ---- sleeper.c: who sleeps ----------------------------------------------------------------------------------------- */

/* Reads /proc/PID/task/TID/`name` into text, which it ends with a 0; answers the length, or -errno. */
long thread_file(const struct session *s, int tid, const char *name, char *text, size_t size);
/* The same of /proc/TID/status. */
long status_of(int tid, char *text, size_t size);
/* What the link of a thread's open descriptor says, without a 0 behind it; answers the length, or -errno. */
long descriptor_link(int tid, int descriptor, char *link, size_t size);
/* Whether the kernel tells, of a thread that does not run, which system call it is in. */
int call_of(int tid, struct sleep *sleep);
/* Whether a thread sleeps in a system call in which it may be left; fills its registers as far as they are known. */
int sleeper_look(struct session *s, struct thread *t);
/* Whether it has slept on, or is asleep where it was at the last look, if no more can be told. */
int sleeper_is_still(struct session *s, struct thread *t);
/* The same, without doubt. */
int sleeper_slept_on(const struct thread *t);
/* The one that minds being woken least; NULL where nobody sleeps. */
struct thread *sleeper_choose(struct session *s);
/* Stops a sleeper. A wait that it will begin again is shortened by what it has waited, where that can be done. */
TS_MUST_CHECK int sleeper_wake(struct session *s, struct thread *t, uint64_t deadline);

/* ---- memory.c: the target's memory ----------------------------------------------------------------------- */

TS_MUST_CHECK int memory_read(struct session *s, uint64_t address, void *into, size_t n);
/* As much as can be read up to the first hole: whole pages, but for the first one's part. 0: nothing. */
long memory_read_pages(struct session *s, uint64_t address, void *into, size_t n);
#define MOST_WORDS 64
/* The 8 bytes at the address of each step. */
TS_MUST_CHECK int memory_read_words(struct session *s, const struct ts_step *steps, uint32_t count, uint64_t *words);
/* Writes read-only pages too. Not one access: only for bytes that no thread uses. */
TS_MUST_CHECK int memory_write(struct session *s, uint64_t address, const void *from, size_t n);
/* Replaces 8 bytes within one page by one write. */
TS_MUST_CHECK int memory_poke(struct session *s, uint64_t address, const void *bytes);
/* The same with a word of a stack of the target's. */
TS_MUST_CHECK int memory_poke_word(struct session *s, uint64_t address, uint64_t value);

/* ---- remote.c: calls in the target ----------------------------------------------------------------------- */

/* *result is left alone if the call was not made; on failure, too, it may have been. */
TS_MUST_CHECK int remote_syscall(struct session *s, uint64_t nr, const uint64_t arguments[6], int64_t *result);
TS_MUST_CHECK int remote_call(struct session *s, uint64_t function, uint64_t argument, uint64_t stack);
/* A stopped process, which may be a 32-bit one, ends with this exit code as soon as it goes on. */
TS_MUST_CHECK int remote_exit(int tid, int code);
/* Puts the scratch back as it was, where a stub was written. -errno: it is not, or a thread lacks something of its own. */
TS_MUST_CHECK int remote_finish(struct session *s);

/* ---- stacks.c: return addresses and signal frames --------------------------------------------------------- */

/* How many signal frames would return to a pair.from. */
uint32_t stacks_count(struct session *s, struct thread *t, const struct ts_pair *pairs, uint32_t count);
/* To where the thread returns by what it has on its stack, if it is about to. 0: that cannot be told. */
uint64_t stacks_return_address(struct session *s, const struct registers *regs);
/* Signal frames that would return to pair.from return to pair.to instead; counts them in *changed. */
TS_MUST_CHECK int stacks_move(struct session *s, struct thread *t, const struct ts_pair *pairs, uint32_t count,
                              uint32_t *changed);
/* Whether somebody interrupted by a signal goes on in our pages, or a return address leads to their code. */
int stacks_lead_inside(struct session *s, struct thread *t, const struct pages *pages);

/* ---- presence.c: who is inside our pages -------------------------------------------------------------------------- */

/* Of a thread that sleeps or is stopped. */
enum presence presence_of(struct session *s, struct thread *t, const struct pages *pages);
/* Whether a system call instruction comes next, with arguments in our tables. */
int is_about_to_read(struct session *s, const struct registers *regs, const struct pages *pages);

/* ---- plan.c -------------------------------------------------------------------------------------------------- */

static inline const struct ts_step *step_at(const struct session *s, uint32_t i) {
  return (const struct ts_step *)(s->plan + 1) + i;
}
/* Whether no step reaches beyond the plan's own bounds, nor is unknown. */
int plan_is_well_formed(const struct ts_plan *p, uint64_t size, uint64_t output_size);
/* The steps in order; where one fails, they are undone. -errno of the one that failed. */
TS_MUST_CHECK int plan_run(struct session *s);
/* -ESTALE: the target's memory holds other bytes. */
TS_MUST_CHECK int plan_check(struct session *s, uint64_t address, const uint8_t *expected, uint64_t n);
/* Whether no step of the plan concerns a sleeper, or what is on its stacks. */
int plan_passes_over(struct session *s, struct thread *t);

/* ---- patch.c ------------------------------------------------------------------------------------------------- */

/* Carries out the TS_PATCH at this step, and those right behind it. *begun, 0 before, counts what there may be to undo. */
TS_MUST_CHECK int patch_some(struct session *s, uint32_t at, uint32_t *begun);
/* The inverse, also of one whose write has failed. */
TS_MUST_CHECK int patch_undo(struct session *s, const struct ts_step *step);

/* ---- drain.c ------------------------------------------------------------------------------------------------ */

/* Notes each thread's presence, after giving those inside some turns to leave; counts all that are, and who waits. */
TS_MUST_CHECK int drain(struct session *s, const struct pages *pages, uint32_t *lingering, uint32_t *waiting);

#endif
