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
  "truth.h",
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

/** Static, so that they run in any root file system. */
const STATIC = ["gcc", "-static", ...C_FLAGS];

export const RESIDENT: Recipe = {
  name: "resident",
  sources: ["resident.c", "readings.c", "readings.h", "truth.h", "vdso.c", "vdso.h"],
  command: STATIC,
};

export const NEWCOMER: Recipe = {
  name: "newcomer",
  sources: ["newcomer.c", "witness.h", "truth.h"],
  command: STATIC,
};

export const HAMMER: Recipe = {
  name: "hammer",
  sources: ["hammer.c", "judge.h", "truth.h"],
  command: ["gcc", ...C_FLAGS],
};

export const FOLLOWER: Recipe = {
  name: "follower",
  sources: ["follower.c", "truth.h"],
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
    "truth.h",
    "vdso.c",
    "vdso.h",
  ],
  command: ["gcc", ...C_FLAGS],
};

const WITNESS = ["witness.h", "truth.h"];

export const THRONG: Recipe = {
  name: "throng",
  sources: ["throng.c", ...WITNESS],
  command: ["gcc", ...C_FLAGS],
};

export const STORM: Recipe = {
  name: "storm",
  sources: ["storm.c", ...WITNESS],
  command: ["gcc", ...C_FLAGS],
};

export const BROOD: Recipe = {
  name: "brood",
  sources: ["brood.c", ...WITNESS],
  command: ["gcc", ...C_FLAGS],
};

export const IGNORER: Recipe = { name: "ignorer", sources: ["ignorer.c"], command: ["gcc", ...C_FLAGS] };

export const GATE: Recipe = {
  name: "gate",
  sources: ["gate.c"],
  command: ["gcc", "-no-pie", ...C_FLAGS],
};

export const STACKS: Recipe = {
  name: "stacks",
  sources: ["stacks.c", ...WITNESS, "vdso.c", "vdso.h"],
  command: ["gcc", "-Wl,-z,now", ...C_FLAGS],
};

const VERDICT = ["verdict.c", "verdict.h", "truth.h"];

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

export const READERS: Recipe = {
  name: "readers",
  sources: ["readers.c", ...VERDICT],
  command: ["gcc", ...C_FLAGS],
};

export const TRACER: Recipe = { name: "tracer", sources: ["tracer.c"], command: ["gcc", ...C_FLAGS] };

export const THRESHOLD: Recipe = {
  name: "threshold",
  sources: ["threshold.c"],
  command: ["gcc", ...C_FLAGS],
};

/** entrance.c, loaded in each of the ways in which a program may be. */
function entrance(
  title: string,
  compiler: string,
  ...flags: string[]
): Recipe & { compiler: string; title: string } {
  return {
    title,
    compiler,
    name: `entrance-${title.replaceAll(" ", "-")}`,
    sources: ["entrance.c", "truth.h"],
    command: [compiler, "-Wl,-e,entrance", ...flags, ...C_FLAGS],
  };
}

export const ENTRANCE = entrance("glibc", "gcc", "-rdynamic");
export const ENTRANCE_FIXED = entrance("glibc at a fixed address", "gcc", "-no-pie");
export const ENTRANCE_MUSL = entrance("musl", "musl-gcc");
export const ENTRANCE_STATIC = entrance("musl static", "musl-gcc", "-static");

export const SLOW: Recipe = {
  name: "slow.so",
  sources: ["slow.c"],
  command: ["gcc", "-shared", "-fPIC", ...C_FLAGS],
};

export const SANDBOX: Recipe = {
  name: "sandbox",
  sources: ["sandbox.c", "truth.h"],
  command: ["gcc", ...C_FLAGS],
};

export const FILLER: Recipe = { name: "filler", sources: ["filler.c"], command: ["gcc", ...C_FLAGS] };

export const FILTERED: Recipe = { name: "filtered", sources: ["filtered.c"], command: ["gcc", ...C_FLAGS] };

export const FORGER: Recipe = { name: "forger", sources: ["forger.c"], command: ["gcc", ...C_FLAGS] };

export const BORROWER: Recipe = {
  name: "borrower",
  sources: ["borrower.c"],
  command: ["gcc", ...C_FLAGS],
};

export const STEPPER: Recipe = {
  name: "stepper",
  sources: ["stepper.c", "truth.h", "vdso.c", "vdso.h"],
  command: ["gcc", ...C_FLAGS],
};

export const WAKER: Recipe = {
  name: "waker",
  sources: ["waker.c", "truth.h", "vdso.c", "vdso.h"],
  command: ["gcc", ...C_FLAGS],
};

