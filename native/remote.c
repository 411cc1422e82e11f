/*
 * remote.c - system calls and function calls inside the target, by a stopped thread that runs a self-restoring stub
 * (arch: stub_build) in the tail of the vDSO's last page.
 *
 * Order matters, because we may be killed between any two lines: the stub is complete before a thread is sent there;
 * the registers are set before the signal mask, and the mask is given back before the registers, so at each moment
 * the thread either stands where it was, with its own mask, or in a stub that restores both.
 */
#include "arch/arch_stub.h"
#include "session.h"
#include "shadow.h"

/* On an overloaded machine the thread has to wait for a processor; everybody else stands still meanwhile. */
#define LEAST_REMOTE_TIMEOUT_NS 2000000000ull
#define MOST_REMOTE_TIMEOUT_NS 5000000000ull

static uint64_t remote_deadline(const struct session *s) {
  uint64_t patience = s->plan->stop_timeout_ns;
  if (patience < LEAST_REMOTE_TIMEOUT_NS) patience = LEAST_REMOTE_TIMEOUT_NS;
  if (patience > MOST_REMOTE_TIMEOUT_NS) patience = MOST_REMOTE_TIMEOUT_NS;
  return sys_now() + patience;
}

static int set_mask(struct thread *t, uint64_t mask) {
  return (int)sys_ptrace(PTRACE_SETSIGMASK, t->tid, sizeof mask, (uintptr_t)&mask);
}

/*
 * A thread in a restartable sequence (rseq(2)) must not go on in its middle after it has been elsewhere: the kernel
 * forgets the sequence while the thread is in the stub. So it is aborted, as the kernel itself does with a thread
 * that was interrupted there.
 */
static int abort_sequence(struct session *s, struct thread *t) {
  struct {
    uint64_t area;
    uint32_t size, signature, flags, padding;
  } config;
  struct {
    uint32_t version, flags;
    uint64_t start, length, abort;
  } sequence;
  uint64_t current = 0;
  if (regs_in_syscall(&t->regs)) return 0; /* a sequence makes no system calls */
  /* Not registered, or a kernel before 5.13, which does not tell: nothing can be done about it. */
  if (sys_ptrace(PTRACE_GET_RSEQ_CONFIGURATION, t->tid, sizeof config, (uintptr_t)&config) < 0) return 0;
  if (!config.area || memory_read(s, config.area + 8, &current, sizeof current) < 0 || !current) return 0;
  if (memory_read(s, current, &sequence, sizeof sequence) < 0) return 0;
  if (regs_pc(&t->regs) - sequence.start >= sequence.length) return 0;
  regs_set_pc(&t->regs, sequence.abort);
  return thread_store(t, &t->regs);
}

/*
 * Whether a signal that the thread is stopped for has to do with the stub: an instruction of it has faulted. Or somebody
 * has sent it; or it is for an instruction of the program's own, which had faulted when we stopped the thread, and was
 * not told yet.
 */
static int is_ours(const struct thread *t, const struct stub *stub) {
  struct fault_info info = {0};
  struct registers now;
  if (sys_ptrace(PTRACE_GETSIGINFO, t->tid, 0, (uintptr_t)&info) < 0) return 1;
  if (regs_read(t->tid, &now) < 0) return 1;
  if (info.code <= 0) return 0;
  return regs_pc(&now) != regs_pc(&stub->start) || info.address == regs_pc(&now);
}

/*
 * Lets the thread run until its stub's call is done: 0, -errno, or the number of a signal that came first and that
 * must be delivered before the call is made again.
 */
static int run_stub(struct session *s, struct thread *t, const struct stub *stub, struct registers *now) {
  uint64_t deadline = remote_deadline(s);
  int arrivals = 0, deliver = 0;
  for (;;) {
    long r = sys_ptrace(PTRACE_SYSCALL, t->tid, 0, (uintptr_t)deliver);
    if (r < 0) return (int)r;
    deliver = 0;
    t->state = THREAD_RUNNING;
    t->called = 1;
    enum poll poll;
    int signal = 0;
    for (uint32_t round = 0; (poll = thread_poll(s, t, &signal)) == POLL_PENDING; round++) {
      if (sys_now() > deadline) return -ETIMEDOUT;
      session_pause(s, round);
    }
    if (poll == POLL_GONE || poll == POLL_EXEC) return -ESRCH;
    t->state = THREAD_STOPPED;
    if (poll == POLL_SIGNAL) {
      if (is_fault(signal)) return is_ours(t, stub) ? -EFAULT : signal;
      deliver = signal; /* SIGSTOP, which no mask holds back: the kernel makes it a job-control stop */
      continue;
    }
    if (poll != POLL_SYSCALL) continue;
    r = regs_read(t->tid, now);
    /* The call has been made: its result is worth a second question. */
    if (r < 0) r = regs_read(t->tid, now);
    if (r < 0) return (int)r;
    /* Entry and exit of the stub's own system call stop at the same pc; the exit is the one that counts. */
    if (regs_pc(now) == stub->done && ++arrivals == 2) return 0;
  }
}

/*
 * The same; -errno unless the call is known to have been made. Where a request fails, the thread goes on to where an interrupt stops it:
 * at the entry of the stub's call it could not be given back what it had, for the kernel would make the call that its own
 * registers name, which may have been made.
 */
