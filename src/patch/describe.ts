/**
 * A plan in words, for `inject --dry-run`: what happens in which order, and each rewritten site before and after.
 */
import { type Address, formatAddress } from "../machine/address.ts";
import { decode } from "../machine/x86_64/decode.ts";
import { formatInstruction } from "../machine/x86_64/format.ts";
import type { Site } from "./mark.ts";
import type { PatchPlan, Step } from "./plan.ts";

export function describePlan(plan: PatchPlan): string[] {
  return [
    "sites",
    ...plan.sites.flatMap((site) => [
      `  ${site.function} at ${formatAddress(site.address)}`,
      ...disassemble("before", site.original, site.address),
      ...disassemble("after ", site.patched, site.address),
    ]),
    `steps (${plan.stop === "all" ? "every thread" : "one thread"} stopped)`,
    ...plan.steps.map((step, i) => `  ${String(i + 1).padStart(2)}. ${describeStep(step)}`),
    "if a step fails, the steps before it are undone in reverse order",
  ];
}

/** The instructions of one word; the last one may continue behind it. */
function disassemble(label: string, word: Site["original"], at: Address): string[] {
  const lines: string[] = [];
  for (let offset = 0; offset < word.length; ) {
    const start = formatAddress(at + BigInt(offset));
    let text = "(continues)";
    let length = word.length - offset;
    try {
      const instruction = decode(word, offset);
      text = formatInstruction(word, instruction, at);
      length = instruction.length;
    } catch {
      // The word cuts the last instruction short: its bytes are shown, its meaning is unchanged.
    }
    lines.push(`    ${label}  ${start}  ${hex(word.subarray(offset, offset + length)).padEnd(24)}${text}`);
    offset += length;
  }
  return lines;
}

function describeStep(step: Step): string {
  const detail = detailOf(step);
  return `${step.op.padEnd(6)} ${step.what}${detail === "" ? "" : `  [${detail}]`}`;
}

function detailOf(step: Step): string {
  switch (step.op) {
    case "map":
      return `${step.length} bytes at ${formatAddress(step.address)}, ${step.protection}`;
    case "unmap":
    case "read":
    case "drain":
      return `${step.length} bytes at ${formatAddress(step.address)}`;
    case "check":
    case "write":
      return `${step.bytes.length} ${step.bytes.length === 1 ? "byte" : "bytes"} at ${formatAddress(step.address)}`;
    case "patch":
      return `${formatAddress(step.address)}: ${hex(step.old)} → ${hex(step.new)}`;
    case "move":
      return step.moves.length === 0
        ? "no prologue has an instruction that the jump cuts"
        : step.moves.map(({ from, to }) => `${formatAddress(from)} → ${formatAddress(to)}`).join(", ");
    case "call":
      return formatAddress(step.address);
  }
}

/** The plan as plain data: addresses as 0x… strings, code as hexadecimal, nanoseconds as decimal strings. */
export function planAsJson(plan: PatchPlan): object {
  return JSON.parse(
    JSON.stringify(plan, (key, value: unknown) => {
      if (typeof value === "bigint") return key.endsWith("Ns") ? value.toString() : formatAddress(value);
      if (value instanceof Uint8Array) return hex(value).replaceAll(" ", "");
      return value;
    }),
  ) as object;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
