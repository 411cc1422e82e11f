/**
 * Builds the C helper and the payloads into native/build/:
 *
 *     timeskew-<machine>.so     the helper that koffi loads; freestanding, so one file serves glibc and musl
 *     payload-<machine>.bin     the code that runs inside the target; flat pages
 *
 *     node native/build.mjs [--arch x64 | arm64 | all]
 *
 * For this machine, or for another by a cross compiler; `all` is what the package is published with. What is for x86-64
 * comes with a payload for 32-bit programs, which is made by the same compiler (-m32), without its 32-bit libraries and
 * headers; some compilers cannot make it.
 *
 * Needs a C compiler and binutils. As root on Debian or Ubuntu it installs them when they are missing; as an
 * ordinary user it says which packages to install.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "build");

const STRICT = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2"];
const FREESTANDING = ["-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"];
const HELPER = [
  "start.c",
  "enter.c",
  "await.c",
  "worker.c",
  "wake.c",
  "thread.c",
  "threads.c",
  "sleeper.c",
  "settle.c",
  "doubt.c",
  "memory.c",
  "copy.c",
  "remote.c",
  "stacks.c",
  "presence.c",
  "drain.c",
  "patch.c",
  "plan.c",
  "run.c",
  "notes.c",
  "follow.c",
  "visit.c",
  "follower.c",
];
const CLOCKS = ["entry.S", "clock.c", "profile.c", "probe.c", "begin.c"];
const CALLS = ["calls.c", "waits.c", "when.c", "timers.c", "proc.c"];
/** A few instructions more are nothing beside a wait; pages near the target's image are. */
const SMALL = ["probe.c", "begin.c", "waits.c", "when.c", "timers.c", "proc.c"];
/** Run on a stack of ours, of almost a page; all others on the program's. */
const ON_OWN_STACK = ["probe.c", "begin.c"];
const PAGE = 4096;
const PARAMS_BYTES = 10 * PAGE;

/**
 * Sources in the order in which they are linked: what reads clocks, then what makes system calls. `stack`: bytes, of one
 * function.
 *
 * What lives across the payload's call of the original goes to its own stack, not to registers that it would have to
 * save for its caller and restore: whatever a caller's loop keeps in those would wait for its way through memory. (On
 * i386 there would be too few left.)
 */
const MACHINES = {
  x86_64: {
    sources: [...CLOCKS, "x86_64/enter.S", ...CALLS, "x86_64/gate.S"],
    codePages: 4,
    flags: [
      "-mgeneral-regs-only",
      "-fcf-protection=none",
      "-mstringop-strategy=unrolled_loop", // needs no direction flag
      ...["rbx", "rbp", "r12", "r13", "r14", "r15"].map((register) => `-ffixed-${register}`),
    ],
  },
  aarch64: {
    sources: [...CLOCKS, "aarch64/enter.S", ...CALLS, "aarch64/gate.S"],
    codePages: 6, // two are left empty: longer jumps land at the beginnings of pages
    flags: [
      "-mgeneral-regs-only",
      "-mbranch-protection=none",
      "-mno-outline-atomics", // functions of libgcc
      "-fomit-frame-pointer",
      ...Array.from({ length: 11 }, (_, i) => `-ffixed-x${18 + i}`), // x18: some platforms have it for themselves
    ],
  },
  i386: {
    sources: [
      ...[...CLOCKS, "i386/clock32.c", "i386/divide.c"],
      ...["i386/vsyscall.S", ...CALLS, "i386/multiplexed.c", "i386/gate.S"],
    ],
    codePages: 8,
    stack: 240,
    flags: [
      "-m32",
      "-march=i686",
      "-mgeneral-regs-only",
      "-fcf-protection=none",
      "-mstringop-strategy=unrolled_loop",
      "-mpreferred-stack-boundary=2",
    ],
    link: ["-m", "elf_i386"],
  },
};

/** By Node's names: what is built for a tool on such a machine, and Debian's name for its tool chain. */
const HOSTS = {
  x64: { helper: "x86_64", helperFlags: [], payloads: ["x86_64", "i386"], triple: "x86_64-linux-gnu" },
  arm64: {
    helper: "aarch64",
    helperFlags: ["-mno-outline-atomics"], // functions of libgcc
    payloads: ["aarch64"],
    triple: "aarch64-linux-gnu",
  },
};

/** The programs that build for a host, and the packages that they are in, whose names have no underscores. */
function toolChain({ triple }, isCross) {
  const prefix = isCross ? `${triple}-` : "";
  return {
    cc: isCross ? `${triple}-gcc` : "cc",
    ld: `${prefix}ld`,
    objcopy: `${prefix}objcopy`,
    packages: isCross ? [`gcc-${triple.replace("_", "-")}`] : ["gcc", "binutils"],
  };
}

function has(program) {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;
}

