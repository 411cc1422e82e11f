/**
 * A plan in words, for `inject --dry-run`: what happens in which order, and each rewritten site before and after.
 */
import { formatAddress } from "../machine/address.ts";
import type { Line } from "../machine/code.ts";
import { type Machine, machineOf } from "../machine/machine.ts";
import type { PatchPlan, PlannedSite, Range, Step } from "./plan.ts";

export function describePlan(plan: PatchPlan): string[] {
  const machine = machineOf(plan.machine);
  return [
    "sites",
    ...plan.sites.flatMap((site) => describeSite(machine, site)),
    `steps (${whoIsStopped(plan)})`,
    ...plan.steps.map((step, i) => `  ${String(i + 1).padStart(2)}. ${describeStep(step)}`),
    "if a step fails, the steps before it are undone in reverse order",
  ];
}

function whoIsStopped({ stop, sleepers }: PatchPlan): string {
  if (stop === "one") return "one thread stopped";
  return sleepers === "left"
    ? "every thread that runs is stopped; who sleeps in a system call is not woken"
    : "every thread stopped";
}

function describeSite(machine: Machine, site: PlannedSite): string[] {
  const whole = { address: site.address, bytes: site.original, jump: machine.jumpLength };
  const { address: at, bytes: before, jump } = site.prologue ?? whole;
  const after = before.slice();
  const patched = site.patched.subarray(Number(at - site.address));
  after.set(patched.subarray(0, after.length));
  return [
    `  ${site.function} at ${formatAddress(at)}`,
    ...list("before", machine.disassemble(before, at)),
    ...list("after", [
      ...machine.disassemble(after.subarray(0, jump), at),
      ...(after.length > jump ? [unreached(after.subarray(jump), at + BigInt(jump))] : []),
    ]),
  ];
}

/** What the jump leaves of the last instruction that it cuts. */
function unreached(bytes: Uint8Array, at: bigint): Line {
  return { address: at, bytes, text: "(never reached)" };
}

function list(label: string, lines: readonly Line[]): string[] {
  return lines.map(
    ({ address, bytes, text }) =>
      `    ${label.padEnd(6)}  ${formatAddress(address)}  ${hex(bytes).padEnd(30)}  ${text}`,
  );
}

function describeStep(step: Step): string {
  const detail = detailOf(step);
  return `${step.op.padEnd(6)} ${step.what}${detail === "" ? "" : `  [${detail}]`}`;
}

function detailOf(step: Step): string {
  switch (step.op) {
    case "map":
      return `${formatRange(step)}, ${step.protection}`;
    case "unmap":
    case "ours":
    case "read":
      return formatRange(step);
    case "drain":
      return [
        ...step.code.map(formatRange),
        ...(step.waits === undefined ? [] : [`waits in ${formatRange(step.waits)}`]),
        ...(step.gate === undefined ? [] : [`${formatAddress(step.gate.word)} is 0`]),
      ].join(", ");
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

function formatRange({ address, length }: Range): string {
  return `${length} bytes at ${formatAddress(address)}`;
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
