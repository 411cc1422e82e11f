/*
 * sleeper.c - threads that sleep in a system call, and are left asleep: what /proc tells about them, and how one of
 * them is woken when there is no other way.
 */
#include "arch/arch_calls.h"
#include "session.h"

/* ---- /proc/PID/task/TID --------------------------------------------------------------------------------------- */

struct path {
  char text[64];
  uint32_t length;
};

static void append(struct path *path, const char *name) {
  while (*name && path->length < sizeof path->text - 1) path->text[path->length++] = *name++;
  path->text[path->length] = 0;
}

static void append_number(struct path *path, int number) {
  char digits[12] = "", *at = digits + sizeof digits - 1;
  do *--at = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  append(path, at);
}

/* `name` in the folder of this number. */
static int open_numbered(int at, const char *folder, int tid, const char *name) {
  struct path path = {.length = 0};
  append(&path, folder);
  append_number(&path, tid);
  append(&path, name);
  return (int)sys_openat(at, path.text, O_RDONLY | O_CLOEXEC);
}

static int thread_open(const struct session *s, int tid, const char *name) {
  return open_numbered(s->proc, "task/", tid, name);
}

static long read_all(int fd, char *text, size_t size) {
  if (fd < 0) return fd;
  long got = sys_read(fd, text, size - 1);
  (void)sys_close(fd);
  text[got > 0 ? got : 0] = 0;
  return got;
}

long thread_file(const struct session *s, int tid, const char *name, char *text, size_t size) {
  return read_all(thread_open(s, tid, name), text, size);
}

long status_of(int tid, char *text, size_t size) {
  return read_all(open_numbered(AT_FDCWD, "/proc/", tid, "/status"), text, size);
}

long descriptor_link(int tid, int descriptor, char *link, size_t size) {
  struct path path = {.length = 0};
  append(&path, "/proc/");
  append_number(&path, tid);
  append(&path, "/fd/");
  append_number(&path, descriptor);
  return sys6(NR_readlinkat, AT_FDCWD, (long)path.text, (long)link, (long)size, 0, 0);
}

