/*
 * enter.c - starts a program in another process's namespaces, with its files, its ids and its rights.
 *
 *     we ── fork ──▶ entrant: waits to be traced, joins namespaces ── clone(CLONE_PARENT) ──▶ the program, our child
 *
 * The entrant is traced before it has joined anything: it is one of ours then, whoever we are. Its child is traced from
 * birth. Until that executes the program, it has our memory and our open files, so nobody in there may look into it.
 */
#include "start.h"

#define PR_CAPBSET_DROP 24
#define PR_SET_NO_NEW_PRIVS 38
#define CAPABILITIES 64
#define X_OK 1
#define CLOSE_RANGE_CLOEXEC 4
#define F_SETFD 2
#define FD_CLOEXEC 1
#define MOST_FILES 65536
#define STACK_BYTES (64 * 1024)

struct entrant {
  const struct ts_entry *entry;
  const struct ts_inherited *inherited;
  struct program there, here;
  int go, news;
  uint8_t *stack;
  int found; /* whether the files have one of the paths of `there` */
};

static void tell(const struct entrant *entrant, enum ts_entry_news news, long value) {
  const struct ts_entry_report report = {news, (int32_t)value};
  (void)sys6(NR_write, entrant->news, (long)&report, sizeof report, 0, 0, 0);
}

static long join(int namespace) { return namespace < 0 ? 0 : sys6(NR_setns, namespace, 0, 0, 0, 0, 0); }

/* The mount namespace, and the root and the directory that the process has in it. */
static long join_files(const struct ts_entry *entry) {
  long r = join(entry->mount_namespace);
  if (r == 0 && entry->root >= 0) {
    r = sys6(NR_fchdir, entry->root, 0, 0, 0, 0, 0);
    if (r == 0) r = sys6(NR_chroot, (long)".", 0, 0, 0, 0, 0);
  }
  if (r == 0 && entry->directory >= 0) r = sys6(NR_fchdir, entry->directory, 0, 0, 0, 0, 0);
  return r;
}

/* In a process of its own, which shares our memory but has its own root. */
static void look_for_program(void *context) {
  struct entrant *entrant = context;
  const struct program *program = &entrant->there;
  /* What cannot be looked at is an error, which shows again when it is to be executed. */
  entrant->found = 1;
  if (join_files(entrant->entry) < 0) return;
  for (uint32_t i = 0; i < program->path_count; i++) {
    long r = sys6(NR_faccessat, AT_FDCWD, (long)program->paths[i], X_OK, 0, 0, 0);
    if (r != -ENOENT && r != -ENOTDIR) return;
  }
  entrant->found = 0;
}

static long find_program(struct entrant *entrant) {
  int tid = 0;
  entrant->found = 1;
  if (entrant->entry->mount_namespace < 0 && entrant->entry->root < 0) return 0;
  long pid = sys_clone_thread(CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID, entrant->stack + STACK_BYTES, &tid,
                              look_for_program, entrant);
  if (pid < 0) return pid;
  while (sys_wait4((int)pid, NULL, WALL_THREADS) == -EINTR) {}
  return 0;
}

static void give_up_rights(const struct ts_entry *entry) {
  for (int capability = 0; capability < CAPABILITIES; capability++)
    if (entry->lost >> capability & 1) (void)sys_prctl(PR_CAPBSET_DROP, capability); /* EPERM: we have none to give */
}

