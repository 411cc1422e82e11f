/*
 * faults.c - the part of the fault build of the helper: numbers its system calls, and makes one of them fail, or the
 * tool die just before or behind it. Compiled together with native/ (test/support/variant.ts), where TS_HOOKED sends
 * each system call through sys6() below, and where ts_run and ts_write go by other names.
 *
 * Only calls that do something are numbered: no pause, no look at the clock, no poll for a stop that has not come.
 */
#include "../../native/sys.h"

#undef ts_run
#undef ts_write
#include "../../native/timeskew.h"

int ts_run_in_full(const void *plan, uint64_t plan_size, void *output, uint64_t output_size, struct ts_report *report);
int ts_write_in_full(int proc, int pid, uint64_t address, const void *from, uint64_t length);

/* What native/sys.h has no numbers of. */
#ifdef __aarch64__
enum { NR_set_tid_address_ = 96, NR_clock_nanosleep_ = 115, NR_sched_yield_ = 124, NR_mprotect_ = 226 };
#else
enum { NR_mprotect_ = 10, NR_sched_yield_ = 24, NR_set_tid_address_ = 218, NR_clock_nanosleep_ = 230 };
#endif
#define NR_clone3_ 435
#define EACCES_ 13
#define ECHILD_ 10
#define EMFILE_ 24
#define EOWNERDEAD_ 130
#define P_ALL_ 0
#define WSTOPPED_ 2
#define MAP_SHARED_ 1
#define SIGKILL_ 9
#define SIGCHLD_ 17

/* What to do at operation `at`. The numbers are those of test/fault/helper.mjs. */
enum how {
  COUNT = 0,
  FAIL = 1,        /* answers an errno, without being carried out */
  FAIL_KIND = 2,   /* so does every later one of the same kind */
  KILL_BEFORE = 3, /* SIGKILL to the tool instead of the operation */
  KILL_AFTER = 4,  /* SIGKILL to the tool right behind it */
};

/* Shared with the process that ts_run is carried out in, where one is forked for it. */
struct state {
  uint64_t at;
  uint32_t how;
  uint32_t choice; /* which of the errnos that the operation may answer */
  int64_t only;    /* the one request of ptrace that is numbered; negative: all operations are */
  uint32_t fork;   /* the helper works in a forked process, which is the one to be killed */
  int32_t tool;    /* whom to kill; 0: nothing is counted */
  uint64_t count;
  uint64_t hit; /* the operation's number, 0: not reached */
  int64_t nr, request;
  uint32_t choices; /* how many errnos it may answer; `choice` beyond them lets it be carried out */
  int32_t error;    /* the one that it answered */
  int32_t result;   /* of a call that was carried out in a forked process */
};
static struct state *state;

/* ---- which errnos -------------------------------------------------------------------------------------------- */

#define CHOICES(...)                            \
  do {                                          \
    static const int16_t errnos_[] = __VA_ARGS__; \
    *errnos = errnos_;                          \
    return sizeof errnos_ / sizeof *errnos_;    \
  } while (0)

/* What a kernel, or one that lies, could answer to this call. */
static uint32_t choices_of(long nr, long request, const int16_t **errnos) {
  switch (nr) {
    case NR_ptrace:
      switch (request) {
        case PTRACE_SEIZE:
          CHOICES({EPERM, ESRCH, EIO});
        case PTRACE_INTERRUPT:
        case PTRACE_CONT:
        case PTRACE_SYSCALL:
          CHOICES({ESRCH, EIO});
        case PTRACE_DETACH:
          CHOICES({ESRCH});
        default:
          CHOICES({ESRCH, EIO, EFAULT});
      }
    case NR_wait4:
    case NR_waitid:
      CHOICES({ECHILD_});
    case NR_openat:
      CHOICES({EACCES_, ENOENT, EMFILE_, ENOMEM});
    case NR_read:
    case NR_pread64:
    case NR_pwrite64:
      CHOICES({EIO, EPERM, EFAULT, ESRCH});
    case NR_getdents64:
      CHOICES({ENOENT, ENOMEM, EIO});
    case NR_process_vm_readv: /* not EFAULT: by that the end of a stack is known, and no kernel lies about memory */
      CHOICES({EPERM, ENOMEM, ESRCH});
    case NR_process_vm_writev:
      CHOICES({EPERM, EFAULT, ENOMEM, ESRCH});
    case NR_mmap:
    case NR_mremap:
    case NR_mprotect_:
      CHOICES({ENOMEM, EPERM});
    case NR_flock:
      CHOICES({EAGAIN, ENOMEM});
    case NR_clone:
    case NR_clone3_:
      CHOICES({EAGAIN, EPERM});
    case NR_tgkill:
      CHOICES({ESRCH, EPERM});
    case NR_munmap: /* what is done for good, or does not matter */
    case NR_close:
      return 0;
  }
  CHOICES({EPERM, EINVAL});
}