static int hexadecimal(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "0x7f…", after spaces; NULL where there is none. */
static const char *parse_hex(const char *text, uint64_t *value) {
  while (*text == ' ') text++;
  if (text[0] != '0' || text[1] != 'x') return NULL;
  *value = 0;
  for (text += 2; hexadecimal(*text) >= 0; text++) *value = *value << 4 | (uint64_t)hexadecimal(*text);
  return text;
}

/*
 * "NR ARG0 … ARG5 SP PC" of a thread that sleeps in a system call, "-1 SP PC" outside of one, or "running". The kernel
 * answers with the former only if the thread has not run while it was looking (task_current_syscall).
 */
static int parse_sleep(const char *text, struct sleep *sleep) {
  uint64_t *const fields[] = {&sleep->arguments[0], &sleep->arguments[1], &sleep->arguments[2], &sleep->arguments[3],
                              &sleep->arguments[4], &sleep->arguments[5], &sleep->sp,           &sleep->pc};
  sleep->nr = 0;
  if (*text < '0' || *text > '9') return 0;
  for (; *text >= '0' && *text <= '9'; text++) sleep->nr = sleep->nr * 10 + (uint64_t)(*text - '0');
  for (size_t i = 0; text && i < sizeof fields / sizeof *fields; i++) text = parse_hex(text, fields[i]);
  return text != NULL;
}

int call_of(int tid, struct sleep *sleep) {
  char text[256];
  return read_all(open_numbered(AT_FDCWD, "/proc/", tid, "/syscall"), text, sizeof text) > 0 && parse_sleep(text, sleep);
}

/*
 * The third number of schedstat: how often it has been given a processor. It changes as soon as a thread wakes up and
 * runs. Not every kernel counts (CONFIG_SCHED_INFO); 0 then.
 */
static uint64_t count_arrivals(const struct thread *t) {
  char text[96];
  long got = t->schedstat < 0 ? 0 : sys_pread(t->schedstat, text, sizeof text - 1, 0);
  if (got <= 0) return 0;
  text[got] = 0;
  const char *at = text;
  for (int spaces = 0; *at && spaces < 2; at++) spaces += *at == ' ';
  uint64_t n = 0;
  for (; *at >= '0' && *at <= '9'; at++) n = n * 10 + (uint64_t)(*at - '0');
  return n;
}

int sleeper_slept_on(const struct thread *t) { return t->arrivals && count_arrivals(t) == t->arrivals; }

int sleeper_look(struct session *s, struct thread *t) {
  char text[256];
  struct sleep sleep;
  t->clear = 0;
  if (t->schedstat < 0) t->schedstat = thread_open(s, t->tid, "/schedstat");
  t->arrivals = count_arrivals(t); /* first: what is seen then is not older */
  if (thread_file(s, t->tid, "/syscall", text, sizeof text) <= 0) return 0;
  if (!parse_sleep(text, &sleep) || syscall_needs_watching(sleep.nr, s->compat)) return 0;
  regs_of_sleeper(&t->regs, &sleep, s->compat);
  return regs_are_of(&t->regs, s->compat);
}

int sleeper_is_still(struct session *s, struct thread *t) {
  const struct registers before = t->regs;
  if (sleeper_slept_on(t)) return 1;
  return sleeper_look(s, t) && regs_pc(&before) == regs_pc(&t->regs) && regs_sp(&before) == regs_sp(&t->regs);
}

/* ---- waking one -------------------------------------------------------------------------------------------------- */

/* The field `name` of a /proc/…/sched file, a number of ms with six decimals, in ns; 0 where there is none. */
static uint64_t sched_field(const char *text, const char *name) {
  for (;; text++) {
    const char *at = text, *n = name;
    while (*n && *at == *n) at++, n++;
    if (*n) {
      while (*text && *text != '\n') text++;
      if (!*text) return 0;
      continue;
    }
    while (*at == ' ' || *at == ':') at++;
    uint64_t ms = 0, rest = 0;
    for (; *at >= '0' && *at <= '9'; at++) ms = ms * 10 + (uint64_t)(*at - '0');
    if (*at != '.') return 0;
    for (at++; *at >= '0' && *at <= '9'; at++) rest = rest * 10 + (uint64_t)(*at - '0');
    return ms * 1000000 + rest;
  }
}

/* Field 39 of stat: the processor that it ran on last; -1 where it cannot be told. */
static int last_processor(const struct session *s, int tid) {
  char text[512];
  long got = thread_file(s, tid, "/stat", text, sizeof text);
  if (got <= 0) return -1;
  const char *at = text + got;
  while (at > text && *at != ')') at--;
  for (int field = 2; field < 39; field++) {
    while (*at && *at != ' ') at++;
    if (!*at) return -1;
    at++;
  }
  int processor = 0;
  for (; *at >= '0' && *at <= '9'; at++) processor = processor * 10 + (*at - '0');
  return processor;
}

/*
 * How long a thread has slept, in ns; 0 where it cannot be told. The scheduler notes when a thread stopped running, by
 * the clock of its processor; it does the same for us when we go there.
 */
static uint64_t slept(const struct session *s, int tid) {
  char text[1024];
  uint64_t processors[16] = {0};
  int processor = last_processor(s, tid);
  if (processor < 0 || processor >= 1024) return 0;
  if (thread_file(s, tid, "/sched", text, sizeof text) <= 0) return 0;
  uint64_t since = sched_field(text, "se.exec_start");
  processors[processor / 64] = 1ull << processor % 64;
  if (sys6(NR_sched_setaffinity, 0, sizeof processors, (long)processors, 0, 0, 0) < 0) return 0;
  sys_sleep_ns(1); /* to be put there, and noted */
  uint64_t now = 0;
  int own = (int)sys_openat(AT_FDCWD, "/proc/thread-self/sched", O_RDONLY | O_CLOEXEC);
  if (own >= 0) {
    long got = sys_read(own, text, sizeof text - 1);
    (void)sys_close(own);
    text[got > 0 ? got : 0] = 0;
    now = sched_field(text, "se.exec_start");
  }
  for (size_t i = 0; i < sizeof processors / sizeof *processors; i++) processors[i] = ~0ull;
  (void)sys6(NR_sched_setaffinity, 0, sizeof processors, (long)processors, 0, 0, 0);
  return since && now > since ? now - since : 0;
}

/* Where nobody looks: below the red zone of the stack. */
#define BELOW_RED_ZONE 256

static uint64_t rest_of(uint64_t sec, uint64_t nsec, uint64_t elapsed) {
  uint64_t total = sec * 1000000000u + nsec;
  return total > elapsed ? total - elapsed : 0;
}

/* Replaces the timespec behind *pointer by what is left of it, in scratch memory of the thread's. */
static int shorten_timespec(struct session *s, uint64_t *pointer, uint64_t scratch, uint64_t elapsed) {
  struct timespec asked;
  if (memory_read(s, *pointer, &asked, sizeof asked) < 0) return 0;
  if (s->compat) asked.nsec = (uint32_t)asked.nsec; /* the rest is padding there */
  if (asked.sec < 0 || asked.sec > 0x7fffffff || asked.nsec < 0 || asked.nsec > 999999999) return 0;
  uint64_t left = rest_of((uint64_t)asked.sec, (uint64_t)asked.nsec, elapsed);
  const struct timespec rest = {(int64_t)(left / 1000000000u), (int64_t)(left % 1000000000u)};
  if (memory_write(s, scratch, &rest, sizeof rest) < 0) return 0;
  *pointer = scratch;
  return 1;
}

static void shorten_timespec_32(struct session *s, uint64_t *pointer, uint64_t scratch, uint64_t elapsed) {
  struct timespec_32 asked;
  if (!*pointer || memory_read(s, *pointer, &asked, sizeof asked) < 0) return;
  if (asked.sec < 0 || asked.nsec < 0 || asked.nsec > 999999999) return;
  uint64_t left = rest_of((uint64_t)asked.sec, (uint64_t)asked.nsec, elapsed);
  const struct timespec_32 rest = {(int32_t)(left / 1000000000u), (int32_t)(left % 1000000000u)};
  if (memory_write(s, scratch, &rest, sizeof rest) == 0) *pointer = scratch;
}

/*
 * A call that is about to be made again has waited for `elapsed` ns: it shall wait for the rest only. Its arguments
 * are changed in registers that a system call's caller may not rely on, and in memory of the stack that is nobody's.
 */
static void shorten(struct session *s, struct registers *r, uint64_t elapsed) {
  const struct interruptible *call = interruptible(r);
  uint64_t *argument = regs_argument(r, call->argument), scratch = (regs_sp(r) - BELOW_RED_ZONE) & ~15ull;
  struct uring_argument uring;
  switch (call->timeout) {
    case TIMEOUT_MS: {
      uint64_t ms = elapsed / 1000000;
      if ((int32_t)*argument > 0) *argument = *argument > ms ? *argument - ms : 0;
      break;
    }
    case TIMEOUT_TIMESPEC:
      if (*argument) (void)shorten_timespec(s, argument, scratch, elapsed);
      break;
    case TIMEOUT_IPC:
      if (!is_semtimedop(r)) break;
      /* fall through */
    case TIMEOUT_TIMESPEC_32:
      shorten_timespec_32(s, argument, scratch, elapsed);
      break;
    case TIMEOUT_URING: {
      uint64_t flags = *regs_argument(r, 3);
      if (!(flags & IORING_ENTER_EXT_ARG) || flags & (IORING_ENTER_ABS_TIMER | IORING_ENTER_EXT_ARG_REG)) return;
      if (!*argument || memory_read(s, *argument, &uring, sizeof uring) < 0 || !uring.timeout) return;
      if (!shorten_timespec(s, &uring.timeout, scratch, elapsed)) return;
      if (memory_write(s, scratch - sizeof uring, &uring, sizeof uring) == 0) *argument = scratch - sizeof uring;
      break;
    }
  }
}

int sleeper_wake(struct session *s, struct thread *t, uint64_t deadline) {
  uint64_t elapsed = wake_reluctance(&t->regs) ? slept(s, t->tid) : 0, since = sys_now();
  uint64_t nr = regs_call(&t->regs), rest = noted_rest(&t->regs);
  struct timespec noted;
  uint32_t bytes = noted_bytes(&t->regs);
  if (rest && memory_read(s, rest, &noted, bytes) < 0) rest = 0;
  (void)thread_interrupt(s, t);
  int r = thread_await_stop(s, t, deadline);
  if (r == 0 && rest && regs_call(&t->regs) == nr && (NEEDS_A_LOOK ? regs_in_syscall : regs_resume)(&t->regs))
    r = memory_write(s, rest, &noted, bytes);
  if (r < 0 || !elapsed || !regs_begin_again(&t->regs) || regs_call(&t->regs) != nr) return r;
  struct registers regs = t->regs;
  shorten(s, &regs, elapsed + (sys_now() - since));
  r = thread_store(t, &regs);
  if (r == 0) t->regs = regs;
  return r;
}

struct thread *sleeper_choose(struct session *s) {
  struct thread *best = NULL;
  int least = 99;
  for (uint32_t i = 0; i < s->count && least > 0; i++) {
    struct thread *t = &s->threads[i];
    if (t->state != THREAD_ASLEEP || t->stubborn || !regs_are_of_a_program(&t->regs)) continue;
    int reluctance = wake_reluctance(&t->regs);
    if (reluctance >= least) continue;
    best = t;
    least = reluctance;
  }
  return best;
}