static long take_ids(const struct ts_entry *entry) {
  long r = 0;
  if (entry->flags & TS_ENTRY_GROUPS) r = sys6(NR_setgroups, entry->group_count, (long)(entry + 1), 0, 0, 0, 0);
  if (r == 0 && entry->flags & TS_ENTRY_IDS) r = sys6(NR_setresgid, entry->gid, entry->gid, entry->gid, 0, 0, 0);
  if (r == 0 && entry->flags & TS_ENTRY_IDS) r = sys6(NR_setresuid, entry->uid, entry->uid, entry->uid, 0, 0, 0);
  if (r == 0 && entry->flags & TS_ENTRY_NO_NEW_PRIVS) r = sys6(NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
  return r;
}

/* What is not handed on is not to be had either: a folder of ours would be a way out of the namespaces. */
static void close_on_exec(void) {
  if (sys6(NR_close_range, 0, ~0u, CLOSE_RANGE_CLOEXEC, 0, 0, 0) == 0) return;
  for (int fd = 0; fd < MOST_FILES; fd++) (void)sys6(NR_fcntl, fd, F_SETFD, FD_CLOEXEC, 0, 0, 0); /* before 5.11 */
}

/* The program's process: all that is left to do, and then the program. */
static void run_program(struct entrant *entrant) {
  const struct ts_entry *entry = entrant->entry;
  long r = entrant->found ? join_files(entry) : 0;
  if (r == 0) r = join(entry->user_namespace);
  if (r == 0) {
    give_up_rights(entry);
    r = take_ids(entry);
  }
  if (r < 0) {
    tell(entrant, TS_ENTRY_FAILED, -r);
  } else {
    close_on_exec();
    hand_on(entrant->inherited);
    sys_set_mask(0, NULL);
    tell(entrant, TS_EXEC_FAILED, -execute_program(entrant->found ? &entrant->there : &entrant->here));
  }
  sys_end(127);
}

static long enter(struct entrant *entrant) {
  const struct ts_entry *entry = entrant->entry;
  long r = sys_prctl(PR_SET_DUMPABLE, 0);
  for (int i = 0; i < TS_ENTRY_NAMESPACES && r == 0; i++) r = join(entry->first[i]);
  if (r == 0) r = find_program(entrant);
  if (r == 0 && entrant->found) r = join(entry->pid_namespace);
  if (r == 0) r = sys_fork(CLONE_PARENT); /* with SIGCHLD at its end, as we have */
  return r;
}

static void run_entrant(struct entrant *entrant) {
  uint8_t go;
  reset_signals();
  if (entrant->entry->tracer > 0) (void)sys_prctl(PR_SET_PTRACER, entrant->entry->tracer);
  if (sys_read(entrant->go, &go, 1) != 1) sys_end(0); /* called off */
  long r = enter(entrant);
  if (r == 0) run_program(entrant);
  if (r < 0)
    tell(entrant, TS_ENTRY_FAILED, -r);
  else
    tell(entrant, entrant->found ? TS_ENTERED : TS_ENTERED_HERE, r);
  sys_end(0);
}

static int start_entrant(struct entrant *entrant, int32_t pipes[2]) {
  int32_t go[2], news[2];
  uint64_t mask = 0;
  long r = sys_pipe(go);
  if (r < 0) return (int)r;
  if ((r = sys_pipe(news)) < 0) {
    close_both(go);
    return (int)r;
  }
  entrant->go = go[0];
  entrant->news = news[1];
  sys_set_mask(EVERY_SIGNAL, &mask);
  r = sys_fork(SIGCHLD);
  if (r == 0) {
    (void)sys_close(go[1]);
    (void)sys_close(news[0]);
    run_entrant(entrant);
  }
  sys_set_mask(mask, NULL);
  (void)sys_close(go[0]);
  (void)sys_close(news[1]);
  pipes[0] = go[1];
  pipes[1] = news[0];
  if (r < 0) close_both(pipes);
  return (int)r;
}

int ts_enter(const struct ts_entry *entry, const struct ts_program *there, const struct ts_program *here,
             const struct ts_inherited *inherited, int32_t pipes[2]) {
  struct entrant entrant = {.entry = entry, .inherited = inherited};
  int r = unpack_program(&entrant.there, there);
  if (r < 0) return r;
  if ((r = unpack_program(&entrant.here, here)) < 0) goto out;
  entrant.stack = sys_allocate(STACK_BYTES);
  r = entrant.stack ? start_entrant(&entrant, pipes) : -ENOMEM;
  if (entrant.stack) sys_free(entrant.stack, STACK_BYTES);
  free_program(&entrant.here);
out:
  free_program(&entrant.there);
  return r;
}