/* ---- what other kernels, and sandboxes, do not have ------------------------------------------------------------ */

/* Bit N of ts_fault_lack() is row N; test/fault/lacking.ts has the same rows. */
static const struct difference {
  long nr;
  long request;     /* of ptrace; 0: any */
  const char *file; /* of openat: how the path ends; NULL: any */
  long flag;        /* of PTRACE_SETOPTIONS; 0: any */
  int forced;       /* only of pages that the target may not write to */
  int error;
} differences[] = {
    {.nr = NR_process_vm_readv, .error = ENOSYS},  /* CONFIG_CROSS_MEMORY_ATTACH is off, or a sandbox */
    {.nr = NR_process_vm_writev, .error = ENOSYS}, /* the same */
    {.nr = NR_pwrite64, .forced = 1, .error = EIO}, /* proc_mem.force_override=never */
    {.nr = NR_pwrite64, .error = EPERM},
    {.nr = NR_openat, .file = "mem", .error = EACCES_},
    {.nr = NR_openat, .file = "/syscall", .error = ENOENT},   /* CONFIG_HAVE_ARCH_TRACEHOOK is off */
    {.nr = NR_openat, .file = "/schedstat", .error = ENOENT}, /* CONFIG_SCHED_INFO is off */
    {.nr = NR_openat, .file = "/sched", .error = ENOENT},     /* CONFIG_SCHED_DEBUG is off */
    {.nr = NR_ptrace, .request = PTRACE_GET_RSEQ_CONFIGURATION, .error = EIO}, /* before 5.13 */
    {.nr = NR_ptrace, .request = PTRACE_SETOPTIONS, .flag = PTRACE_O_SUSPEND_SECCOMP, .error = EINVAL},
    {.nr = NR_timer_create, .error = ENOSYS},      /* CONFIG_POSIX_TIMERS is off */
    {.nr = NR_sched_setscheduler, .error = EPERM}, /* no real-time share for this cgroup */
};

static uint64_t lacking, lacked;
static int target;

/* process_vm_writev does not write where the target itself may not. */
static int may_be_written(const void *bytes, uint64_t n, uint64_t address) {
  const struct iovec here = {(void *)(uintptr_t)bytes, n}, there = {(void *)(uintptr_t)address, n};
  return kernel_sys6(NR_process_vm_writev, target, (long)&here, 1, (long)&there, 1, 0) == (long)n;
}

static int ends_with(const char *text, const char *end) {
  size_t n = 0, m = 0;
  while (text[n]) n++;
  while (end[m]) m++;
  return n >= m && same_bytes(text + n - m, end, m);
}

/* -errno: this kernel does not have it. More than 0: it was done in another way. */
static long lack(long nr, long a, long b, long c, long d) {
  for (uint32_t i = 0; i < sizeof differences / sizeof *differences; i++) {
    const struct difference *each = &differences[i];
    if (!(lacking >> i & 1) || nr != each->nr || (each->request && a != each->request)) continue;
    if (each->file && !ends_with((const char *)b, each->file)) continue;
    if (each->flag && !(d & each->flag)) continue;
    if (each->forced && may_be_written((const void *)b, (uint64_t)c, (uint64_t)d)) return c;
    __atomic_fetch_or(&lacked, 1ull << i, __ATOMIC_RELAXED);
    return -each->error;
  }
  return 0;
}

