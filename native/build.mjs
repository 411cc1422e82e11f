/**
 * Builds the C helper and the payload for this machine's architecture into native/build/:
 *
 *     timeskew-<arch>.so     the helper that koffi loads; freestanding, so one file serves glibc and musl
 *     payload-<arch>.bin     the code that runs inside the target; flat pages
 *
 * Needs a C compiler and binutils. As root on Debian or Ubuntu it installs them when they are missing; as an
 * ordinary user it says which packages to install.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "build");
const machine = { x64: "x86_64" }[process.arch];

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
  "memory.c",
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
const PAYLOAD = [
  "entry.S",
  "clock.c",
  "profile.c",
  "probe.c",
  "begin.c",
  "enter.S",
  "calls.c",
  "waits.c",
  "when.c",
  "timers.c",
  "proc.c",
  "gate.S",
];
/** A few instructions more are nothing beside a wait; pages near the target's image are. */
const SMALL = ["probe.c", "begin.c", "waits.c", "when.c", "timers.c", "proc.c"];
/*
 * What lives across the payload's call of the original goes to its own stack, not to registers that it would have to
 * save for its caller and restore: whatever a caller's loop keeps in those would wait for its way through memory.
 */
const CALLEE_SAVED = ["rbx", "rbp", "r12", "r13", "r14", "r15"].map((register) => `-ffixed-${register}`);
const CODE_BYTES = 4 * 4096;
const PARAMS_BYTES = 10 * 4096;
/** The highest number of a system call that the payload translates: futex_waitv. */
const LAST_CALL = 449;

function has(program) {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;
}

function requireTools() {
  const missing = ["cc", "ld", "objcopy"].filter((program) => !has(program));
  if (missing.length === 0) return;
  const packages = ["gcc", "binutils"];
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

function run(program, args) {
  execFileSync(program, args, { cwd: here, stdio: "inherit" });
}

function buildHelper(file) {
  run("cc", [
    ...STRICT,
    ...FREESTANDING,
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

function buildPayload(file) {
  const objects = PAYLOAD.map((source) => {
    const object = join(out, `payload-${source}.o`);
    run("cc", [
      ...STRICT,
      ...FREESTANDING,
      "-fPIC",
      "-fvisibility=hidden",
      "-fno-tree-loop-distribute-patterns", // no call of memset, which is not there
      "-fno-jump-tables",
      ...(machine === "x86_64" ? ["-mstringop-strategy=unrolled_loop"] : []), // needs no direction flag
      ...(machine === "x86_64" ? ["-mgeneral-regs-only", "-fcf-protection=none", ...CALLEE_SAVED] : []),
      `-DTS_CODE_BYTES=${CODE_BYTES}`,
      `-DTS_PARAMS_BYTES=${PARAMS_BYTES}`,
      `-DTS_LAST_CALL=${LAST_CALL}`,
      "-Wstack-usage=160",
      ...(SMALL.includes(source) ? ["-Os"] : []),
      "-c",
      join("payload", source),
      "-o",
      object,
    ]);
    return object;
  });
  const linked = join(out, "payload.elf");
  run("ld", [
    "-T",
    join("payload", "payload.ld"),
    `--defsym=TS_CODE_BYTES=${CODE_BYTES}`,
    "-o",
    linked,
    ...objects,
  ]);
  run("objcopy", ["-O", "binary", linked, file]);
  for (const object of objects) rmSync(object);
}

if (machine === undefined) {
  console.error(`timeskew has no helper for ${process.arch} yet: x86-64 Linux only.`);
  process.exit(1);
}
requireTools();
mkdirSync(out, { recursive: true });
const helper = join(out, `timeskew-${machine}.so`);
const payload = join(out, `payload-${machine}.bin`);
// Renamed into place when complete: a timeskew that runs meanwhile loads the old one or the new one.
for (const [build, file] of [
  [buildHelper, helper],
  [buildPayload, payload],
]) {
  build(`${file}.new`);
  renameSync(`${file}.new`, file);
}
for (const file of [helper, payload])
  console.log(`built ${file.slice(here.length + 1)}, ${statSync(file).size} bytes`);
