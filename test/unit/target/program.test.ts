import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  byteString,
  pathsOf,
  textOf,
  variable,
  whyNotExecutable,
  wordsOf,
} from "../../../src/target/program.ts";

const { ENOENT, ENOTDIR, EACCES } = constants.errno;

describe("paths", () => {
  it.each<[command: string, path: string | undefined, paths: string[]]>([
    ["date", "/usr/bin:/bin", ["/usr/bin/date", "/bin/date"]],
    ["date", undefined, ["/bin/date", "/usr/bin/date"]],
    ["date", "", ["date"]],
    ["date", "/bin::/usr/bin:", ["/bin/date", "date", "/usr/bin/date", "date"]],
    ["./date", "/bin", ["./date"]],
    ["/bin/date", undefined, ["/bin/date"]],
    ["", "/bin", []],
  ])("of %j in %j", (command, path, paths) => {
    expect(pathsOf(command, path)).toEqual(paths);
  });
});

describe("what can be executed", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "timeskew-program-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const make = (name: string, mode: number) => {
    writeFileSync(join(folder, name), "");
    chmodSync(join(folder, name), mode);
    return byteString(join(folder, name));
  };

  it("is the first file that is, whatever comes before", () => {
    const [plain, program] = [make("plain", 0o644), make("program", 0o755)];
    expect(whyNotExecutable([`${folder}/none`, folder, plain, program])).toBeUndefined();
    expect(whyNotExecutable([`${folder}/none`, `${plain}/below`])).toBe(ENOENT);
    expect(whyNotExecutable([`${folder}/none`, plain])).toBe(EACCES);
    expect(whyNotExecutable([folder])).toBe(EACCES);
    expect(whyNotExecutable([])).toBe(ENOENT);
    expect([ENOENT, ENOTDIR]).toContain(whyNotExecutable([`${plain}/below`]));
  });

  it("may have any name", () => {
    expect(whyNotExecutable([make("café ☕", 0o755)])).toBeUndefined();
  });
});

describe("words", () => {
  it("are the bytes of /proc/PID/cmdline, empty ones and odd ones included", () => {
    expect(wordsOf("/proc/self/cmdline")[0]).toBe(byteString(process.argv0));
    const folder = mkdtempSync(join(tmpdir(), "timeskew-words-"));
    const file = join(folder, "words");
    writeFileSync(file, Buffer.from("a\0\0caf\xe9\0", "latin1"));
    expect(wordsOf(file)).toEqual(["a", "", "caf\xe9"]);
    writeFileSync(file, "");
    expect(wordsOf(file)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  it("are turned into texts and back", () => {
    expect(textOf(byteString("café ☕"))).toBe("café ☕");
    expect(byteString("é")).toBe("\xc3\xa9");
  });

  it("of an environment: the first definition counts", () => {
    const env = ["A=1", "PATHS=x", "PATH=/bin", "PATH=/usr/bin", "EMPTY="];
    expect(variable(env, "PATH")).toBe("/bin");
    expect(variable(env, "EMPTY")).toBe("");
    expect(variable(env, "B")).toBeUndefined();
  });
});
