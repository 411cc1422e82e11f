/*
 * aarch64.h - what the helper knows about a tracee on arm64: its registers and its signal frames. The self-
 * restoring stub is in aarch64_stub.h, system calls are in aarch64_calls.h.
 *
 * The kernel decides early: when a system call was interrupted, it sets pc and x0 back before the tracer sees the
 * thread, and then looks like one that has yet to make the call. What the call had answered, and its first argument
 * where it answered EINTR, are not shown. So whoever is to be interrupted is looked at first (sleeper_look), and
 * what is seen then tells more.
 *
 * 32-bit programs are not handled (compat is 0), but recognised.
 */
#ifndef TIMESKEW_AARCH64_H
#define TIMESKEW_AARCH64_H

#include "../sys.h"

#define HAS_COMPAT 0
#define NEEDS_A_LOOK 1 /* a stop does not show which system call it has interrupted */

/* A thread asleep in a system call, as /proc/PID/task/TID/syscall shows it. */
struct sleep {
  uint64_t nr, arguments[6], sp, pc;
};

struct registers {
  uint64_t x[31], sp, pc, pstate; /* struct user_pt_regs */
  int64_t call;                   /* ours: the system call that it was seen in, at which it stands; or NO_CALL */
};
#define USER_REGISTERS offsetof(struct registers, call)

#define NT_ARM_SYSTEM_CALL 0x404
#define NT_ARM_SVE 0x405
#define NT_ARM_SSVE 0x40b
#define NO_CALL (-1)
#define NR_restart_syscall 128
#define PSTATE_32BIT 0x10
#define PSTATE_BTYPE 0xc00

#define SVC 0xd4000001u /* svc #0 */

/* Of a 32-bit thread there are fewer bytes of other registers, and what they mean is not asked here. */
static inline int regs_read(int tid, struct registers *r) {
  struct iovec io = {r, USER_REGISTERS};
  *r = (struct registers){.call = NO_CALL};
  int result = (int)sys_ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, (uintptr_t)&io);
  if (result == 0 && io.length < USER_REGISTERS)
    *r = (struct registers){.pc = 1, .pstate = PSTATE_32BIT, .call = NO_CALL};
  return result;
}

/* Has the kernel believe that a stopped thread is in this call, or in none. */
static inline int regs_claim_call(int tid, int call) {
  struct iovec io = {&call, sizeof call};
  return (int)sys_ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, (uintptr_t)&io);
}

/*
 * No call is under way for whoever has these registers: or the kernel would take an x0 like -ERESTARTSYS for its
 * own, and set back the pc. (x7 cannot be set at a system call's stops: the kernel has its own use for it, and puts
 * back what was there.)
 */
static inline int regs_write(int tid, const struct registers *r) {
  struct iovec io = {(void *)(uintptr_t)r, USER_REGISTERS};
  int result = regs_claim_call(tid, NO_CALL);
  return result < 0 ? result : (int)sys_ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, (uintptr_t)&io);
}

static inline uint64_t regs_pc(const struct registers *r) { return r->pc; }
static inline uint64_t regs_sp(const struct registers *r) { return r->sp; }
static inline void regs_set_pc(struct registers *r, uint64_t pc) { r->pc = pc; }
static inline int regs_are_of(const struct registers *r, int compat) {
  (void)compat;
  return !(r->pstate & PSTATE_32BIT);
}
static inline int64_t regs_result(const struct registers *r) { return (int64_t)r->x[0]; }

/* What a tracee is made to call. */
enum remote_call { REMOTE_MMAP = 222, REMOTE_MUNMAP = 215 };
static inline uint64_t remote_number(enum remote_call call, int compat) {
  (void)compat;
  return call;
}

/* To the `instruction`, a word that is to stand at its pc then, that ends the process. */
static inline void regs_exit(struct registers *r, int code, uint64_t *instruction) {
  r->pc &= ~7ull;
  r->x[8] = 94; /* exit_group */
  r->x[0] = (uint32_t)code;
  *instruction = SVC;
}

/* Whether the thread was seen in a system call, and stands before that again. */
static inline int regs_in_syscall(const struct registers *r) { return r->call != NO_CALL; }

/* Whether that is one that the kernel goes on with by its restart block. */
static inline int regs_resumes(const struct registers *r) { return r->call == NR_restart_syscall; }

/* The number of that call, or of the one that it is about to make. */
static inline uint64_t regs_call(const struct registers *r) { return r->x[8]; }

/* It stands at the call, which was under way. */
static inline void regs_note_call(struct registers *r) { r->call = (int64_t)regs_call(r); }

/* Whether the thread ever runs code of the program's: the kernel's io_uring workers, its threads as well, do not. */
static inline int regs_are_of_a_program(const struct registers *r) { return r->pc != 0; }

/* Argument i, from 0, of the system call that the thread is in, or about to make. */
static inline uint64_t *regs_argument(struct registers *r, int i) { return &r->x[i]; }