/* ---- what no machine at hand has ------------------------------------------------------------------------------- */

/* The pointer into a thread's shadow stack, which is made up; 0: there are none. A call on it moves it. */
static uint64_t shadow_pointer;
#define SHADOW_STACK_REGSET_ 0x204
#define CALLED 8

/* Whether the request is about it. */
static int answer_for_shadow(long nr, long request, long regset, long data) {
  if (!shadow_pointer || nr != NR_ptrace || regset != SHADOW_STACK_REGSET_) return 0;
  struct iovec *io = (struct iovec *)data;
  if (request == PTRACE_GETREGSET) {
    copy_bytes(io->base, &shadow_pointer, sizeof shadow_pointer);
    io->length = sizeof shadow_pointer;
    shadow_pointer -= CALLED;
  } else {
    copy_bytes(&shadow_pointer, io->base, sizeof shadow_pointer);
  }
  return 1;
}

/* ---- the hook ------------------------------------------------------------------------------------------------ */

/* A stop or an end waits to be collected. */
static int anything_to_collect(long tid) {
  struct child_event event = {0};
  long r = kernel_sys6(NR_waitid, tid > 0 ? P_PID : P_ALL_, tid > 0 ? tid : 0, (long)&event,
                       WNOHANG | WNOWAIT | WEXITED | WSTOPPED_ | WALL_THREADS, 0, 0);
  return r < 0 || event.pid != 0;
}

static int is_numbered(long nr, long a, long b, long c, long d) {
  switch (nr) {
    case NR_nanosleep:
    case NR_clock_nanosleep_:
    case NR_clock_gettime:
    case NR_sched_yield_:
    case NR_futex:
    case NR_getpid:
    case NR_gettid:
    case NR_set_tid_address_:
    case NR_exit:
    case NR_exit_group:
      return 0;
    case NR_tgkill:
      return c != 0; /* signal 0 asks whether a thread is there */
    case NR_wait4:
      return !(c & WNOHANG) || anything_to_collect(a);
    case NR_waitid:
      return !(d & WNOHANG) || anything_to_collect(b);
  }
  return 1;
}

static void kill_the_tool(void) { (void)kernel_sys6(NR_kill, state->tool, SIGKILL_, 0, 0, 0, 0); }

long sys6(long nr, long a, long b, long c, long d, long e, long f) {
  if (answer_for_shadow(nr, a, c, d)) return 0;
  long missing = lacking ? lack(nr, a, b, c, d) : 0;
  if (missing) return missing;
  if (!state || !state->tool || !is_numbered(nr, a, b, c, d)) return kernel_sys6(nr, a, b, c, d, e, f);
  if (state->only >= 0 && (nr != NR_ptrace || a != state->only)) return kernel_sys6(nr, a, b, c, d, e, f);
  long request = nr == NR_ptrace ? a : 0;
  uint64_t n = __atomic_add_fetch(&state->count, 1, __ATOMIC_SEQ_CST);
  if (state->how == FAIL_KIND && state->error && nr == state->nr && request == state->request) return -state->error;
  if (n != state->at) return kernel_sys6(nr, a, b, c, d, e, f);
  const int16_t *errnos = NULL;
  state->nr = nr;
  state->request = request;
  state->choices = choices_of(nr, request, &errnos);
  state->hit = n;
  switch (state->how) {
    case FAIL:
    case FAIL_KIND:
      if (state->choice >= state->choices) break;
      state->error = errnos[state->choice];
      return -state->error;
    case KILL_BEFORE:
      kill_the_tool();
      break;
    case KILL_AFTER: {
      long result = kernel_sys6(nr, a, b, c, d, e, f);
      kill_the_tool();
      return result;
    }
  }
  return kernel_sys6(nr, a, b, c, d, e, f);
}

/* ---- a process of its own for the helper's work ----------------------------------------------------------- */

