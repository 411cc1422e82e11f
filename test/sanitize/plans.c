/*
 * plans.c - hands random plans to ts_run, against a kernel that is made up: `plans COUNT SEED PID`. Built hosted,
 * with the compiler's checks, from native/ and this file, where every system call of the helper ends (TS_HOOKED).
 *
 * A plan that the helper refuses as malformed must not have cost one system call. One that it takes is carried out on
 * a process that exists only here: each call answers what a kernel might, at random. No real process is touched; as a
 * second lock on that, PID, which the plans name, is one that the test has started and looks at afterwards.
 * Prints how many plans were refused, failed, and carried out.
 */
#include "../../native/arch/arch.h"
#include "../../native/timeskew.h"

int printf(const char *, ...);
void *malloc(size_t);
void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);
void free(void *);
void abort(void);
long strtol(const char *, char **, int);

/* ---- random ------------------------------------------------------------------------------------------------------ */

static uint64_t random_state;

/* splitmix64 */
static uint64_t random_word(void) {
  uint64_t z = random_state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
static uint64_t below(uint64_t n) { return random_word() % n; }
static int one_in(uint64_t n) { return below(n) == 0; }

/* ---- a kernel ---------------------------------------------------------------------------------------------------- */

#define NR_futex_ 202
#define NR_clone_ 56
#define NR_exit_ 60
#define NR_mprotect_ 10
#define NR_rt_sigprocmask_ 14
#define NR_getpid_ 39
#define NR_tgkill_ 234
#define VDSO (narrow ? 0xf7f00000u : 0x7fff00000000u)
#define TASKS 5
#define FIRST_TID 700

static uint64_t calls, now_ns, unlucky;
static int plan_pid;
static int narrow; /* the target is a 32-bit program */

static long some_errno(void) {
  static const int8_t errnos[] = {EPERM, ENOENT, ESRCH, EINTR, EIO, EAGAIN, ENOMEM, EFAULT, EINVAL, 10};
  return -errnos[below(sizeof errnos)];
}

static struct registers sent; /* of the last thread that was sent somewhere */

static void some_registers(struct registers *r) {
  if (one_in(2)) { /* it has made the system call there, which was an mmap that went well */
    *r = sent;
    r->rip += 2;
    r->rax = one_in(4) ? 0 : narrow ? r->rbx : r->rdi;
    return;
  }
  for (uint32_t i = 0; i < sizeof *r / 8; i++) ((uint64_t *)r)[i] = one_in(4) ? random_word() : VDSO + below(0x2000);
  r->cs = one_in(50) == narrow ? CS_64BIT : CS_32BIT;
  r->orig_rax = one_in(2) ? ~0ull : below(450);
  if (one_in(3)) r->rax = (uint64_t)-(int64_t)(one_in(2) ? EINTR : 512 + below(5));
}

static long some_entries(uint8_t *into) {
  uint8_t *at = into;
  for (uint32_t i = 0; i < TASKS; i++) {
    memset(at, 0, 24);
    *(uint16_t *)(void *)(at + 16) = 24;
    uint32_t tid = one_in(10) ? (uint32_t)random_word() % 100000 : FIRST_TID + i;
    char digits[8];
    uint32_t n = 0, out = 19;
    do digits[n++] = (char)('0' + tid % 10);
    while ((tid /= 10) && n < 5);
    while (n && out < 23) at[out++] = (uint8_t)digits[--n];
    at += 24;
  }
  return at - into;
}

static void some_bytes(uint8_t *into, size_t n) {
  if (one_in(3)) {
    memset(into, 0, n);
    return;
  }
  for (size_t i = 0; i < n; i++) into[i] = (uint8_t)random_word();
}

/* Of a stack: with a signal frame, perhaps. */
static void some_memory(uint8_t *into, size_t n) {
  const uint64_t frame[] = {VDSO + below(0x2000), 0x246, CS_64BIT};
  const uint32_t frame_32[] = {(uint32_t)(VDSO + below(0x2000)), CS_32BIT, 0x246, (uint32_t)random_word(), SS_32BIT};
  size_t bytes = narrow ? sizeof frame_32 : sizeof frame, word = narrow ? 4 : 8;
  some_bytes(into, n);
  if (n < bytes || !one_in(4)) return;
  memcpy(into + below((n - bytes) / word + 1) * word, narrow ? (const void *)frame_32 : frame, bytes);
}

static char *put_number(char *at, uint64_t n, uint32_t base) {
  char digits[24];
  uint32_t count = 0;
  do digits[count++] = "0123456789abcdef"[n % base];
  while (n /= base);
  while (count) *at++ = digits[--count];
  return at;
}

/* As of a thread asleep in one of the calls that the helper knows: /proc/PID/task/TID/syscall. */
static long some_sleep(char *into) {
  static const uint16_t calls_known[] = {0,   35,  128, 202, 202, 219, 230, 232, 243, 426, 449,
                                         117, 162, 177, 240, 256, 267, 407, 420, 421, 422};
  char *at = put_number(into, one_in(8) ? below(450) : calls_known[below(sizeof calls_known / 2)], 10);
  for (int i = 0; i < 8; i++) {
    *at++ = ' ', *at++ = '0', *at++ = 'x';
    at = put_number(at, one_in(4) ? random_word() : one_in(3) ? below(16) : VDSO + below(0x2000), 16);
  }
  *at++ = '\n';
  return at - into;
}

/* Of a thread that has been given a processor so many times: /proc/PID/task/TID/schedstat. */
static long some_schedstat(char *into) {
  memcpy(into, "1 2 ", 4);
  return put_number(into + 4, one_in(3) ? below(3) : 1, 10) - into;
}

/* What is read of /proc: a line that makes sense, or bytes. */
static long some_text(uint8_t *into, size_t n) {
  char text[256];
  size_t length = (size_t)(one_in(2) ? some_sleep(text) : some_schedstat(text));
  if (length <= n && !one_in(3)) {
    memcpy(into, text, length);
    return (long)length;
  }
  if (one_in(20)) return (long)below(n + 1);
  some_bytes(into, n);
  return (long)n;
}

static long on_ptrace(long request, uintptr_t address, uintptr_t data) {
  switch (request) {
    case PTRACE_GETREGS:
      some_registers((struct registers *)data);
      break;
    case PTRACE_SETREGS:
      sent = *(const struct registers *)data;
      break;
    case PTRACE_GETSIGMASK:
      *(uint64_t *)data = random_word();
      break;
    case PTRACE_PEEKDATA:
      *(uint64_t *)data = random_word();
      break;
    case PTRACE_POKEDATA: /* the kernel would cut it in two */
      if (address % PAGE > PAGE - 8) abort();
      break;
    case PTRACE_GET_RSEQ_CONFIGURATION:
      return one_in(2) ? -EINVAL : 0;
  }
  return 0;
}

/* A stop by an interrupt, at a system call, by job control or for a signal; or an end. */
static long on_look(long tid, struct child_event *event) {
  static const int stops[] = {0x8005, 0x8005, 0x8005, 0x85, 0x85, 0x8013, 0x0a, 0x0b, 0x0305};
  if (one_in(4)) return one_in(20) ? -ECHILD : 0;
  event->pid = (int)tid;
  event->code = one_in(10) ? 1 + (int)below(CLD_DUMPED) : CLD_DUMPED + 1;
  event->status = event->code > CLD_DUMPED ? stops[below(sizeof stops / sizeof *stops)] : 9;
  return 0;
}

long sys6(long nr, long a, long b, long c, long d, long e, long f) {
  calls++;
  switch (nr) { /* the helper's own affairs */
    case NR_mmap:
    case NR_mremap:
      if (unlucky && one_in(unlucky)) return -ENOMEM;
      return kernel_sys6(nr, a, b, c, d, e, f);
    case NR_munmap:
    case NR_mprotect_:
    case NR_clone_:
    case NR_futex_:
    case NR_exit_:
    case NR_rt_sigprocmask_:
    case NR_rt_sigaction:
    case NR_timer_create:
    case NR_timer_settime:
    case NR_timer_delete:
    case NR_gettid:
    case NR_getpid_:
      return kernel_sys6(nr, a, b, c, d, e, f);
    case NR_tgkill_: /* it may ask whether its own thread is there, and send nothing */
      return c ? 0 : kernel_sys6(nr, a, b, c, d, e, f);
    case NR_clock_gettime:
      now_ns += 20000 + below(200000);
      *(struct timespec *)b = (struct timespec){(int64_t)(now_ns / 1000000000), (int64_t)(now_ns % 1000000000)};
      return 0;
    case NR_nanosleep:
      now_ns += (uint64_t)((struct timespec *)a)->nsec + 1;
      return 0;
  }
  if (unlucky && one_in(unlucky) && !(nr == NR_wait4 && !(c & WNOHANG))) return some_errno();
  switch (nr) {
    case NR_ptrace:
      return on_ptrace(a, (uintptr_t)c, (uintptr_t)d);
    case NR_wait4:
      if (!(c & WNOHANG)) return kernel_sys6(nr, a, b, c, d, e, f); /* a process of the helper's own */
      return one_in(4) ? 0 : a;
    case NR_waitid:
      return on_look(b, (struct child_event *)c);
    case NR_getdents64:
      return one_in(2) ? 0 : some_entries((uint8_t *)b);
    case NR_openat:
      return 1000; /* no descriptor of ours */
    case NR_read:
    case NR_pread64:
      return some_text((uint8_t *)b, (size_t)c);
    case NR_pwrite64:
      return one_in(20) ? (long)below((uint64_t)c + 1) : c;
    case NR_process_vm_readv: {
      const struct iovec *here = (const struct iovec *)b;
      if (one_in(20)) return -EFAULT;
      some_memory(here->base, here->length);
      return (long)here->length;
    }
    case NR_process_vm_writev:
      return (long)((const struct iovec *)b)->length;
  }
  return 0;
}

/* ---- plans ------------------------------------------------------------------------------------------------------ */

#define MOST_STEPS 6
#define MOST_GOOD_STEPS 150
#define MOST_DATA 640
#define MOST_OUTPUT 256

/* A value at the edge of what is allowed, and some way beyond. */
static uint64_t some_size(uint64_t limit) {
  switch (below(12)) {
    case 0:
      return random_word();
    case 1:
      return (uint32_t)random_word();
    case 2:
      return limit + 1;
    case 3:
      return limit;
    case 4:
      return ~0ull - below(16);
  }
  return below(limit + 1);
}

static void some_step(struct ts_step *step, uint32_t data_size) {
  memset(step, 0, sizeof *step);
  step->op = one_in(40) ? (uint32_t)random_word() : 1 + (uint32_t)below(10);
  step->flags = (uint32_t)below(4);
  step->count = (uint32_t)some_size(one_in(4) ? 40 : 3);
  step->a = (uint32_t)some_size(data_size) & (one_in(8) ? ~0u : ~7u);
  step->b = (uint32_t)some_size(data_size) & (one_in(8) ? ~0u : ~7u);
  step->address = one_in(8) ? random_word() : VDSO + below(0x2000) * (one_in(4) ? 1 : 8);
  step->length = some_size(one_in(3) ? data_size : 64);
  step->value = one_in(2) ? random_word() : below(100000000);
  step->value2 = one_in(2) ? random_word() : VDSO;
}

/* One that is well-formed, of an injection. */
static void some_good_step(struct ts_step *step, uint32_t i, uint32_t data_size) {
  memset(step, 0, sizeof *step);
  step->op = i < 2 && one_in(2) ? TS_MAP : TS_PATCH;
  step->length = PAGE;
  step->value = one_in(2) ? PROT_READ | PROT_EXEC : PROT_READ | PROT_WRITE;
  step->value2 = one_in(2) ? VDSO : 0;
  step->a = (uint32_t)below(data_size / 8) * 8;
  step->b = (uint32_t)below(data_size / 8) * 8;
  step->address = (VDSO + below(0x100) * PAGE) | below(PAGE - 7);
}

/* In a block of its exact size, so that a byte too far is noticed. */
static uint8_t *some_plan(uint64_t *size) {
  uint32_t data = (uint32_t)below(MOST_DATA / 8 + 1) * 8;
  uint32_t good = data && one_in(4) ? (uint32_t)below(one_in(2) ? 8 : MOST_GOOD_STEPS) : 0;
  uint32_t steps = good + (uint32_t)below(MOST_STEPS + 1);
  uint32_t offset = (uint32_t)(sizeof(struct ts_plan) + steps * sizeof(struct ts_step));
  struct ts_plan head = {
      .magic = TS_PLAN_MAGIC,
      .abi = TS_ABI,
      .pid = plan_pid,
      .proc = -1,
      .flags = (uint32_t)below(8) | (narrow ? TS_COMPAT : 0),
      .step_count = steps,
      .stop_timeout_ns = below(one_in(8) ? 1000000000 : 50000000),
      .stub_address = VDSO + 0x1e00,
      .stub_size = one_in(8) ? (uint32_t)some_size(data) : data < 512 ? data : 512,
      .stub_pristine = one_in(8) ? (uint32_t)some_size(data) : 0,
      .data_offset = offset,
      .data_size = data,
  };
  uint64_t whole = *size = offset + data;
  if (one_in(6)) *size = below(*size + 1); /* cut short */
  uint8_t *plan = malloc(*size ? *size : 1), *full = malloc(whole);
  memcpy(full, &head, sizeof head);
  for (uint32_t i = 0; i < steps; i++) {
    struct ts_step *step = (struct ts_step *)(void *)(full + sizeof head) + i;
    if (i < good) some_good_step(step, i, data);
    else some_step(step, data);
  }
  int blank = one_in(2); /* what is there, more often than not */
  for (uint32_t i = offset; i < whole; i++) full[i] = blank || one_in(3) ? 0 : (uint8_t)random_word();
  /* A few bits of the head and the steps, at random. */
  for (uint64_t flips = one_in(2) ? below(4) : 0; flips > 0; flips--)
    full[below(offset)] ^= (uint8_t)(1u << below(8));
  if (one_in(100)) some_bytes(full, whole);
  /* What is waited for comes to an end. */
  ((struct ts_plan *)(void *)full)->stop_timeout_ns %= 1000000000;
  for (uint32_t i = 0; i < steps; i++) {
    struct ts_step *step = (struct ts_step *)(void *)(full + sizeof head) + i;
    if (step->op == TS_DRAIN) step->value %= 100000000;
  }
  memcpy(plan, full, *size);
  free(full);
  return plan;
}

int main(int argc, char **argv) {
  uint64_t refused = 0, failed = 0, done = 0;
  if (argc < 4) return 2;
  random_state = (uint64_t)strtol(argv[2], NULL, 10);
  plan_pid = (int)strtol(argv[3], NULL, 10);
  for (long i = strtol(argv[1], NULL, 10); i > 0; i--) {
    narrow = one_in(3);
    uint64_t size, output_size = below(MOST_OUTPUT + 1);
    uint8_t *plan = some_plan(&size), *output = malloc(output_size ? output_size : 1);
    struct ts_report report;
    calls = 0;
    unlucky = one_in(3) ? 0 : 1 + below(200);
    int r = ts_run(plan, size, output, output_size, &report);
    if (r != -report.error || report.stage > TS_STAGE_BEGIN || report.rollback > TS_ROLLBACK_FAILED) abort();
    if (report.stage == TS_STAGE_PLAN) {
      if (r != -EINVAL || calls != 0) abort();
      refused++;
    } else if (r < 0) {
      failed++;
    } else {
      done++;
    }
    free(plan);
    free(output);
  }
  printf("{\"refused\":%lu,\"failed\":%lu,\"done\":%lu}\n", refused, failed, done);
  return 0;
}