export const WAITS: Recipe = {
  name: "waits",
  sources: [
    "waits.c",
    "waits.h",
    "truth.h",
    "waits_aio.c",
    "waits_file.c",
    "waits_ipc.c",
    "waits_poll.c",
    "waits_sleep.c",
    "waits_socket.c",
  ],
  command: ["gcc", ...C_FLAGS],
};

const DEADLINES_SOURCES = [
  "deadlines.c",
  "deadlines.h",
  "deadlines_bare.h",
  "deadlines_futex.c",
  "deadlines_ipc.c",
  "deadlines_sleep.c",
  "deadlines_sync.c",
  "deadlines_task.c",
  "deadlines_task.h",
  "deadlines_timer.c",
  "deadlines_watch.c",
  "family.c",
  "family.h",
  "truth.h",
];

/** A program with one C library. */
export interface Variant extends Recipe {
  title: string;
  /** To skip the tests where one is missing. */
  compilers: readonly string[];
}

function variant(
  program: string,
  sources: readonly string[],
  title: string,
  compiler: string,
  ...flags: string[]
): Variant {
  const name = `${program}-${title.replaceAll(" ", "-")}`;
  return { title, compilers: [compiler], name, sources, command: [compiler, ...flags, ...C_FLAGS] };
}

const deadlines = variant.bind(null, "deadlines", DEADLINES_SOURCES);
const rawclock = variant.bind(null, "rawclock", ["rawclock.c", "truth.h"]);

export const RAWCLOCK_GLIBC = rawclock("glibc", "gcc");
export const RAWCLOCK_GLIBC_STATIC = rawclock("glibc static", "gcc", "-static");
export const RAWCLOCK_MUSL_STATIC = rawclock("musl static", "musl-gcc", "-static");

export const DEADLINES_GLIBC = deadlines("glibc", "gcc");
export const DEADLINES_GLIBC_STATIC = deadlines("glibc static", "gcc", "-static");
export const DEADLINES_MUSL_STATIC = deadlines("musl static", "musl-gcc", "-static");

/** All of it in C, and the C++ library's kinds. */
export const DEADLINES_CXX: Variant = {
  title: "C++",
  compilers: ["gcc", "g++"],
  name: "deadlines-cxx",
  sources: ["deadlines_cxx.cpp", "deadlines.h"],
  command: ["g++", "-std=c++20", ...C_FLAGS],
  objects: [deadlines("object", "gcc", "-r")],
};