/* The registers of a thread asleep in a system call, as far as /proc tells them. */
static inline void regs_of_sleeper(struct registers *r, const struct sleep *sleep, int compat) {
  (void)compat;
  *r = (struct registers){.sp = sleep->sp, .pc = sleep->pc, .call = (int64_t)sleep->nr};
  r->x[8] = sleep->nr;
  for (int i = 0; i < 6; i++) r->x[i] = sleep->arguments[i];
}

/* An instruction that traps leaves the pc at itself. */
static inline int regs_trapped_at(const struct registers *r, uint64_t pc, int signal) {
  (void)signal;
  return r->pc == pc;
}

/* Bytes of a word of a thread's stack. */
static inline uint32_t stack_word(int compat) {
  (void)compat;
  return 8;
}

/*
 * A word of a stack that equals `pc`: is it the pc of a signal frame? There (struct sigcontext) it is followed by
 * pstate, by padding, and by the record that is always the first: that of the vector registers.
 */
#define FPSIMD_RECORD 0x21046508001ull /* its size, and its magic number */
static inline int is_signal_frame_pc(const uint64_t *word, int compat) {
  (void)compat;
  return word[3] == FPSIMD_RECORD && !(word[1] & 0x1f) && !(word[1] >> 32);
}
#define SIGNAL_FRAME_WORDS 4 /* that are looked at */

/* What stands there before pc. */
struct signal_frame {
  uint64_t x[31], sp;
};
union any_signal_frame {
  struct signal_frame wide;
};
static inline uint32_t signal_frame_bytes(int compat) {
  (void)compat;
  return sizeof(struct signal_frame);
}

/* The registers that somebody goes on with, as far as they concern system calls. */
static inline void regs_of_frame(struct registers *r, const union any_signal_frame *any, uint64_t pc, int compat) {
  (void)compat;
  *r = (struct registers){.sp = any->wide.sp, .pc = pc, .call = NO_CALL};
  copy_bytes(r->x, any->wide.x, sizeof r->x);
}

#define SYSCALL_BYTES 4

/* Whether a thread with these registers, for which `next` comes next, is about to make a system call. */
static inline int is_system_call(const uint8_t next[SYSCALL_BYTES], const struct registers *r) {
  const uint32_t svc = SVC;
  (void)r;
  return same_bytes(next, &svc, SYSCALL_BYTES);
}

/* Where a function that has called none yet returns to. */
static inline uint64_t regs_link(const struct registers *r) { return r->x[30]; }

/* Of a return address; the other bits may be its signature (paciasp), wherever addresses have as few bits. */
#define RETURN_ADDRESS ((1ull << 39) - 1)

/* Nobody's calls are made in the vDSO, so nobody asks. */
#define RETURN_BYTES 4
static inline int words_to_return(const uint8_t next[RETURN_BYTES], const struct registers *r) {
  (void)next, (void)r;
  return -1;
}

/*
 * The vector registers, as far as a call of ours takes something of them away: from who is in no system call it
 * takes the upper parts, where SVE is in use, or streaming SVE. What is common to all the kernel keeps; it is only
 * needed for a frame (stub_build).
 */
struct vectors {
  uint8_t common[528]; /* struct user_fpsimd_state */
  uint32_t type;       /* of the rest; 0: there is nothing to put back */
  uint32_t size;
  uint8_t bytes[9 * 1024]; /* struct user_sve_header, and what the longest vectors, of 2048 bits, take */
};
struct vectors_header {
  uint32_t size, max_size;
  uint16_t length, max_length, flags, reserved;
};
#define NT_PRFPREG 2
#define VECTORS_ARE_LONG 1 /* SVE_PT_REGS_SVE */

static inline struct vectors_header vectors_header(const struct vectors *v) {
  struct vectors_header header;
  copy_bytes(&header, v->bytes, sizeof header);
  return header;
}

/* Of these types one at the most is in use. */
static inline void vectors_keep_long(int tid, struct vectors *v, uint32_t type) {
  struct iovec io = {v->bytes, sizeof v->bytes};
  if (v->type || sys_ptrace(PTRACE_GETREGSET, tid, type, (uintptr_t)&io) < 0) return; /* this processor has none */
  struct vectors_header header = vectors_header(v);
  if (io.length < sizeof header || !(header.flags & VECTORS_ARE_LONG) || header.size > sizeof v->bytes) return;
  v->type = type;
  v->size = header.size;
}

static inline int vectors_keep(int tid, const struct registers *was, struct vectors *v) {
  struct iovec io = {v->common, sizeof v->common};
  v->type = 0;
  long r = sys_ptrace(PTRACE_GETREGSET, tid, NT_PRFPREG, (uintptr_t)&io);
  if (r < 0 || regs_in_syscall(was)) return (int)r;
  vectors_keep_long(tid, v, NT_ARM_SVE);
  vectors_keep_long(tid, v, NT_ARM_SSVE);
  return 0;
}

static inline int vectors_give_back(int tid, const struct vectors *v) {
  struct iovec io = {(void *)(uintptr_t)v->bytes, v->size};
  return v->type ? (int)sys_ptrace(PTRACE_SETREGSET, tid, v->type, (uintptr_t)&io) : 0;
}

#endif
