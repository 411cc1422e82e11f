import { describe, expect, it } from "vitest";
import { parseXml } from "../chart/svg-read.ts";
import { run, runJson } from "./helpers.ts";

const UTF8 = { env: { LANG: "de_DE.UTF-8" } };
const STROBE = "preview --strobe 200ms --period 5s";

/** Runs it with a file system of one folder, which begins empty. */
async function written(line: string) {
  const files: Record<string, string> = {};
  const writeFile = (path: string, text: string) => {
    files[path] = text;
  };
  return { ...(await run(line, {}, { writeFile })), files };
}

async function refused(line: string): Promise<string> {
  const { code, stdout, stderr } = await run(line);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  return stderr;
}

function failingWith(code: string) {
  return () => {
    throw Object.assign(new Error(`${code}: words of the system`), { code });
  };
}

describe("preview", () => {
  it("prints the verbs, what they do, and the chart", async () => {
    const { code, stdout, stderr, calls } = await run("preview --slew -5s --over 10m --width 60", {}, UTF8);
    expect({ code, stderr, calls }).toEqual({ code: 0, stderr: "", calls: [] });
    const lines = stdout.split("\n");
    expect(lines.slice(0, 5)).toEqual([
      "--slew -5s --over 10m",
      "The clock glides to 5s behind within 10m.",
      "",
      "offset from the true time",
      "       ▾ begins",
    ]);
    expect(lines[5]).toMatch(/^ {2}0 ┤⠒⠒⢦⣀┈+$/);
    expect(stdout).toContain("-5s ┤");
    expect(stdout).toMatch(/true time since it began\n$/);
  });

  it("loads no engine, and looks at no process", async () => {
    const loadEngine = async () => {
      throw new Error("the engine was loaded");
    };
    expect((await run(STROBE, {}, { loadEngine })).code).toBe(0);
  });

  it.each([
    [{}, false],
    [{ LANG: "C" }, false],
    [{ LANG: "C.UTF-8" }, true],
    [{ LC_CTYPE: "en_US.utf8" }, true],
    [{ LC_ALL: "C", LANG: "C.UTF-8" }, false],
    [{ LC_ALL: "", LANG: "C.UTF-8" }, true],
    [{ LANG: "C.UTF-8", TERM: "linux" }, false],
  ])("has the characters of the locale: %o", async (env, unicode) => {
    const { stdout } = await run("preview --jitter 20us --seed 1", {}, { env });
    expect(/[^\n -~]/.test(stdout)).toBe(unicode);
    expect(stdout).toContain(unicode ? "+20µs" : "+20us");
  });

  it.each([
    [undefined, 80],
    [100, 100],
    [20, 40],
    [0, 80],
  ])("is as wide as the terminal: %s columns", async (columns, expected) => {
    const { stdout } = await run("preview --offset 1s", {}, { stdout: { columns } as never });
    expect(Math.max(...stdout.split("\n").map(({ length }) => length))).toBe(expected);
  });

  it("paints all but the curve, where colour is wanted", async () => {
    const { stdout } = await run("preview --offset 1s", {}, { env: { ...UTF8.env, FORCE_COLOR: "1" } });
    expect(stdout).toContain("\u001b[1m--offset 1s\u001b[22m");
    expect(stdout).toContain("\u001b[2m");
  });

  it("shows as much as --for says, from the beginning on", async () => {
    for (const [more, begin] of [
      ["", "0"],
      [" --start-in 1m", "60000000000"],
    ]) {
      const { report } = await runJson(`${STROBE} --for 20s${more}`);
      expect(report).toMatchObject({ begin, until: String(BigInt(begin!) + 20_000_000_000n) });
    }
  });

  it("is a result: -q does not drop it", async () => {
    expect((await run("preview --offset 1s -q")).stdout).toContain("offset from the true time");
  });
});

describe("what monotonic clocks say", () => {
  it.each([
    [
      "--strobe 1s --period 1s -c monotonic",
      "inject refuses this for CLOCK_MONOTONIC: it would step back by 1s",
    ],
    [
      "--strobe 1s --period 1s",
      "for wall clocks only: inject refuses it for CLOCK_MONOTONIC: it would step back by 1s",
    ],
    [
      "--offset -5s -c boottime",
      "inject refuses this for CLOCK_BOOTTIME: it begins with a step back by 5s; glide",
    ],
    [
      "--offset -5s --drift 1ppm -c monotonic",
      "inject refuses this for CLOCK_MONOTONIC: it begins with a step back by 5s",
    ],
  ])("%s", async (verbs, note) => {
    const { code, stdout } = await run(`preview --width 300 ${verbs}`);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n").at(-1)).toContain(note);
    expect((await runJson(`preview ${verbs}`)).report.notes).toEqual([expect.stringContaining(note)]);
  });

  it("is about the whole course before it is about the beginning", async () => {
    const { report } = await runJson("preview --jitter 10ms --seed 1 -c monotonic --offset -1s");
    expect(report.notes).toEqual([
      expect.stringMatching(/jitter would take it back, .*; add --jitter-glide$/),
    ]);
  });

  it.each([
    "--offset 5s -c monotonic",
    "--drift -50ppm -c monotonic",
    "--rate 0.5",
    "--jitter 1ms --jitter-glide",
    "--at 1999-12-31T23:59:59Z -c tai",
    "--leap insert",
  ])("nothing: %s", async (verbs) => {
    expect((await runJson(`preview ${verbs}`)).report.notes).toEqual([]);
  });
});

