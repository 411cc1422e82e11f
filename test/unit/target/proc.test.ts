import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TimeskewError } from "../../../src/errors.ts";
import {
  findMapping,
  isKernelThread,
  isStack,
  parseCgroup,
  parseCgroupEvents,
  parseFreezerState,
  parseLimits,
  parseMaps,
  parseStat,
  parseStatus,
} from "../../../src/target/proc.ts";

/** Of this text, only E_INTERNAL may come. */
function internalError(work: () => unknown): TimeskewError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(TimeskewError);
    expect((error as TimeskewError).code).toBe("E_INTERNAL");
    return error as TimeskewError;
  }
  throw new Error("the text was accepted");
}

const MAPS = `\
00400000-00401000 r-xp 00000000 fe:00 131 /usr/bin/a b (c)
559eceda5000-559ecedc6000 rw-p 00000000 00:00 0                          [heap]
7ff4d8f76000-7ff4d8f98000 rw-p 00000000 00:00 0\x20
7ff4d8f98000-7ff4d8f99000 r--s 0001f000 103:0a 18446744073709551615     /tmp/x (deleted)
7ff4d8f99000-7ff4d8f9a000 r--p 00000000 00:01 7 /memfd:two\\012lines\u2028\r (deleted)
7ff4d91e8000-7ff4d91ec000 r--p 00000000 00:00 0                          [vvar]
7ff4d91ec000-7ff4d91ee000 r--p 00000000 00:00 0                          [vvar_vclock]
7ff4d91ee000-7ff4d91f0000 r-xp 00000000 00:00 0                          [vdso]
7fff0ff77000-7fff0ff98000 rw-p 00000000 00:00 0                          [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`;

describe("parseMaps", () => {
  const maps = parseMaps(MAPS);

  it("reads all fields", () => {
    expect(maps).toHaveLength(10);
    expect(maps[0]).toEqual({
      start: 0x400000n,
      end: 0x401000n,
      perms: "r-xp",
      offset: 0n,
      device: "fe:00",
      inode: 131n,
      path: "/usr/bin/a b (c)",
      deleted: false,
    });
    expect(maps[2]).toMatchObject({ path: "", perms: "rw-p" });
    expect(maps[3]).toMatchObject({
      device: "103:0a",
      inode: 2n ** 64n - 1n,
      offset: 0x1f000n,
      perms: "r--s",
    });
    expect(maps[9]).toMatchObject({ start: 0xffff_ffff_ff60_0000n, path: "[vsyscall]" });
  });

  it("reads names with spaces, newlines and other separators, and the mark of deleted files", () => {
    expect(maps[3]).toMatchObject({ path: "/tmp/x", deleted: true });
    expect(maps[4]).toMatchObject({ path: "/memfd:two\nlines\u2028\r", deleted: true });
  });

  it("finds the kernel's mappings", () => {
    expect(findMapping(maps, "[vdso]")?.start).toBe(0x7ff4d91ee000n);
    expect(findMapping(maps, "[vvar]")?.start).toBe(0x7ff4d91e8000n);
    expect(findMapping(maps, "[vvar_vclock]")?.start).toBe(0x7ff4d91ec000n);
    expect(findMapping(maps, "[stack]")?.end).toBe(0x7fff0ff98000n);
    expect(findMapping(parseMaps(""), "[vdso]")).toBeUndefined();
  });

  it("is not deceived by file names", () => {
    expect(findMapping(parseMaps("1000-2000 r-xp 0 0:0 1 /tmp/[vdso]"), "[vdso]")).toBeUndefined();
  });

  it("knows stacks, those of threads included", () => {
    expect(maps.filter(isStack)).toHaveLength(1);
    expect(parseMaps("1000-2000 rw-p 0 0:0 0 [stack:123]").every(isStack)).toBe(true);
  });

  it.each([
    "garbage",
    "1000-2000 r-xp 0 0:0",
    "1000-2000 rxwp 00000000 00:00 0",
    "2000-1000 r-xp 00000000 00:00 0",
    "1000-1000 r-xp 00000000 00:00 0",
    "11112222333344445-21112222333344445 r-xp 00000000 00:00 0",
  ])("refuses %j", (line) => {
    expect(internalError(() => parseMaps(`${MAPS}${line}\n`)).message).toContain(JSON.stringify(line));
  });

  it("reads this process's own", () => {
    const own = parseMaps(readFileSync("/proc/self/maps", "latin1"));
    expect(own.some((mapping) => mapping.path === process.execPath)).toBe(true);
    expect(own.every((mapping) => mapping.start % 4096n === 0n)).toBe(true);
  });
});

