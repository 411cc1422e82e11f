/**
 * What objdump says about an image's code. It is the oracle of these tests and no part of the program.
 */
import { spawnSync } from "node:child_process";

export interface Line {
  readonly address: number;
  readonly length: number;
  /** In Intel syntax, single spaces: "mov eax,0xca". */
  readonly text: string;
}

/** All instructions of an image by address; undefined where there is no objdump. */
export function objdump(path: string): Line[] | undefined {
  const args = ["-d", "-w", "-M", "intel", path];
  const { stdout, status } = spawnSync("objdump", args, { encoding: "utf8", maxBuffer: 1 << 30 });
  if (status !== 0) return undefined;
  const lines: Line[] = [];
  for (const line of stdout.split("\n")) {
    const [, address, bytes, text] = /^ *([0-9a-f]+):\t([0-9a-f ]+)\t(.+)$/.exec(line) ?? [];
    if (address === undefined || bytes === undefined || text === undefined) continue;
    lines.push({
      address: Number.parseInt(address, 16),
      length: bytes.trim().split(" ").length,
      text: text.replace(/\s+/g, " ").trim(),
    });
  }
  return lines;
}
