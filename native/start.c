/*
 * start.c - starts a program that is nobody's child, and becomes a program.
 *
 * Node has many threads, so that a child made by fork(2) may do nothing but system calls. Of the launched program not
 * even memory is copied: it shares ours until it executes its program, as with posix_spawn(3).
 */
#include "start.h"

#define STACK_BYTES (64 * 1024)
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define O_NONBLOCK 0x800
#define MOST_FILES 65536
#define LAUNCHED_STDERR 3

/* Node has marked all that it was started with as not to be handed on. */
static void leave_open(int fd) { (void)sys6(NR_fcntl, fd, F_SETFD, 0, 0, 0, 0); }

static void make_blocking(int fd) {
  long flags = sys6(NR_fcntl, fd, F_GETFL, 0, 0, 0, 0);
  if (flags >= 0 && flags & O_NONBLOCK) (void)sys6(NR_fcntl, fd, F_SETFL, flags & ~O_NONBLOCK, 0, 0, 0);
}

static const char *skip_string(const char *at, const char *end) {
  while (at < end && *at) at++;
  return at + 1;
}

/* @return where the strings go on, or NULL if there are not as many */
static const char *point_at(const char **words, uint32_t count, const char *at, const char *end) {
  for (uint32_t i = 0; i < count; i++) {
    if (at >= end) return NULL;
    words[i] = at;
    at = skip_string(at, end);
  }
  words[count] = NULL;
  return at;
}

int unpack_program(struct program *program, const struct ts_program *packed) {
  const char *end = (const char *)packed + packed->size;
  if (packed->size < sizeof *packed || packed->arguments == 0 || end[-1] != 0) return -EINVAL;
  uint64_t words = (uint64_t)packed->paths + packed->arguments + packed->variables + 4;
  if (words > UINT32_MAX) return -EINVAL;
  program->size = words * sizeof(char *);
  program->paths = sys_allocate(program->size);
  if (!program->paths) return -ENOMEM;
  program->path_count = packed->paths;
  program->arguments = program->paths + packed->paths + 2;
  program->variables = program->arguments + packed->arguments + 1;
  const char *at = point_at(program->paths, packed->paths, (const char *)(packed + 1), end);
  if (at) at = point_at(program->arguments, packed->arguments, at, end);
  if (at) at = point_at(program->variables, packed->variables, at, end);
  if (at) return 0;
  free_program(program);
  return -EINVAL;
}

void free_program(struct program *program) { sys_free(program->paths, program->size); }

static long execute(const char *path, const char **arguments, const char **variables) {
  return sys6(NR_execve, (long)path, (long)arguments, (long)variables, 0, 0, 0);
}

/* A script without a first line that says whose: sh PATH ARGUMENTS…, as all shells do. */
static long execute_script(const char *path, struct program *program) {
  const char **arguments = program->arguments - 1, *name = program->arguments[0];
  arguments[0] = "/bin/sh";
  arguments[1] = path;
  long r = execute(arguments[0], arguments, program->variables);
  arguments[1] = name;
  return r;
}

int execute_program(struct program *program) {
  long reason = -ENOENT;
  for (uint32_t i = 0; i < program->path_count; i++) {
    long r = execute(program->paths[i], program->arguments, program->variables);
    if (r == -ENOEXEC) r = execute_script(program->paths[i], program);
    if (r == -EACCES) reason = r; /* remembered, but another one may do */
    else if (r != -ENOENT && r != -ENOTDIR && r != -ESTALE && r != -ENODEV && r != -ETIMEDOUT) return (int)r;
  }
  return (int)reason;
}

void hand_on(const struct ts_inherited *inherited) {
  const int32_t *descriptors = (const int32_t *)(inherited + 1);
  for (uint32_t i = 0; i < inherited->count; i++) leave_open(descriptors[i]);
  for (int fd = 0; inherited->blocking >> fd; fd++)
    if (inherited->blocking >> fd & 1) make_blocking(fd);
  struct limit limit;
  if (inherited->open_files == 0 || sys6(NR_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0, 0) < 0) return;
  limit.soft = inherited->open_files;
  (void)sys6(NR_prlimit64, 0, RLIMIT_NOFILE, (long)&limit, 0, 0, 0);
}

void reset_signals(void) {
  const struct disposition usual = {SIG_DFL, 0, NULL, 0};
  for (int signal = 1; signal <= SIGNALS; signal++) sys_disposition(signal, &usual, NULL);
}