const STAT_NUMBERS =
  "1 2 3 0 -1 4194560 10 20 30 40 50 60 70 80 20 0 9 0 123456789012 5000000 100 18446744073709551615 1 1 0 0";

describe("parseStat", () => {
  it.each(["bash", "a b", "x) R 1 (y", "((", "))", ") ", "", "two\nlines", "tab\t\\n", "ünï"])(
    "reads the name %j",
    (name) => {
      expect(parseStat(`42 (${name}) S ${STAT_NUMBERS}\n`)).toEqual({
        pid: 42,
        command: name,
        state: "S",
        ppid: 1,
        flags: 4194560,
        userTicks: 50n,
        systemTicks: 60n,
        threads: 9,
        startTime: 123456789012n,
      });
    },
  );

  it("knows kernel threads", () => {
    const kthread = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 1 0 0 20 0 1 0 3 0 0";
    expect(isKernelThread(parseStat(kthread))).toBe(true);
    expect(isKernelThread(parseStat(readFileSync("/proc/self/stat", "utf8")))).toBe(false);
  });

  it.each([
    ["", /pid \(name\) state/],
    ["42", /pid \(name\) state/],
    ["42 (a S 1 2 3", /pid \(name\) state/],
    [`x (a) S ${STAT_NUMBERS}`, /pid as an integer/],
    [`42 (a) ?? ${STAT_NUMBERS}`, /the state as a letter/],
    ["42 (a) S 1 2 3", /flags as an integer, found ""/],
    ["42 (a) S 1 2 3 0 -1 4194560 10 20 30 40 -50 60", /utime as an unsigned integer, found "-50"/],
    [`42 (a) S ${STAT_NUMBERS.replace("123456789012", "18446744073709551616")}`, /starttime/],
  ])("refuses %j", (text, message) => {
    expect(internalError(() => parseStat(text)).message).toMatch(message);
  });

  it("reads this process's own", () => {
    const own = parseStat(readFileSync("/proc/self/stat", "latin1"));
    expect(own).toMatchObject({ pid: process.pid, ppid: process.ppid });
    expect(own.threads).toBe(readdirSync("/proc/self/task").length);
  });
});

describe("parseLimits", () => {
  const LIMITS = `\
Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max locked memory         8388608              unlimited            bytes     
Max address space         18446744073709551614 18446744073709551614 bytes     
Max nice priority         0                    0                    
A line without its form
`;

  it("reads what is limited, by its name", () => {
    expect([...parseLimits(LIMITS)]).toEqual([
      ["Max locked memory", 8_388_608n],
      ["Max address space", (1n << 64n) - 2n],
      ["Max nice priority", 0n],
    ]);
  });

  it("refuses a limit that no kernel writes", () => {
    internalError(() =>
      parseLimits("Max data size             18446744073709551616 unlimited            bytes"),
    );
  });
});

describe("parseStatus", () => {
  const STATUS = `\
Name:\t a\\nb\\\\n:\t c\x20
State:\tt (tracing stop)
Tgid:\t7
Pid:\t8
PPid:\t6
TracerPid:\t99
Uid:\t1000\t0\t4294967295\t3
Gid:\t1\t2\t3\t4
NSpid:\t7\t5\t1
Kthread:\t0
VmSize:\t    2508 kB
VmLck:\t      12 kB
VmData:\t     224 kB
Threads:\t3
CapEff:\t000001fffeffffff
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t4
A line without its form
`;

  it("reads the fields", () => {
    expect(parseStatus(STATUS)).toEqual({
      name: " a\nb\\n:\t c ",
      state: "t",
      tgid: 7,
      pid: 8,
      ppid: 6,
      tracerPid: 99,
      uid: { real: 1000, effective: 0, saved: 4294967295, filesystem: 3 },
      gid: { real: 1, effective: 2, saved: 3, filesystem: 4 },
      nsPid: [7, 5, 1],
      threads: 3,
      kernelThread: false,
      noNewPrivs: true,
      seccomp: 2,
      seccompFilters: 4,
      effectiveCapabilities: 0x1fffeffffffn,
      lockedBytes: 12n * 1024n,
      virtualBytes: 2508n * 1024n,
      dataBytes: 224n * 1024n,
    });
  });

  it("leaves out what an old kernel or a zombie does not say", () => {
    const status = parseStatus("Name:\tz\nState:\tZ (zombie)\nPid:\t5\n");
    expect(status).toMatchObject({ name: "z", state: "Z", pid: 5 });
    expect(status.seccompFilters).toBeUndefined();
    expect(status.lockedBytes).toBeUndefined();
    expect(status.nsPid).toBeUndefined();
    expect(Object.values(parseStatus("")).every((value) => value === undefined)).toBe(true);
  });

  it.each([
    "Pid:\tx",
    "Pid:\t",
    "Uid:\t1\t2\t3",
    "NSpid:\t1 x",
    "CapEff:\t0xff",
    "VmLck:\t12 MB",
    "State:\t?",
  ])("refuses %j", (line) => {
    expect(internalError(() => parseStatus(line)).message).toContain("/proc/PID/status");
  });

  it("reads this process's own", () => {
    const own = parseStatus(readFileSync("/proc/self/status", "latin1"));
    expect(own).toMatchObject({ pid: process.pid, tgid: process.pid, ppid: process.ppid });
    expect(own.uid?.effective).toBe(process.geteuid?.());
    expect(own.nsPid?.[0]).toBe(process.pid);
  });
});