/** Loads the payload by itself, so params.h is one of its sources. */
export const CALLS: Recipe = {
  name: "calls",
  sources: [
    "calls.c",
    "calls.h",
    "calls_bench.c",
    "calls_clocks.c",
    "calls_deadlines.c",
    "calls_durations.c",
    "calls_intervals.c",
    "calls_load.c",
    "calls_machine.c",
    "calls_machine.h",
    "calls_machine_aarch64.c",
    "calls_machine_x86_64.c",
    "calls_rests.c",
    "calls_storm.c",
    "calls_timers.c",
    "vdso.c",
    "vdso.h",
    "../../native/payload/params.h",
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

export const TIMERS: Recipe = {
  name: "timers",
  sources: ["timers.c", "truth.h"],
  command: ["gcc", ...C_FLAGS],
};

export const GUARDIAN: Recipe = {
  name: "guardian",
  sources: ["guardian.c", "truth.h"],
  command: ["gcc", ...C_FLAGS],
};

export const FAULTS: Recipe = {
  name: "faults",
  sources: ["faults.c", "truth.h"],
  command: ["gcc", ...C_FLAGS],
};

/** 32 bits without a 32-bit libc: nothing but the compiler is needed. */
export const I386: Recipe = {
  name: "i386",
  sources: ["i386.c"],
  command: [
    ...["gcc", "-m32", "-O2", "-Wall", "-Wextra", "-Werror"],
    ...["-static", "-nostdlib", "-ffreestanding", "-fno-pie", "-fno-stack-protector", "-o", "OUTPUT"],
  ],
};

/** The same as a 32-bit program, with Debian's 32-bit libc. */
export function in32Bits(recipe: Recipe): Recipe {
  const [compiler = "", ...flags] = recipe.command;
  const command = [compiler, "-m32", "-I/usr/include/x86_64-linux-gnu", ...flags];
  return { ...recipe, name: `${recipe.name}-32`, command };
}

/** With Debian's 32-bit libc. */
export const COMPAT: Recipe = {
  name: "compat",
  sources: ["compat.c"],
  command: ["gcc", "-m32", "-isystem", "/usr/include/x86_64-linux-gnu", "-fno-pie", "-no-pie", ...C_FLAGS],
};

/** A 64-bit program with a thread in 32-bit code, and the other way round. */
export const MODES64: Recipe = {
  name: "modes64",
  sources: ["modes.c"],
  command: ["gcc", "-fno-pie", "-no-pie", ...C_FLAGS],
};
export const MODES32: Recipe = { name: "modes32", sources: ["modes.c"], command: COMPAT.command };

export const CALLS32: Recipe = {
  name: "calls32",
  sources: ["calls32.c", "calls32.h", "calls32_timers.c", "calls32_waits.c", "../../native/payload/params.h"],
  command: [...COMPAT.command, "-lrt"],
};

export const GO: Recipe = {
  name: "clocks-go",
  sources: ["clocks.go"],
  command: ["go", "build", "-o", "OUTPUT"],
};

/** Linked by the C compiler, with a C library. */
export const GO_CGO: Recipe = {
  name: "clocks-go-cgo",
  sources: ["clocks.go"],
  command: ["go", "build", "-ldflags=-linkmode=external", "-o", "OUTPUT"],
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

export const WAITS_GO: Recipe = {
  name: "waits-go",
  sources: ["waits.go"],
  command: ["go", "build", "-o", "OUTPUT"],
};

export const WAITS_JAVA: Recipe = {
  name: "waits-java",
  sources: ["Waits.java"],
  command: ["javac", "-d", "OUTPUT"],
};

export const WAITS_RUST: Recipe = {
  name: "waits-rust",
  sources: ["waits.rs"],
  command: ["rustc", "--edition", "2021", "-O", "-o", "OUTPUT"],
};

/** What reads clocks, and translates times; nothing that makes system calls. */
const PAYLOAD = ["clock.c", "profile.c", "begin.c", "waits.c", "when.c"];
const PAYLOAD_HEADERS = [
  ...["params.h", "slot.h", "profile.h", "scale.h", "calls.h", "wide.h", "quotient.h", "machine.h"],
  ...["x86_64", "aarch64", "i386"].flatMap((machine) => [`${machine}/machine.h`, `${machine}/numbers.h`]),
];

/** The machines that the payload is for: as native/build.mjs compiles it, and what else a program for it takes. */
const PAYLOAD_MACHINES = {
  x86_64: {
    compiler: "gcc",
    flags: ["rbx", "rbp", "r12", "r13", "r14", "r15"].map((register) => `-ffixed-${register}`),
    sources: [],
  },
  aarch64: { compiler: "aarch64-linux-gnu-gcc", flags: ["-static"], sources: [] },
  i386: {
    compiler: "gcc",
    flags: ["-m32", "-march=i686", "-fvisibility=hidden"],
    sources: ["i386/divide.c", "i386/clock32.c"],
  },
} as const;
export type PayloadMachine = keyof typeof PAYLOAD_MACHINES;

/** A program of test/arithmetic: the payload's sources, as they are, in a program of its own. */
function hosted(name: string, ...flags: string[]): Record<PayloadMachine, Recipe> {
  const recipe = (machine: PayloadMachine): Recipe => {
    const { compiler, flags: own, sources } = PAYLOAD_MACHINES[machine];
    return {
      name: machine === "x86_64" ? name : `${name}-${machine}`,
      sources: [
        ...[`${name}.c`, "host.c", "host.h"].map((file) => `../arithmetic/${file}`),
        ...[...PAYLOAD, ...PAYLOAD_HEADERS, ...sources].map((file) => `../../native/payload/${file}`),
      ],
      // Who makes the calls that are translated is not there: nobody asks for it.
      command: [compiler, ...own, "-ffunction-sections", "-Wl,--gc-sections", ...flags, ...C_FLAGS],
    };
  };
  return { x86_64: recipe("x86_64"), aarch64: recipe("aarch64"), i386: recipe("i386") };
}

export const EVALUATE = hosted("evaluate");
export const TORN = hosted("torn");
export const GARBAGE = hosted("garbage", "-fsanitize=address,undefined", "-fno-sanitize-recover=all");

/** The helper's arm64 stub, in a program of its own: the headers of native/arch, as they are, and no libc. */
export const STUB_AARCH64: Recipe = {
  name: "stub-aarch64",
  sources: [
    "../arithmetic/stub_aarch64.c",
    "../../native/copy.c",
    "../../native/sys.h",
    ...["arch", "arch_stub", "arch_sys", "aarch64", "aarch64_stub", "aarch64_sys"].map(
      (name) => `../../native/arch/${name}.h`,
    ),
  ],
  command: [
    ...[
      process.arch === "arm64" ? "gcc" : "aarch64-linux-gnu-gcc",
      ...C_FLAGS,
      "-ffreestanding",
      "-nostdlib",
    ],
    ...["-static", "-fno-stack-protector", "-mno-outline-atomics"],
  ],
};
