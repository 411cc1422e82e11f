/**
 * Programs that wait in the kernel do not notice: each kind of blocking call is made for two seconds, is hit by an
 * injection and by a recovery on the way, and gives the same result, the same errno and the same out-parameters after
 * the same time as one that is left alone at the same time.
 */
import { describe, expect, test } from "vitest";
import { MILLISECOND } from "../support/clock.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { inject, recover } from "../support/patient.ts";
import { state } from "../support/proc.ts";
import { waitFor } from "../support/wait.ts";
import { type Disturbance, disturb, type Shape, type Verdicts, waitKinds } from "../support/waits.ts";

/**
 * "timed": ends by a timeout of the call or of its descriptor. "woken": a process ends it after two seconds. "half
 * done": part of the work was done before the call began to wait, and the rest comes at the end, so that an
 * interrupted one does not even say so: it returns early with what there is.
 */
const KINDS = [
  "epoll_wait",
  "epoll_wait, woken",
  "epoll_pwait",
  "epoll_pwait2",
  "poll",
  "poll, woken",
  "ppoll",
  "ppoll, woken",
  "select",
  "select, woken",
  "pselect6",
  "pselect6, woken",
  "nanosleep",
  "clock_nanosleep",
  "clock_nanosleep, absolute",
  "clock_nanosleep, absolute wall clock",
  "futex wait",
  "futex wait, woken",
  "futex wait, absolute",
  "futex wait, absolute wall clock",
  "futex lock with priority",
  "futex_waitv",
  "sigtimedwait",
  "sigwaitinfo",
  "pause",
  "sigsuspend",
  "recv, timed",
  "recv, woken",
  "recv of TCP, timed",
  "recv of UDP, timed",
  "read of a socket, timed",
  "readv of a socket, timed",
  "recvmsg, timed",
  "recvmmsg, timed",
  "recvmmsg with a deadline",
  "accept, timed",
  "accept4, timed",
  "accept of TCP, timed",
  "connect, timed",
  "connect by TCP, timed",
  "send, timed",
  "sendmsg, timed",
  "sendmmsg, timed",
  "write to a socket, timed",
  "writev to a socket, timed",
  "send, half done",
  "recv of all, half done",
  "recvmmsg, half done",
  "semtimedop",
  "semop, woken",
  "msgrcv, woken",
  "msgsnd, woken",
  "mq_timedreceive",
  "mq_receive, woken",
  "mq_timedsend",
  "flock, woken",
  "fcntl lock, woken",
  "fcntl lock of a description, woken",
  "wait4",
  "waitid",
  "read of a pipe",
  "splice of a pipe",
  "read of an eventfd",
  "read of a timerfd",
  "read of a signalfd",
  "read of inotify",
  "read of a terminal",
  "read of a terminal, timed",
  "open of a fifo",
  "write to a pipe, half done",
  "io_getevents",
  "io_pgetevents",
  "io_getevents, half done",
  "io_uring_enter, timed",
  "io_uring_enter, for a timeout",
  "io_uring_enter, half done",
];

/**
 * Where every thread of a process sleeps, one has to be woken, and in these calls it notices: the timeout is an option
 * of the descriptor, or the kernel hands over what it has, or (a sleep that is stopped twice) notes the rest.
 */
const NOTICED_BY_ONE = new Set([
  ...["nanosleep", "clock_nanosleep", "read of a terminal, timed"],
  ...KINDS.filter((kind) => /^(recv|read|accept|connect|send|write).*, timed$/.test(kind)),
  "recvmmsg with a deadline",
  ...KINDS.filter((kind) => kind.endsWith(", half done")),
]);

/**
 * In these its timeout is shortened by how long it has slept, by a clock that does not count what a hypervisor has taken
 * from the processor meanwhile.
 */
const SHORTENED = new Set([
  ...[
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "sigtimedwait",
    "semtimedop",
    "io_getevents",
    "io_pgetevents",
  ],
  "io_uring_enter, timed",
]);