int ts_become(const struct ts_program *packed, const struct ts_inherited *inherited) {
  const struct disposition usual = {SIG_DFL, 0, NULL, 0}, ignored = {SIG_IGN, 0, NULL, 0};
  struct program program;
  uint64_t mask = 0;
  int r = unpack_program(&program, packed);
  if (r < 0) return r;
  hand_on(inherited);
  /* Node ignores these two. What else was ignored when it was started it has reset for good. */
  sys_disposition(SIGPIPE, &usual, NULL);
  sys_disposition(SIGXFSZ, &usual, NULL);
  sys_set_mask(0, &mask);
  r = execute_program(&program);
  sys_set_mask(mask, NULL);
  sys_disposition(SIGPIPE, &ignored, NULL);
  sys_disposition(SIGXFSZ, &ignored, NULL);
  free_program(&program);
  return r;
}

/* ---- launching -------------------------------------------------------------------------------------------- */

struct launch {
  struct program *program;
  int input, output; /* its ends of the pipes */
  uint8_t *stacks;   /* two */
  int pid;
  int error;
};

static void close_from(int first) {
  if (sys6(NR_close_range, first, ~0u, 0, 0, 0, 0) == 0) return;
  for (int fd = first; fd < MOST_FILES; fd++) (void)sys_close(fd); /* before Linux 5.9 */
}

/* stderr as another one: what Node may say or do to its own it does to everybody who shares it. */
static long take_descriptors(const struct launch *launch) {
  const int stderr = 2;
  long null = sys_openat(AT_FDCWD, "/dev/null", O_RDWR), r = null;
  if (r >= 0) r = sys_duplicate(launch->input, 0);
  if (r >= 0) r = sys_duplicate(launch->output, 1);
  if (r >= 0) r = sys_duplicate(stderr, LAUNCHED_STDERR);
  if (r >= 0) r = sys_duplicate((int)null, stderr);
  if (r >= 0) r = sys6(NR_chdir, (long)"/", 0, 0, 0, 0, 0);
  if (r >= 0) close_from(LAUNCHED_STDERR + 1);
  return r;
}

/* In the launched process, with our memory, until it executes its program. */
static void run_launched(void *context) {
  struct launch *launch = context;
  reset_signals();
  launch->error = (int)take_descriptors(launch);
  if (launch->error < 0) return;
  sys_set_mask(0, NULL);
  launch->error = execute_program(launch->program);
}

/* In the process between: its end makes its child nobody's. */
static void run_between(void *context) {
  struct launch *launch = context;
  (void)sys6(NR_setsid, 0, 0, 0, 0, 0, 0);
  long pid = sys_clone_thread(CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID, launch->stacks + 2 * STACK_BYTES,
                              &launch->pid, run_launched, launch);
  if (pid < 0) launch->error = (int)pid;
}

static int launch_orphan(struct launch *launch) {
  uint64_t mask = 0;
  int tid = 0;
  launch->stacks = sys_allocate(2 * STACK_BYTES);
  if (!launch->stacks) return -ENOMEM;
  sys_set_mask(EVERY_SIGNAL, &mask);
  long between = sys_clone_thread(CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID, launch->stacks + STACK_BYTES, &tid,
                                  run_between, launch);
  sys_set_mask(mask, NULL);
  if (between >= 0)
    while (sys_wait4((int)between, NULL, WALL_THREADS) == -EINTR) {}
  sys_free(launch->stacks, 2 * STACK_BYTES);
  if (between < 0) return (int)between;
  return launch->error < 0 ? launch->error : launch->pid;
}

int ts_launch(const struct ts_program *packed, int32_t pipes[2]) {
  int32_t to[2], from[2];
  struct program program;
  int r = unpack_program(&program, packed);
  if (r < 0) return r;
  if ((r = (int)sys_pipe(to)) < 0) goto out;
  if ((r = (int)sys_pipe(from)) < 0) {
    close_both(to);
    goto out;
  }
  struct launch launch = {.program = &program, .input = to[0], .output = from[1]};
  r = launch_orphan(&launch);
  (void)sys_close(to[0]);
  (void)sys_close(from[1]);
  pipes[0] = to[1];
  pipes[1] = from[0];
  if (r < 0)
    close_both(pipes);
  else
    (void)sys_prctl(PR_SET_PTRACER, r); /* unknown where Yama is not built in, and not needed there */
out:
  free_program(&program);
  return r;
}
