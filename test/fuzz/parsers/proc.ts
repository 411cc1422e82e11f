/** The texts of /proc: this process's own, with one to four changes, and lines made of odd fields. */
import { TimeskewError } from "../../../src/errors.ts";
import { parseCgroup, parseCgroupEvents, parseFreezerState } from "../../../src/target/proc-cgroup.ts";
import { findMapping, isStack, parseMaps } from "../../../src/target/proc-maps.ts";
import { isKernelThread, parseStat } from "../../../src/target/proc-stat.ts";
import { parseStatus } from "../../../src/target/proc-status.ts";
import { mutateText, oddNumber, oddText } from "../mutate.ts";
import { attempt, type Documented, must, recipe } from "../parser.ts";
import type { Random } from "../random.ts";

const internal: Documented = (error) =>
  error instanceof TimeskewError && error.code === "E_INTERNAL" && error.message.length < 2000
    ? error.code
    : undefined;

const U64 = 1n << 64n;

/** Some neighbouring lines of a text: a whole one would only make the fuzzer slow. */
function someLines(random: Random, text: string): string {
  const lines = text.split("\n");
  const from = random.below(lines.length);
  return lines.slice(from, from + random.between(1, 12)).join("\n");
}

function hex(random: Random): string {
  return random.oneIn(8) ? oddNumber(random) : random.odd64().toString(16);
}

function madeMapping(random: Random): string {
  const start = random.odd64();
  const end = random.oneIn(4) ? random.odd64() : start + BigInt(random.below(1 << 20));
  const perms = random.either(
    () => random.pick(["r-xp", "rw-p", "r--p", "---p", "rwxs"]),
    () => oddText(random).slice(0, 4),
  );
  const path = random.either(
    () =>
      random.pick(["", "[vdso]", "[vvar]", "[stack]", "[stack:12]", "/bin/x", "/a (deleted)", "/a\\012b"]),
    () => oddText(random).slice(0, 400),
  );
  const fields = [
    `${start.toString(16)}-${end.toString(16)}`,
    perms,
    hex(random),
    `${hex(random)}:01`,
    oddNumber(random),
  ];
  return `${fields.join(" ")}${" ".repeat(random.between(0, 30))}${path}`;
}

const MAPS = `7ffff7fbd000-7ffff7fc1000 r--p 00000000 00:00 0                          [vvar]
7ffff7fc1000-7ffff7fc3000 r-xp 00000000 00:00 0                          [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`;

export const maps = recipe("maps", (corpus) => {
  const seeds = [MAPS, corpus.maps];
  return {
    make: (random) =>
      random.oneIn(3)
        ? random.times(1, 4, () => madeMapping(random)).join("\n")
        : mutateText(random, someLines(random, random.pick(seeds))),
    run: (text: string) =>
      attempt(
        () => parseMaps(text),
        internal,
        (mappings) => {
          must(mappings.length <= text.split("\n").length, "a line is one mapping");
          for (const { start, end, perms, offset, path } of mappings) {
            must(start >= 0n && start < end && end < U64, "addresses");
            must(/^[r-][w-][x-][ps]$/.test(perms) && offset >= 0n && offset < U64, "permissions and offset");
            must(path.length <= text.length, "a path is no longer than the text");
          }
          findMapping(mappings, "[vdso]");
          mappings.map(isStack);
        },
      ),
  };
});

const STAT = `1234 (a) R 1 (b c)) S 1 1 1 0 -1 4194304 1 0 0 0 7 8 0 0 20 0 3 0 4567 1000 100 18446744073709551615 1 1 0\n`;

export const stat = recipe("stat", (corpus) => {
  const seeds = [STAT, corpus.stat];
  const made = (random: Random) => {
    const fields = Array.from({ length: random.between(15, 50) }, () =>
      random.either(
        () => `${random.below(100)}`,
        () => oddNumber(random),
      ),
    );
    return `${random.below(70_000)} (${oddText(random).slice(0, 100)}) ${random.pick(["R", "S", "Z", "t", "?", ""])} ${fields.join(" ")}\n`;
  };
  return {
    make: (random) => (random.oneIn(3) ? made(random) : mutateText(random, random.pick(seeds))),
    run: (text: string) =>
      attempt(
        () => parseStat(text),
        internal,
        (found) => {
          for (const number of [found.pid, found.ppid, found.flags, found.threads])
            must(Number.isSafeInteger(number), "integers");
          for (const number of [found.userTicks, found.systemTicks, found.startTime])
            must(number >= 0n && number < U64, "counts");
          must(/^[A-Za-z]$/.test(found.state) && text.includes(found.command), "state and name");
          isKernelThread(found);
        },
      ),
  };
});

