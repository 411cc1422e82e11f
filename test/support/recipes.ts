/** How each victim is built. Files and protocols: test/README.md. */
import type { Recipe } from "./build.ts";

const C_FLAGS = ["-O2", "-g", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", "OUTPUT"];

const CLOCKS_SOURCES = [
  "clocks.c",
  "edges.c",
  "edges.h",
  "family.c",
  "family.h",
  "readings.c",
  "readings.h",
  "vdso.c",
  "vdso.h",
];

/** clocks.c with one libc, and what this libc's functions come down to. */
export interface ClocksVariant extends Recipe {
  title: string;
  /** The compiler, to skip the tests where it is missing. */
  compiler: string;
  /** What gettimeofday() and time() call: the vDSO's functions of these names, or clock_gettime(CLOCK_REALTIME). */
  wallFunctions: "vdso" | "clock_gettime";
}

function clocks(
  title: string,
  wallFunctions: ClocksVariant["wallFunctions"],
  compiler: string,
  ...flags: string[]
): ClocksVariant {
  const name = `clocks-${title.replaceAll(" ", "-")}`;
  const command = [compiler, ...flags, ...C_FLAGS];
  return { title, wallFunctions, compiler, name, sources: CLOCKS_SOURCES, command };
}

export const GLIBC = clocks("glibc", "vdso", "gcc");
export const GLIBC_STATIC = clocks("glibc static", "vdso", "gcc", "-static");
export const MUSL_STATIC = clocks("musl static", "clock_gettime", "musl-gcc", "-static");

export const HAMMER: Recipe = {
  name: "hammer",
  sources: ["hammer.c", "judge.h"],
  command: ["gcc", ...C_FLAGS],
};

export const HOSTILE: Recipe = {
  name: "hostile",
  sources: [
    "hostile.c",
    "hostile.h",
    "hostile-memory.c",
    "hostile-process.c",
    "hostile-seccomp.c",
    "hostile-vdso.c",
    "vdso.c",
    "vdso.h",
  ],
  command: ["gcc", ...C_FLAGS],
};

export const THRONG: Recipe = {
  name: "throng",
  sources: ["throng.c", "witness.h"],
  command: ["gcc", ...C_FLAGS],
};

export const STORM: Recipe = {
  name: "storm",
  sources: ["storm.c", "witness.h"],
  command: ["gcc", ...C_FLAGS],
};

export const STACKS: Recipe = {
  name: "stacks",
  sources: ["stacks.c", "witness.h", "vdso.c", "vdso.h"],
  command: ["gcc", "-Wl,-z,now", ...C_FLAGS],
};

const VERDICT = ["verdict.c", "verdict.h"];

export const WAITERS: Recipe = {
  name: "waiters",
  sources: ["waiters.c", ...VERDICT],
  command: ["gcc", ...C_FLAGS],
};

export const TEMPEST: Recipe = {
  name: "tempest",
  sources: ["tempest.c", ...VERDICT],
  command: ["gcc", ...C_FLAGS],
};

export const TRACER: Recipe = { name: "tracer", sources: ["tracer.c"], command: ["gcc", ...C_FLAGS] };

export const SANDBOX: Recipe = { name: "sandbox", sources: ["sandbox.c"], command: ["gcc", ...C_FLAGS] };

export const FILLER: Recipe = { name: "filler", sources: ["filler.c"], command: ["gcc", ...C_FLAGS] };

export const FILTERED: Recipe = { name: "filtered", sources: ["filtered.c"], command: ["gcc", ...C_FLAGS] };

export const FORGER: Recipe = { name: "forger", sources: ["forger.c"], command: ["gcc", ...C_FLAGS] };

export const STEPPER: Recipe = {
  name: "stepper",
  sources: ["stepper.c", "vdso.c", "vdso.h"],
  command: ["gcc", ...C_FLAGS],
};

export const WAKER: Recipe = {
  name: "waker",
  sources: ["waker.c", "vdso.c", "vdso.h"],
  command: ["gcc", ...C_FLAGS],
};

export const WAITS: Recipe = {
  name: "waits",
  sources: [
    "waits.c",
    "waits.h",
    "waits_aio.c",
    "waits_file.c",
    "waits_ipc.c",
    "waits_poll.c",
    "waits_sleep.c",
    "waits_socket.c",
  ],
  command: ["gcc", ...C_FLAGS],
};

export const SENDER: Recipe = {
  name: "sender",
  sources: ["sender.c", "channels.h"],
  command: ["gcc", ...C_FLAGS],
};

export const RECEIVER: Recipe = {
  name: "receiver",
  sources: ["receiver.c", "channels.h"],
  command: ["gcc", ...C_FLAGS],
};

export const TIMERS: Recipe = { name: "timers", sources: ["timers.c"], command: ["gcc", ...C_FLAGS] };

export const GUARDIAN: Recipe = { name: "guardian", sources: ["guardian.c"], command: ["gcc", ...C_FLAGS] };

export const FAULTS: Recipe = { name: "faults", sources: ["faults.c"], command: ["gcc", ...C_FLAGS] };

/** 32 bits without a 32-bit libc: nothing but the compiler is needed. */
export const I386: Recipe = {
  name: "i386",
  sources: ["i386.c"],
  command: [
    ...["gcc", "-m32", "-O2", "-Wall", "-Wextra", "-Werror"],
    ...["-static", "-nostdlib", "-ffreestanding", "-fno-pie", "-fno-stack-protector", "-o", "OUTPUT"],
  ],
};

export const GO: Recipe = {
  name: "clocks-go",
  sources: ["clocks.go"],
  command: ["go", "build", "-o", "OUTPUT"],
};

export const GO_STRIPPED: Recipe = {
  name: "clocks-go-stripped",
  sources: ["clocks.go"],
  command: ["go", "build", "-ldflags=-s -w", "-o", "OUTPUT"],
};

export const JAVA: Recipe = {
  name: "clocks-java",
  sources: ["Clocks.java"],
  command: ["javac", "-d", "OUTPUT"],
};
