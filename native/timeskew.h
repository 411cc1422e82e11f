/*
 * timeskew.h - the helper's public interface, and the layout of the plans that it carries out.
 *
 * The helper is mechanism without policy: TypeScript decides what is written where, packs that into one plan,
 * and ts_run() carries the whole plan out while the target is stopped. Answers are numbers (a stage, a step, an
 * errno); the words for people are made in src/tracer/diagnose.ts.
 *
 * A session's life, each function's result must be checked:
 *
 *     ts_lock    be the only timeskew at work on a target   -> 0, -EAGAIN or -errno
 *     ts_read    look at its memory, without a stop         -> 0 or -errno
 *     ts_write   change its memory, without a stop          -> 0 or -errno
 *     ts_run     seize, stop, carry out, roll back, detach  -> 0 or -errno, and a report
 *
 * A target is named by its pid and by a descriptor `proc` of its /proc/PID directory, which goes on meaning this very
 * process when the pid is used again. Closing the descriptor gives the lock back, as does our death.
 *
 * native/README.md tells what each call guarantees. Freestanding: nothing here needs a libc.
 */
#ifndef TIMESKEW_H
#define TIMESKEW_H

#include <stdint.h>

#define TS_ABI 4
#define TS_EXPORT __attribute__((visibility("default")))
#define TS_MUST_CHECK __attribute__((warn_unused_result))

/* ---- steps of a plan -------------------------------------------------------------------------------------- */

enum ts_op {
  TS_CHECK = 1,  /* memory at `address` must equal data[a, +length); ESTALE otherwise */
  TS_MAP = 2,    /* remote mmap of `length` private anonymous bytes at `address`, protection `value` */
  TS_UNMAP = 3,  /* remote munmap */
  TS_WRITE = 4,  /* write data[a, +length); with TS_HAS_OLD its inverse writes data[b, +length) */
  TS_PATCH = 5,  /* rewrite 8 bytes within one page by one write: data[a, +8) must be there, data[b, +8) replaces it */
  TS_MOVE = 6,   /* threads (and signal frames) at pair.from go on at pair.to; `count` pairs at data[a]; stops who woke up */
  TS_CALL = 7,   /* call the function at `address` in the target, argument `value`, stack top `value2` */
  TS_READ = 8,   /* copy `length` bytes to the output buffer at offset a */
  TS_DRAIN = 9,  /* wait up to `value` ns until no thread can be inside our pages; see below */
  TS_OURS = 10,  /* nothing. [address, +length) is code of ours that was there before, for the inverses of the TS_MAPs */
};

#define TS_HAS_OLD 1u
#define TS_HAS_GATE 2u

/*
 * TS_DRAIN is the point of no return: what was done before it is never rolled back after it. Where threads remain
 * inside, the steps behind it are left undone and report.lingering counts the threads.
 *
 * Inside is whoever executes, or may return to, one of the `count` ranges at data[a], our code; and whoever is in a
 * system call that may yet read the time to wait until from [address, +length), the waits table (length 0: none). Of
 * the latter, and of those in a call that our code has made, report.waiting counts who merely sleeps: for them the step
 * does not wait.
 *
 * With TS_HAS_GATE, a struct ts_gate_ahead at data[b], so is the main thread as long as it has the gate before it.
 *
 * The inverses of the TS_MAPs, too, are carried out only if nobody can be inside any of them, or what TS_OURS names: what
 * is executable is the code, what is not may be read by a call. These steps name with `value2` where the code begins that
 * ours calls; it ends with the stub's scratch.
 */

struct ts_step {
  uint32_t op;
  uint32_t flags;
  uint32_t count;
  uint32_t a; /* offset into the plan's data */
  uint32_t b;
  uint32_t reserved;
  uint64_t address; /* in the target */
  uint64_t length;  /* bytes */
  uint64_t value;
  uint64_t value2;
};

struct ts_pair {
  uint64_t from;
  uint64_t to;
};

/* The main thread may yet come by our gate (payload/gate.S), to which its dynamic linker was sent. */
struct ts_gate_ahead {
  uint64_t word;  /* address of a word: 0 when the gate was passed */
  uint64_t first; /* who stands there has not begun, and will not be sent any more */
};

#define TS_PLAN_MAGIC 0x4e4c5054u /* "TPLN" */
#define TS_STOP_ONE 1u            /* stop one thread only: for plans that rewrite no code */
#define TS_FILTERED 2u            /* a thread of the target has a seccomp filter: our death must not end the session */
#define TS_OUR_CHILD 4u           /* the tool started the target: its exit status is not ours to take */
#define TS_WAKE_SLEEPERS 8u       /* stop also those who sleep in a system call */
#define TS_FOLLOWED 16u           /* we follow the target, and go on doing so; TS_FILTERED does not count then */
#define TS_COMPAT 32u             /* the target is a 32-bit program on a 64-bit kernel: all its addresses have 32 bits */

struct ts_range {
  uint64_t start;
  uint64_t end; /* behind the last byte */
};

