/** That two tarballs which are not the same are told apart, and by what. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { differences } from "../../release/compare.mjs";
import { entriesOf } from "../../release/tar.mjs";

const LONG = `package/${"a-long-name/".repeat(20)}file`;
const FILES = { "package/a.js": "one\ntwo\nthree\n", "package/b.bin": "\x00\x01\x02", [LONG]: "far down" };

interface Making {
  files?: Record<string, string>;
  modes?: Record<string, number>;
  flags?: string[];
  level?: number;
}

/** By tar(1), with extended headers where they are needed. */
function tarball({ files = FILES, modes = {}, flags = [], level = 9 }: Making = {}): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "timeskew-tar-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), text, "latin1");
      chmodSync(join(folder, path), modes[path] ?? 0o644);
    }
    const fixed = ["--mtime=@500000000", "--owner=0", "--group=0", "--numeric-owner", "-C", folder];
    const pax = ["--format=pax", "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"];
    const tar = execFileSync("tar", ["-c", ...pax, ...fixed, ...flags, "--", ...Object.keys(files)]);
    return gzipSync(tar, { level });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("entriesOf", () => {
  it("reads what tar writes, long names too", () => {
    expect(
      entriesOf(tarball()).map(({ data, ...entry }) => ({ ...entry, data: data.toString("latin1") })),
    ).toEqual(
      Object.entries(FILES).map(([path, data]) => ({
        path,
        type: "0",
        mode: 0o644,
        owner: "0:0",
        mtime: 5e8,
        data,
      })),
    );
  });

  it("refuses what is no tarball", () => {
    expect(() => entriesOf(gzipSync(Buffer.alloc(1024, 7)))).toThrow("no header at byte 0");
  });
});

describe("differences", () => {
  const told = (more: Making) => differences("x.tgz", tarball(), tarball(more));

  it("are none between the same bytes", () => {
    expect(told({})).toEqual([]);
  });

  it.each<[string, Making, string[]]>([
    [
      "a byte",
      { files: { ...FILES, "package/a.js": "one\ntwo\nThree\n" } },
      ['package/a.js: differs from byte 8 (line 3) on: "one\\ntwo\\nthree\\n", then "one\\ntwo\\nThree\\n"'],
    ],
    [
      "bytes that are no text",
      { files: { ...FILES, "package/b.bin": "\x00\x01\x03" } },
      ["package/b.bin: differs from byte 2 (line 1) on: 000102, then 000103"],
    ],
    [
      "the length",
      { files: { ...FILES, "package/b.bin": "\x00\x01\x02\x03" } },
      [
        "package/b.bin: 3 bytes, then 4",
        "package/b.bin: differs from byte 3 (line 1) on: 000102, then 00010203",
      ],
    ],
    ["a mode", { modes: { "package/a.js": 0o755 } }, ["package/a.js: mode 644, then 755"]],
    ["a file more", { files: { ...FILES, "package/c": "" } }, ["package/c: only in the second"]],
    [
      "a file less",
      { files: { "package/a.js": FILES["package/a.js"]!, [LONG]: FILES[LONG]! } },
      ["package/b.bin: only in the first"],
    ],
    [
      "the order",
      { files: Object.fromEntries(Object.entries(FILES).reverse()) },
      ["the same files, in another order"],
    ],
    ["the compression", { level: 1 }, ["the same files, compressed or headed otherwise"]],
  ])("are told: %s", (_, more, lines) => {
    expect(told(more)).toEqual(lines);
  });

  it("are told: times and owners", () => {
    const [first, ...others] = told({ flags: ["--mtime=@600000000", "--owner=7"] });
    expect(first).toBe("package/a.js: owner 0:0, then 7:0");
    expect(others[0]).toBe("package/a.js: time 1985-11-05T00:53:20.000Z, then 1989-01-05T10:40:00.000Z");
  });

  it("are counted where there are many", () => {
    const many = (text: string) =>
      Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`package/${i}`, `${text}${i}`]));
    const lines = differences("x.tgz", tarball({ files: many("a") }), tarball({ files: many("b") }));
    expect([lines.length, lines.at(-1)]).toEqual([21, "… and 10 more differences"]);
  });

  it("are told of other files, too", () => {
    expect(differences("binary", Buffer.from([1, 2, 3, 4]), Buffer.from([1, 2, 9, 4]))).toEqual([
      "differs from byte 2 (line 1) on: 01020304, then 01020904",
    ]);
  });
});

it("package.json has the check", () => {
  const { scripts } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));
  expect(scripts["release:check"]).toBe("node test/release/check.mjs");
});