describe("-o", () => {
  it("writes an SVG file, and says so", async () => {
    const { code, stdout, stderr, files } = await written(`${STROBE} -o a/strobe.svg`);
    const svg = files["a/strobe.svg"]!;
    expect(Object.keys(files)).toEqual(["a/strobe.svg"]);
    expect(parseXml(svg).name).toBe("svg");
    const size = (Buffer.byteLength(svg) / 1000).toFixed(1);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `✔ a/strobe.svg (${size} KB): The clock jumps 200ms ahead and back, 5s each.\n`,
    });
    expect(stderr).toContain("inject refuses it for CLOCK_MONOTONIC");
    expect(await written(`${STROBE} -q --output=a/strobe.svg`)).toEqual({
      ...{ code: 0, stdout: "", stderr: "", calls: [] },
      files,
    });
  });

  it("- prints it, and nothing else", async () => {
    const { code, stdout } = await run(`${STROBE} -o -`);
    expect(code).toBe(0);
    expect(stdout).toBe((await written(`${STROBE} -o x.svg`)).files["x.svg"]);
    expect(await refused(`${STROBE} -o - --width x`)).toContain("--width x");
  });

  it("with --json tells the file in the one object", async () => {
    const { report } = await runJson(`${STROBE} -o x.svg`, {}, { writeFile: () => {} });
    expect(report).toMatchObject({ ok: true, file: "x.svg" });
    const { code, stdout } = await run(`${STROBE} -o - --json`);
    expect(code).toBe(2);
    expect(JSON.parse(stdout).error.message).toContain("--json and an SVG on stdout exclude each other");
  });

  it.each([
    ["-o 10m", "-o 10m: only files whose names end in .svg are written", "did you mean --offset 10m?"],
    ["-o -1.5h", "-o -1.5h: only files", "did you mean --offset -1.5h?"],
    ["-o chart.png", "-o chart.png: only files", "for example -o chart.png.svg"],
    ["-o --quiet", "--output needs a value, but --quiet follows", "put the value right after --output"],
  ])("%s is refused", async (flags, message, hint) => {
    const [first, second] = (await refused(`preview --offset 1s ${flags}`)).split("\n");
    expect(first).toContain(message);
    expect(second).toContain(hint);
  });

  it.each([
    ["ENOENT", "there is no such folder"],
    ["EISDIR", "that is a folder"],
    ["EACCES", "not permitted"],
    ["ENOSPC", "ENOSPC: words of the system"],
  ])("%s: the reason in words", async (code, reason) => {
    const result = await run(`${STROBE} -o x.svg`, {}, { writeFile: failingWith(code) });
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toContain(`timeskew: x.svg could not be written: ${reason}\n`);
  });
});

describe("--json", () => {
  it("has the points of the model, in ns", async () => {
    const { report } = await runJson("preview --strobe 1s --period 5s --for 10s");
    expect(report).toEqual({
      schemaVersion: 1,
      command: "preview",
      ok: true,
      clock: "CLOCK_REALTIME",
      verbs: "--strobe 1s --period 5s",
      description: "The clock jumps 1s ahead and back, 5s each.",
      from: "-400000000",
      until: "10000000000",
      begin: "0",
      lowest: "0",
      highest: "1000000000",
      marks: [{ at: "0", label: "begins" }],
      points: [
        { at: "-400000000", offset: "0" },
        { at: "-1", offset: "0" },
        { at: "0", offset: "1000000000" },
        { at: "4999999999", offset: "1000000000" },
        { at: "5000000000", offset: "0" },
        { at: "9999999999", offset: "0" },
      ],
      columns: null,
      notes: [expect.any(String)],
      file: null,
      targets: [],
    });
  });

  it("has columns where there are too many points", async () => {
    const { report } = await runJson("preview --strobe 1s --period 1ms --for 1m");
    expect(report.points).toBeNull();
    expect(report.columns).toHaveLength(500);
    expect(report.columns[250]).toMatchObject({ lowest: "0", highest: "1000000000" });
  });
});

describe("refused:", () => {
  it.each([
    ["", "--offset is missing", "`timeskew preview --help` shows"],
    ["--freeze --rate 2", "--freeze", ""],
    ["--at 2030-01-01T00:00:00Z -c monotonic", "--at needs wall clocks", ""],
    ["--rate 2 -c thread_cputime_id", "CLOCK_THREAD_CPUTIME_ID", ""],
    ["--offset 1s --for 0s", "--for 0s: out of range", "from 1us to 146 years"],
    ["--offset 1s --for 60", 'duration "60" has no unit', "did you mean 60s?"],
    ["--offset 1s --for 60000d", "--for 60000d: out of range", "146 years"],
    ["--offset 1s --width 39", "--width 39: not a width", "from 40 to 1000"],
    ["--offset 1s --width 1001", "--width 1001: not a width", "from 40 to 1000"],
    ["--offset 1s --width 80px", "--width 80px: not a width", "from 40 to 1000"],
    ["--pid 5 --offset 1s", "unknown option '--pid'", ""],
  ])("%s", async (flags, message, hint) => {
    const [first, second = ""] = (await refused(`preview ${flags}`)).split("\n");
    expect(first).toContain(message);
    expect(second).toContain(hint);
  });
});
