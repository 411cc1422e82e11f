/** The archives, read again by BusyBox or cpio's own rules written down here: newc, each part at a multiple of four. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Cpio } from "../../kernels/image/cpio.ts";

interface Entry {
  name: string;
  mode: number;
  content: string;
  device: [number, number];
}

/** As the kernel's documentation describes the format (buffer-format.rst). */
function entries(bytes: Buffer): Entry[] {
  const found: Entry[] = [];
  for (let at = 0; ; ) {
    expect(bytes.toString("latin1", at, at + 6)).toBe("070701");
    const field = (n: number) =>
      Number.parseInt(bytes.toString("latin1", at + 6 + 8 * n, at + 14 + 8 * n), 16);
    const [size, nameSize] = [field(6), field(11)];
    const name = bytes.toString("utf8", at + 110, at + 110 + nameSize - 1);
    const begin = (at + 110 + nameSize + 3) & ~3;
    if (name === "TRAILER!!!") return found;
    const content = bytes.toString("utf8", begin, begin + size);
    found.push({ name, mode: field(1), content, device: [field(9), field(10)] });
    at = (begin + size + 3) & ~3;
  }
}

test("files, links, folders and devices, each folder before what is in it, once", () => {
  const bytes = new Cpio()
    .file("bin/sh", "#!", 0o755)
    .link("bin/ash", "sh")
    .device("dev/console", 5, 1)
    .file("bin/long/ä", "ü")
    .bytes();
  expect(bytes.length % 512).toBe(0);
  expect(entries(bytes)).toEqual([
    { name: "bin", mode: 0o40755, content: "", device: [0, 0] },
    { name: "bin/sh", mode: 0o100755, content: "#!", device: [0, 0] },
    { name: "bin/ash", mode: 0o120777, content: "sh", device: [0, 0] },
    { name: "dev", mode: 0o40755, content: "", device: [0, 0] },
    { name: "dev/console", mode: 0o20600, content: "", device: [5, 1] },
    { name: "bin/long", mode: 0o40755, content: "", device: [0, 0] },
    { name: "bin/long/ä", mode: 0o100644, content: "ü", device: [0, 0] },
  ]);
});

test("a folder of this machine with its modes and links, but for what is to be skipped", () => {
  const folder = mkdtempSync(join(tmpdir(), "timeskew-cpio-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "inner"), { mode: 0o700 });
  writeFileSync(join(folder, "inner", "run"), "x", { mode: 0o755 });
  symlinkSync("inner/run", join(folder, "link"));
  writeFileSync(join(folder, "secret"), "y");
  const bytes = new Cpio().copy(folder, "try", (path) => path === "try/secret").bytes();
  expect(entries(bytes).slice(1)).toEqual([
    { name: "try/inner", mode: 0o40700, content: "", device: [0, 0] },
    { name: "try/inner/run", mode: 0o100755, content: "x", device: [0, 0] },
    { name: "try/link", mode: 0o120777, content: "inner/run", device: [0, 0] },
  ]);
});