describe("parseCgroup", () => {
  it("reads v1 and v2 lines", () => {
    expect(
      parseCgroup("12:cpu,cpuacct:/a:b/c d\n1:name=systemd:/\n0::/kubepods.slice/x.scope (deleted)\n"),
    ).toEqual([
      { hierarchy: 12, controllers: ["cpu", "cpuacct"], path: "/a:b/c d" },
      { hierarchy: 1, controllers: ["name=systemd"], path: "/" },
      { hierarchy: 0, controllers: [], path: "/kubepods.slice/x.scope (deleted)" },
    ]);
    expect(parseCgroup("0::/../..\n")).toEqual([{ hierarchy: 0, controllers: [], path: "/../.." }]);
    expect(parseCgroup("")).toEqual([]);
    expect(parseCgroup(readFileSync("/proc/self/cgroup", "utf8")).length).toBeGreaterThan(0);
  });

  it.each(["0:/", "x::/", "0::relative", "::/"])("refuses %j", (line) => {
    internalError(() => parseCgroup(line));
  });
});

describe("frozen cgroups", () => {
  it("reads v1's freezer.state", () => {
    expect(["THAWED\n", "FREEZING\n", "FROZEN\n"].map(parseFreezerState)).toEqual([
      "thawed",
      "freezing",
      "frozen",
    ]);
    internalError(() => parseFreezerState("MELTING\n"));
  });

  it("reads v2's cgroup.events", () => {
    expect(parseCgroupEvents("populated 1\nfrozen 0\n")).toEqual({ frozen: false });
    expect(parseCgroupEvents("populated 1\nfrozen 1\n")).toEqual({ frozen: true });
    expect(parseCgroupEvents("populated 1\n")).toEqual({ frozen: undefined });
    internalError(() => parseCgroupEvents("frozen maybe\n"));
  });
});

describe("any damage to a text", () => {
  const SEED = 20260102;
  const parsers: [name: string, parse: (text: string) => unknown, sample: string][] = [
    ["maps", parseMaps, MAPS],
    ["stat", parseStat, `42 (a ) b) S ${STAT_NUMBERS}\n`],
    ["status", parseStatus, readFileSync("/proc/self/status", "latin1")],
    ["cgroup", parseCgroup, "12:cpu,cpuacct:/a:b\n0::/c\n"],
    ["cgroup.events", parseCgroupEvents, "populated 1\nfrozen 0\n"],
    ["freezer.state", parseFreezerState, "FROZEN\n"],
  ];

  it.each(parsers)("of %s is data or a TimeskewError", (_, parse, sample) => {
    const edit = fc.record({
      where: fc.nat(),
      cut: fc.nat(8),
      put: fc.oneof(fc.string(), fc.constantFrom("\n", " ", ":", ")", "-", "0", "f")),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let text = sample;
        for (const { where, cut, put } of edits) {
          const at = where % (text.length + 1);
          text = text.slice(0, at) + put + text.slice(at + cut);
        }
        try {
          parse(text);
        } catch (error) {
          if (!(error instanceof TimeskewError)) throw error;
        }
      }),
      { seed: SEED, numRuns: 1500 },
    );
  });

  it("does not make a message as long as the text", () => {
    expect(internalError(() => parseMaps("x".repeat(100_000))).message.length).toBeLessThan(400);
  });
});