static void *allocate_shared(size_t n) {
  long at = kernel_sys6(NR_mmap, 0, (long)n, PROT_READ | PROT_WRITE, MAP_SHARED_ | MAP_ANONYMOUS, -1, 0);
  return at < 0 && at > -4096 ? NULL : (void *)at;
}

/*
 * The tool's process forks, and the child is the tool until it is killed: that costs a few ms, where starting the tool
 * anew costs 200. Whatever a tracer's death does, the child's does. 0: we are the child; otherwise 1.
 */
static int fork_tool(void) {
  long child = kernel_sys6(NR_clone, SIGCHLD_, 0, 0, 0, 0, 0);
  if (child == 0) {
    state->tool = (int)kernel_sys6(NR_getpid, 0, 0, 0, 0, 0, 0);
    return 0;
  }
  int status = 0;
  long r = child < 0 ? child : kernel_sys6(NR_wait4, child, (long)&status, WALL_THREADS, 0, 0, 0);
  state->tool = 0;
  if (r < 0 || status) state->result = -EOWNERDEAD_;
  return 1;
}

static void end_tool(int result) {
  state->tool = 0;
  state->result = result;
  (void)kernel_sys6(NR_exit_group, 0, 0, 0, 0, 0, 0);
}

TS_EXPORT int ts_run(const void *plan, uint64_t plan_size, void *output, uint64_t output_size,
                     struct ts_report *report) {
  if (!state || !state->fork) return ts_run_in_full(plan, plan_size, output, output_size, report);
  size_t size = sizeof *report + output_size;
  uint8_t *shared = allocate_shared(size);
  if (!shared) return -ENOMEM;
  struct ts_report *there = (struct ts_report *)shared;
  if (fork_tool() == 0) end_tool(ts_run_in_full(plan, plan_size, shared + sizeof *report, output_size, there));
  if (state->result == -EOWNERDEAD_) *there = (struct ts_report){.error = EOWNERDEAD_};
  copy_bytes(report, there, sizeof *report);
  copy_bytes(output, shared + sizeof *report, output_size);
  (void)kernel_sys6(NR_munmap, (long)shared, (long)size, 0, 0, 0, 0);
  return state->result;
}

TS_EXPORT int ts_write(int proc, int pid, uint64_t address, const void *from, uint64_t length) {
  if (!state || !state->fork) return ts_write_in_full(proc, pid, address, from, length);
  if (fork_tool() == 0) end_tool(ts_write_in_full(proc, pid, address, from, length));
  return state->result;
}

/* ---- for the tests ------------------------------------------------------------------------------------------- */

/* From here on the operations are counted anew. at 0: none is touched. */
TS_EXPORT int ts_fault_arm(uint64_t at, uint32_t how, uint32_t choice, int fork, int64_t only) {
  if (!state) state = allocate_shared(sizeof *state);
  if (!state) return -ENOMEM;
  *state = (struct state){.at = at, .how = how, .choice = choice, .fork = (uint32_t)fork, .only = only};
  if (!fork) state->tool = (int)kernel_sys6(NR_getpid, 0, 0, 0, 0, 0, 0);
  return 0;
}

/* From here on this kernel does not have some things, as far as `pid` is concerned; answers which of the last ones were asked for. */
TS_EXPORT uint64_t ts_fault_lack(uint64_t rows, int pid) {
  uint64_t before = lacked;
  lacking = rows;
  lacked = 0;
  target = pid;
  return before;
}

/* From here on the target's threads have shadow stacks, and what the pointers are; answers the last one that was left. */
TS_EXPORT uint64_t ts_fault_shadow(uint64_t pointer) {
  uint64_t before = shadow_pointer;
  shadow_pointer = pointer;
  return before;
}

/* Ends the counting: count, hit, system call, ptrace request, choices, errno. */
TS_EXPORT void ts_fault_outcome(int64_t out[6]) {
  state->tool = 0;
  const int64_t outcome[6] = {(int64_t)state->count,  (int64_t)state->hit,       state->nr,
                              state->request, (int64_t)state->choices, state->error};
  copy_bytes(out, outcome, sizeof outcome);
}