function requireTools({ cc, ld, objcopy, packages }) {
  const missing = [cc, ld, objcopy].filter((program) => !has(program));
  if (missing.length === 0) return;
  if (process.getuid() !== 0 || !has("apt-get")) {
    console.error(`timeskew is built from C source and needs ${missing.join(", ")}. Install them first:`);
    console.error(`    sudo apt-get install ${packages.join(" ")}`);
    process.exit(1);
  }
  console.log(`installing ${packages.join(", ")} (for ${missing.join(", ")})`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  execFileSync("apt-get", ["-qq", "update"], { stdio: "inherit", env });
  execFileSync("apt-get", ["-qq", "install", "-y", "--no-install-recommends", ...packages], {
    stdio: ["ignore", "ignore", "inherit"],
    env,
  });
}

/** Whether 32-bit code can be made: not every compiler for x86-64 can, and not every linker. */
function makes32Bit({ cc, ld }) {
  const compiles = spawnSync(
    cc,
    [...MACHINES.i386.flags, "-ffreestanding", "-include", "stdint.h", "-E", "-"],
    {
      input: "",
      stdio: ["pipe", "ignore", "ignore"],
    },
  );
  const emulations = spawnSync(ld, ["-V"], { encoding: "utf8" }).stdout ?? "";
  return compiles.status === 0 && /\belf_i386\b/.test(emulations);
}

function run(program, args) {
  execFileSync(program, args, { cwd: here, stdio: "inherit" });
}

function buildHelper({ cc }, flags, file) {
  run(cc, [
    ...STRICT,
    ...FREESTANDING,
    ...flags,
    "-fPIC",
    "-fvisibility=hidden",
    "-shared",
    "-nostdlib",
    "-Wl,-z,defs,-z,noexecstack,--build-id=none,-soname,timeskew.so",
    "-o",
    file,
    ...HELPER,
  ]);
}

function buildPayload({ cc, ld, objcopy }, machine, file) {
  const { sources, codePages, flags, stack = 160, link = [] } = MACHINES[machine];
  const objects = sources.map((source) => {
    const object = join(out, `payload-${machine}-${basename(source)}.o`);
    run(cc, [
      ...STRICT,
      ...FREESTANDING,
      ...flags,
      "-fPIC",
      "-fvisibility=hidden",
      "-fno-tree-loop-distribute-patterns", // no call of memset, which is not there
      "-fno-jump-tables",
      `-DTS_CODE_BYTES=${codePages * PAGE}`,
      `-DTS_PARAMS_BYTES=${PARAMS_BYTES}`,
      `-Wstack-usage=${ON_OWN_STACK.includes(source) ? 1024 : stack}`,
      ...(SMALL.includes(source) ? ["-Os"] : []),
      "-c",
      join("payload", source),
      "-o",
      object,
    ]);
    return object;
  });
  const linked = join(out, `payload-${machine}.elf`);
  const script = ["-T", join("payload", "payload.ld"), `--defsym=TS_CODE_BYTES=${codePages * PAGE}`];
  const [elsewhere, here] = [0x12340000, 0].map((base) => {
    run(ld, [...link, ...script, `--defsym=TS_BASE=${base}`, "-o", linked, ...objects]);
    run(objcopy, ["-O", "binary", linked, file]);
    return readFileSync(file);
  });
  if (!here.equals(elsewhere)) throw new Error(`the payload for ${machine} depends on where it is`);
  for (const object of objects) rmSync(object);
}

/**
 * Renamed into place when complete: a timeskew that runs meanwhile loads the old one or the new one. Nothing here is
 * executed, and a package has the same bytes whatever the umask is.
 */
function make(name, build) {
  const file = join(out, name);
  build(`${file}.new`);
  chmodSync(`${file}.new`, 0o644);
  renameSync(`${file}.new`, file);
  console.log(`built ${file.slice(here.length + 1)}, ${statSync(file).size} bytes`);
}

/** `complete`: with all payloads, or not at all. */
function buildFor(arch, complete) {
  const { helper, helperFlags, payloads } = HOSTS[arch];
  const tools = toolChain(HOSTS[arch], arch !== process.arch);
  requireTools(tools);
  for (const machine of payloads) {
    const name = `payload-${machine}.bin`;
    if (machine !== "i386" || makes32Bit(tools)) {
      make(name, (file) => buildPayload(tools, machine, file));
    } else {
      if (complete) throw new Error(`${tools.cc} makes no 32-bit code (-m32): a package needs it`);
      rmSync(join(out, name), { force: true });
      console.warn(`${tools.cc} makes no 32-bit code (-m32): timeskew will refuse 32-bit programs.`);
    }
  }
  make(`timeskew-${helper}.so`, (file) => buildHelper(tools, helperFlags, file));
}

const { arch } = parseArgs({ options: { arch: { type: "string", default: process.arch } } }).values;
if (arch !== "all" && !Object.hasOwn(HOSTS, arch)) {
  console.error(
    `timeskew has no helper for ${arch}: it runs on Linux on ${Object.keys(HOSTS).join(" and ")}.`,
  );
  process.exit(1);
}
mkdirSync(out, { recursive: true });
for (const one of arch === "all" ? Object.keys(HOSTS) : [arch]) buildFor(one, arch === "all");