const STATUS = `Name:\ta\\nb\\\\c\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t12\nPid:\t12\nPPid:\t1\nTracerPid:\t0\nUid:\t0\t0\t0\t0
Gid:\t0\t0\t0\t0\nNSpid:\t12\t1\nKthread:\t0\nVmLck:\t       4 kB\nThreads:\t1\nCapEff:\t000001ffffffffff\nNoNewPrivs:\t0
Seccomp:\t0\nSeccomp_filters:\t0\n`;

export const status = recipe("status", (corpus) => {
  const seeds = [STATUS, corpus.status];
  const names = [
    "Name",
    "State",
    "Tgid",
    "TracerPid",
    "Uid",
    "NSpid",
    "Kthread",
    "VmLck",
    "CapEff",
    "Seccomp",
    "Threads",
  ];
  const made = (random: Random) =>
    `${random.pick(names)}:\t${random
      .times(0, 5, () =>
        random.either(
          () => oddNumber(random),
          () => oddText(random),
        ),
      )
      .join("\t")}`;
  return {
    make: (random) =>
      random.oneIn(3)
        ? random.times(1, 6, () => made(random)).join("\n")
        : mutateText(random, random.pick(seeds)),
    run: (text: string) =>
      attempt(
        () => parseStatus(text),
        internal,
        (found) => {
          const { tgid, pid, ppid, tracerPid, threads, seccomp, nsPid = [], uid, gid } = found;
          const ids = [uid, gid].flatMap((each) => (each === undefined ? [] : Object.values(each)));
          for (const number of [tgid, pid, ppid, tracerPid, threads, seccomp, ...nsPid, ...ids]) {
            must(number === undefined || Number.isSafeInteger(number), "integers");
          }
          must(
            (found.effectiveCapabilities ?? 0n) < U64 && (found.lockedBytes ?? 0n) <= 1024n * U64,
            "64 bits",
          );
          must(found.state === undefined || /^[A-Za-z]$/.test(found.state), "the state is a letter");
        },
      ),
  };
});

const CGROUP =
  "12:freezer:/docker/0123\n3:cpu,cpuacct:/a:b\n1:name=systemd:/user.slice\n0::/system.slice/x.service (deleted)\n";

export const cgroup = recipe("cgroup", (corpus) => {
  const seeds = [CGROUP, corpus.cgroup];
  const made = (random: Random) => `${oddNumber(random)}:${oddText(random).slice(0, 40)}:/${oddText(random)}`;
  return {
    make: (random) =>
      random.oneIn(3)
        ? random.times(1, 4, () => made(random)).join("\n")
        : mutateText(random, random.pick(seeds)),
    run: (text: string) =>
      attempt(
        () => parseCgroup(text),
        internal,
        (lines) => {
          for (const { hierarchy, path } of lines)
            must(Number.isSafeInteger(hierarchy) && path.startsWith("/"), "a place");
        },
      ),
  };
});

export const freezer = recipe("freezer", () => ({
  make: (random) =>
    random.either(
      () => mutateText(random, random.pick(["THAWED\n", "FREEZING\n", "FROZEN\n"])),
      () => mutateText(random, "populated 1\nfrozen 0\n"),
      () => `frozen ${oddNumber(random)}\n`,
      () => random.pick(["THAWED\n", " FROZEN ", "frozen 1"]),
    ),
  run(text: string) {
    const events = attempt(
      () => parseCgroupEvents(text),
      internal,
      ({ frozen }) => must(frozen !== null, "yes, no or not said"),
    );
    const state = attempt(
      () => parseFreezerState(text),
      internal,
      (found) => must(["thawed", "freezing", "frozen"].includes(found), "a state"),
    );
    return state === "accepted" ? state : events;
  },
}));