struct ts_plan {
  uint32_t magic;
  uint32_t abi;
  int32_t pid;
  int32_t proc; /* descriptor of /proc/PID, locked */
  uint32_t flags;
  uint32_t step_count;
  uint64_t stop_timeout_ns;
  /* Scratch for self-restoring stubs: the tail of the vDSO's last page, and what it holds when unused. */
  uint64_t stub_address;
  uint32_t stub_size;
  uint32_t stub_pristine; /* offset into the plan's data */
  uint32_t data_offset;   /* from the start of the plan */
  uint32_t data_size;
  /* struct ts_step steps[step_count]; uint8_t data[data_size]; */
};

/* ---- what came of it -------------------------------------------------------------------------------------- */

enum ts_stage {
  TS_STAGE_PLAN = 0, /* the plan itself is malformed; nothing was touched */
  TS_STAGE_SEIZE = 1,
  TS_STAGE_STOP = 2,
  TS_STAGE_STEP = 3,
  TS_STAGE_DONE = 4,
  TS_STAGE_FINISH = 5, /* all steps done, but our scratch in the vDSO's tail could not be put back */
  TS_STAGE_BEGIN = 6,  /* the helper could not begin: no thread, no memory, or no signal of its own */
};

enum ts_rollback {
  TS_ROLLBACK_NONE = 0,   /* nothing to roll back */
  TS_ROLLBACK_DONE = 1,   /* every step undone */
  TS_ROLLBACK_FAILED = 2, /* the target may be left changed; see rollback_errno */
};

struct ts_report {
  int32_t error; /* errno, 0 when all went well */
  uint32_t stage;
  uint32_t step; /* the failing step, or the number carried out */
  uint32_t rollback;
  int32_t rollback_errno;
  int32_t culprit; /* thread id that the error is about, 0 when none */
  uint32_t threads;
  uint32_t moved;     /* threads moved into a trampoline */
  uint32_t frames;    /* signal frames moved into a trampoline */
  uint32_t lingering; /* threads that may still be inside, after TS_DRAIN */
  uint32_t waiting;   /* of those: asleep in a system call */
  uint32_t restarted; /* system calls put back after our stop had interrupted them */
  uint32_t asleep;    /* of `threads`: left asleep in a system call */
  uint32_t reserved;
  uint64_t pause_ns;  /* first interrupt to last release of whoever was stopped */
};

TS_EXPORT uint32_t ts_abi(void);
TS_EXPORT TS_MUST_CHECK int ts_lock(int proc);
TS_EXPORT TS_MUST_CHECK int ts_read(int proc, int pid, uint64_t address, void *into, uint64_t length);
TS_EXPORT TS_MUST_CHECK int ts_write(int proc, int pid, uint64_t address, const void *from, uint64_t length);
/* The host's clock `id`, by system call (never a patched vDSO): out[0] seconds, out[1] nanoseconds. */
TS_EXPORT TS_MUST_CHECK int ts_clock(int id, int64_t out[2]);
TS_EXPORT TS_MUST_CHECK int ts_run(const void *plan, uint64_t plan_size, void *output, uint64_t output_size,
                                   struct ts_report *report);

/* ---- following -------------------------------------------------------------------------------------------- */

/*
 * One thread of ours, the follower, traces processes and whatever they start, for as long as it is wanted. They run on;
 * only a process that has called execve is held, before its new program's first instruction, until it is told to go on.
 *
 *     ts_follow_start   begin                                   -> descriptor to read events from, or -errno
 *     ts_follow_add     follow a process, and what it starts    -> threads that are followed from now on, or -errno
 *     ts_follow_go      let a held one go on                    -> 0, -ESRCH: it is not held
 *     ts_follow_exit    or end, before its first instruction    -> 0, -ESRCH: it is not held
 *     ts_follow_end     let all go                              -> 0
 *
 * Every other call answers -ESRCH while there is no follower. A plan for somebody who is followed says TS_FOLLOWED.
 */

enum ts_event_kind {
  TS_HELD_EXEC = 1,   /* before the first instruction of a new program */
  TS_HELD_LOADED = 2, /* at the gate */
  TS_NOBODY = 3,      /* nobody is left to follow; `count`: how many calls of ts_follow_add there had been */
};

struct ts_event {
  uint32_t kind;
  int32_t pid;
  uint64_t count;
};

TS_EXPORT TS_MUST_CHECK int ts_follow_start(void);
/* The follower's thread id, the TracerPid of who is followed; 0: there is none. */
TS_EXPORT int ts_follow_id(void);
/* On failure `culprit` is the thread that it is about; nobody is followed who was not before. */
TS_EXPORT TS_MUST_CHECK int ts_follow_add(int proc, int pid, int32_t *culprit);
/* A `gate` other than 0: it is held once more when its main thread makes a system call that returns to there. */
TS_EXPORT TS_MUST_CHECK int ts_follow_go(int pid, uint64_t gate);
TS_EXPORT TS_MUST_CHECK int ts_follow_exit(int pid, int code);
TS_EXPORT TS_MUST_CHECK int ts_follow_end(void);

_Static_assert(sizeof(struct ts_event) == 16, "src/tracer/follow.ts unpacks this");
_Static_assert(sizeof(struct ts_step) == 56, "src/tracer/encode.ts packs this");
_Static_assert(sizeof(struct ts_plan) == 56, "src/tracer/encode.ts packs this");
_Static_assert(sizeof(struct ts_report) == 64, "src/tracer/encode.ts unpacks this");

#endif