const SHAPES: [title: string, shape: Shape][] = [
  ["the only thread", "main"],
  ["the second thread, while the main thread sleeps", "second"],
  ["the second thread, while the main thread computes", "spin"],
  ["four threads, all in the same kind of call", "all"],
];

const TIMESKEW: Disturbance[] = [
  {
    name: "inject",
    from: 550n * MILLISECOND,
    to: 900n * MILLISECOND,
    act: (pid) => inject({ pid, offset: "-600s" }),
  },
  {
    name: "recover",
    from: 1_100n * MILLISECOND,
    to: 1_500n * MILLISECOND,
    act: (pid) => recover({ pid }),
  },
];

/** Something else than timeskew, to see that the instrument notices it. */
function somethingElse(act: (pid: number) => Promise<unknown>): Disturbance[] {
  return [{ name: "disturbance", from: 550n * MILLISECOND, to: 900n * MILLISECOND, act }];
}

test("the table names every kind that the victim knows", async (context) => {
  needPrograms(context, "gcc");
  expect(await waitKinds()).toEqual(KINDS);
});

describe.for(SHAPES)("%s", ([, shape]) => {
  let verdicts: Promise<Verdicts> | undefined;

  test.for(KINDS)("%s", async (kind, context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    // All kinds wait at the same time; the first test starts them.
    verdicts ??= disturb(shape, KINDS, TIMESKEW);
    const { unsupported, complaints } = (await verdicts).get(kind)!;
    if (unsupported) context.skip(`needs what this kernel does not have: ${unsupported}`);
    if (NOTICED_BY_ONE.has(kind) && (shape === "main" || shape === "all")) {
      // Not more than that: it comes back, with what the call may answer.
      for (const complaint of complaints)
        expect(complaint).toMatch(/^(result|errno|wrote|took|remaining time) /);
      expect(complaints.filter((complaint) => complaint.startsWith("errno 4,"))).toEqual([]);
    } else if (SHORTENED.has(kind) && (shape === "main" || shape === "all")) {
      // A timeout that began again would make it 2.5 s at the least.
      expect(complaints.filter((complaint) => !/^took 2\.[0-4] s, not 2\.0 s$/.test(complaint))).toEqual([]);
    } else {
      expect(complaints.join("; ")).toBe("");
    }
  });
});

describe.concurrent("the instrument notices", () => {
  test("a stop and a continuation", async (context) => {
    needPrograms(context, "gcc");
    const verdicts = await disturb(
      "second",
      ["epoll_wait", "semtimedop", "read of a terminal, timed", "write to a pipe, half done", "futex wait"],
      somethingElse(async (pid) => {
        process.kill(pid, "SIGSTOP");
        await waitFor("the stop", () => state(pid) === "T");
        process.kill(pid, "SIGCONT");
      }),
    );
    const complaints = (kind: string) => verdicts.get(kind)!.complaints;
    // EINTR, a timeout that began again, and a short count: the three ways in which a call can show a stop.
    expect(complaints("epoll_wait")).toEqual(expect.arrayContaining(["result -1, not 0", "errno 4, not 0"]));
    expect(complaints("semtimedop")).toContain("errno 4, not 11");
    expect(complaints("read of a terminal, timed")).toEqual([
      expect.stringMatching(/^took 2\.[5-9] s, not 2\.0 s$/),
    ]);
    expect(complaints("write to a pipe, half done")).toContain("result 4096, not 16384");
    expect(complaints("futex wait")).toEqual([]);
  });

  test("a signal with a handler that does nothing", async (context) => {
    needPrograms(context, "gcc");
    const verdicts = await disturb(
      "main",
      ["nanosleep", "select"],
      somethingElse(async (pid) => process.kill(pid, "SIGUSR1")),
    );
    for (const { complaints } of verdicts.values())
      expect(complaints).toEqual(
        expect.arrayContaining([
          "result -1, not 0",
          "errno 4, not 0",
          "handled 1, not 0",
          expect.stringMatching(/^took [01]\.\d s, not 2\.0 s$/),
        ]),
      );
  });
});