static int make_call(struct session *s, struct thread *t, const struct stub *stub, struct registers *now) {
  int r = run_stub(s, t, stub, now), stopped;
  if (r >= 0 || t->state == THREAD_GONE) return r;
  uint64_t deadline = remote_deadline(s);
  if (t->state == THREAD_STOPPED) {
    stopped = thread_stop_again(s, t, 0, deadline);
  } else {
    stopped = thread_interrupt(s, t); /* it hangs in the kernel */
    if (stopped == 0) stopped = thread_await_stop(s, t, deadline);
  }
  if (stopped < 0) return r;
  *now = t->regs;
  return regs_pc(now) == stub->done ? 0 : r;
}

/* All before the registers: a thread that has its own back must not have our mask. Each is asked for twice. */
static int give_back(const struct session *s, struct thread *t, uint64_t mask, const struct vectors *vectors,
                     const struct shadow *shadow, const struct registers *was) {
  int r = set_mask(t, mask);
  if (r < 0) r = set_mask(t, mask);
  if (r == 0) r = vectors_give_back(t->tid, vectors);
  if (r < 0) return r;
  r = shadow_give_back(t->tid, shadow);
  if (r < 0) r = shadow_give_back(t->tid, shadow);
  if (r < 0) return r;
  r = thread_store(t, was);
  if (r < 0) r = thread_store(t, was);
  if (r < 0) return r;
  t->regs = *was;
  r = thread_suspend_filters(s, t, 0);
  return r < 0 ? thread_suspend_filters(s, t, 0) : r;
}

/*
 * 0, -errno, or a signal, in whose delivery the thread is stopped with its own registers. Once *result is set the call
 * was made, whatever has failed since.
 */
static int attempt(struct session *s, struct thread *t, struct stub *stub, int64_t *result) {
  struct vectors vectors;
  struct shadow shadow = {.size = 0};
  if (s->stub_lost) return -EBUSY;
  long r = thread_settle(s, t);
  if (r == 0) r = abort_sequence(s, t);
  if (r == 0) r = vectors_keep(t->tid, &t->regs, &vectors);
  if (r < 0) return (int)r;
  r = sys_ptrace(PTRACE_GETSIGMASK, t->tid, sizeof stub->mask, (uintptr_t)&stub->mask);
  if (r < 0) return (int)r;
  if (stub->call) shadow_keep(t->tid, &shadow);
  stub->address = s->plan->stub_address;
  stub->room = s->plan->stub_size;
  stub->vectors = &vectors;
  const struct registers was = t->regs;
  stub->was = &was;
  stub_build(stub);
  if (stub->size > s->plan->stub_size) return -ENOMEM;

  s->stub_dirty = 1;
  r = memory_write(s, stub->address, stub->code, stub->size);
  if (r < 0) return (int)r;
  r = thread_store(t, &stub->start);
  if (r < 0) return (int)r;
  r = set_mask(t, HELD_SIGNALS);
  /* Now it is safe to skip what the stub does about signals for the case that we had died before this line. */
  regs_set_pc(&stub->start, stub->masked);
  if (r == 0) r = thread_store(t, &stub->start);
  if (r == 0) r = thread_suspend_filters(s, t, 1);
  struct registers now;
  if (r == 0) r = make_call(s, t, stub, &now);
  if (r == 0 && result) *result = regs_result(&now);
  if (t->state == THREAD_GONE) return -ESRCH;
  if (t->state != THREAD_STOPPED) {
    s->stub_lost = ETIMEDOUT; /* it finishes the stub by itself */
    return -ETIMEDOUT;
  }
  int back = give_back(s, t, stub->mask, &vectors, &shadow, &was);
  if (back < 0) s->stub_lost = -back; /* it may go on with the stub, which gives back mask and registers */
  return r < 0 || back == 0 ? (int)r : back;
}

#define MOST_ATTEMPTS 100

static int remote(struct session *s, struct stub *stub, int64_t *result) {
  for (int i = 0; i < MOST_ATTEMPTS; i++) {
    struct thread *t = session_runner(s);
    if (!t) return -ESRCH;
    int r = attempt(s, t, stub, result);
    if (r <= 0) return r;
    /* A signal that we could not hold back: its handler is set up, and we stop the thread before it runs. */
    r = thread_stop_again(s, t, r, remote_deadline(s));
    if (r < 0) return r;
  }
  return -EAGAIN;
}

int remote_syscall(struct session *s, uint64_t nr, const uint64_t arguments[6], int64_t *result) {
  struct stub stub = {.call = 0, .function = nr};
  copy_bytes(stub.arguments, arguments, sizeof stub.arguments);
  return remote(s, &stub, result);
}

int remote_call(struct session *s, uint64_t function, uint64_t argument, uint64_t stack) {
  struct stub stub = {.call = 1, .function = function, .stack = stack};
  stub.arguments[0] = argument;
  return remote(s, &stub, NULL);
}

int remote_exit(int tid, int code) {
  struct registers regs;
  uint64_t instruction;
  long r = regs_read(tid, &regs);
  if (r < 0) return (int)r;
  regs_exit(&regs, code, &instruction);
  /* Over what it would have executed, in pages of its own. */
  r = sys_ptrace(PTRACE_POKEDATA, tid, regs_pc(&regs), instruction);
  return r < 0 ? (int)r : regs_write(tid, &regs);
}

int remote_finish(struct session *s) {
  if (s->stub_lost) return -s->stub_lost;
  if (!s->stub_dirty) return 0;
  int r = memory_write(s, s->plan->stub_address, s->data + s->plan->stub_pristine, s->plan->stub_size);
  if (r == 0) s->stub_dirty = 0;
  return r;
}
