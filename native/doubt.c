/*
 * doubt.c - whether it was our stop that made a system call answer EINTR.
 *
 * Where a stop does not show the call that it has interrupted (NEEDS_A_LOOK), a handler that has returned just now
 * to behind a call of the program's own looks the same. If the thread was seen asleep in that call, it is our
 * doing. If not, the handler's frame tells, which lies below the stack as it was; and of one on another stack, that
 * what the kernel keeps as the call's first argument is no descriptor that the call might be made with. In doubt
 * the EINTR stays: a program that would miss one of its own might wait for ever.
 */
#include "arch/arch_calls.h"
#include "session.h"

#if NEEDS_A_LOOK

#define FRAME_PAGES 4 /* with the longest vectors a frame takes 10 KiB */
#define FRAME_PC (sizeof(struct signal_frame) / 8) /* words from its start */

static int is_frame_of(const uint64_t *pc, const struct registers *regs) {
  return *pc == regs_pc(regs) && is_signal_frame_pc(pc, 0) &&
         same_bytes(pc - FRAME_PC, regs, sizeof(struct signal_frame));
}

static int has_left_a_frame(int tid, const struct registers *regs) {
  uint64_t words[FRAME_PAGES * PAGE / 8 + SIGNAL_FRAME_WORDS] = {0};
  uint64_t sp = regs_sp(regs) & ~15ull, bytes = FRAME_PAGES * PAGE;
  while (bytes && sys_process_vm(NR_process_vm_readv, tid, words, sp - bytes, bytes) != (long)bytes) bytes -= PAGE;
  for (size_t i = FRAME_PC; i < bytes / 8; i++)
    if (is_frame_of(&words[i], regs)) return 1;
  return 0;
}

static int follows_a_call(int tid, const struct registers *regs) {
  uint8_t before[SYSCALL_BYTES];
  uint64_t at = regs_pc(regs) - sizeof before;
  return sys_process_vm(NR_process_vm_readv, tid, before, at, sizeof before) == sizeof before &&
         is_system_call(before, regs);
}

static int starts_with(const char *text, const char *start) {
  while (*start && *text == *start) text++, start++;
  return !*start;
}

static int has_open(int tid, uint64_t descriptor, const char *kind) {
  char link[32] = "";
  return descriptor <= INT32_MAX && descriptor_link(tid, (int)descriptor, link, sizeof link - 1) > 0 &&
         starts_with(link, kind);
}

int thread_undo_eintr(int tid, struct registers *regs, const struct registers *asleep) {
  struct sleep call;
  if (regs_undo_eintr(regs, asleep)) return 1;
  const char *kind = kind_of_descriptor(regs_call(regs));
  if (regs_in_syscall(regs) || regs_result(regs) != -EINTR || !kind) return 0;
  if (!follows_a_call(tid, regs) || has_left_a_frame(tid, regs)) return 0;
  /* The kernel tells the argument if it believes the call to be under way. */
  if (regs_claim_call(tid, (int)regs_call(regs)) < 0) return 0;
  int known = call_of(tid, &call);
  if (regs_claim_call(tid, NO_CALL) < 0 || !known || !has_open(tid, call.arguments[0], kind)) return 0;
  regs_make_again(regs, call.arguments[0]);
  return 1;
}

/*
 * A call like epoll_pwait has a signal mask of its own, which is in force up to the end of the stop. When the call
 * is made again from its start, signals that it lets through have to wait for that.
 */
static int end_call_mask(int tid) {
  uint64_t mask;
  long r = sys_ptrace(PTRACE_GETSIGMASK, tid, sizeof mask, (uintptr_t)&mask);
  return r < 0 ? (int)r : (int)sys_ptrace(PTRACE_SETSIGMASK, tid, sizeof mask, (uintptr_t)&mask);
}

int thread_store_undone(int tid, const struct registers *regs) {
  int r = end_call_mask(tid);
  return r < 0 ? r : regs_write(tid, regs);
}

#else

int thread_undo_eintr(int tid, struct registers *regs, const struct registers *asleep) {
  (void)tid;
  return regs_undo_eintr(regs, asleep);
}

int thread_store_undone(int tid, const struct registers *regs) { return regs_write(tid, regs); }

#endif
