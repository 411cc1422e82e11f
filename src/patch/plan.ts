/**
 * What will be done to a target, as plain data: the steps that the helper carries out while the target is stopped.
 * `--dry-run` prints a plan; src/tracer/encode.ts packs it; the planners are inject.ts, extend.ts, recover.ts and probe.ts.
 */
import type { Address } from "../machine/address.ts";
import type { MachineName } from "../machine/machine.ts";
import type { CallRecord } from "./island.ts";
import type { Site } from "./mark.ts";

/** A thread, or a signal frame, that stands at `from` goes on at `to`. */
export interface Move {
  from: Address;
  to: Address;
}

/** Memory of the target. */
export interface Range {
  readonly address: Address;
  /** In bytes. */
  readonly length: number;
}

export type Step = { readonly what: string } & (
  | { readonly op: "check"; readonly address: Address; readonly bytes: Uint8Array }
  | {
      readonly op: "map";
      readonly address: Address;
      readonly length: number;
      readonly protection: "r-x" | "rw-";
      /** Of code: where the vDSO begins, whose functions are called from there. */
      readonly calls?: Address;
    }
  | { readonly op: "unmap"; readonly address: Address; readonly length: number }
  /** `old` is what the inverse writes; without it the inverse leaves the bytes (their page goes away). */
  | { readonly op: "write"; readonly address: Address; readonly bytes: Uint8Array; readonly old?: Uint8Array }
  /** 8 bytes within one page, replaced by one write. */
  | { readonly op: "patch"; readonly address: Address; readonly old: Uint8Array; readonly new: Uint8Array }
  | { readonly op: "move"; readonly moves: readonly Move[] }
  /** A function of the target is called with one argument, on a stack of ours. */
  | { readonly op: "call"; readonly address: Address; readonly argument: Address; readonly stack: Address }
  | { readonly op: "read"; readonly address: Address; readonly length: number }
  /** Waits until no thread can be inside; what follows is left undone if some remain. No roll back behind it. */
  | {
      readonly op: "drain";
      /** Where nobody may be. A thread that is in one of these is in all of them. */
      readonly code: readonly Range[];
      /** From where a system call that a thread is in may yet read the time to wait until. */
      readonly waits?: Range;
      /** How long to wait for those that run; who sleeps in such a call is not waited for. */
      readonly timeoutNs: bigint;
      /** Where the vDSO begins, whose functions are called from there: a thread there may return. */
      readonly calls: Address;
      /** The main thread has our gate before it as long as the word is not 0, unless it stands at `first`. */
      readonly gate?: { readonly word: Address; readonly first: Address };
    }
  /** Code of ours that is there already: what is mapped is not unmapped again while somebody is inside. */
  | { readonly op: "ours"; readonly address: Address; readonly length: number; readonly calls: Address }
);

export type Op = Step["op"];

/** A site, and the whole instructions that its jump cuts up: for people to read. */
export interface PlannedSite extends Site {
  readonly prologue?: {
    readonly address: Address;
    readonly bytes: Uint8Array;
    /** Bytes of the jump. */
    readonly jump: number;
  };
}

export interface PatchPlan {
  readonly pid: number;
  /** The target's. */
  readonly machine: MachineName;
  readonly action: "inject" | "extend" | "recover" | "probe";
  /** In which state a roll back leaves the target: that which it is in before. */
  readonly before: "untouched" | "skewed" | "partial";
  /** "one": no code is rewritten, so one stopped thread is enough. */
  readonly stop: "all" | "one";
  /** What becomes of threads that sleep in a system call; they mind being woken. */
  readonly sleepers: "left" | "woken";
  /** Scratch for remote calls: the vDSO's tail, and what it holds otherwise. */
  readonly stub: { readonly address: Address; readonly pristine: Uint8Array };
  readonly sites: readonly PlannedSite[];
  /** Where system calls are made that carry times; their bytes are among the steps. */
  readonly calls: readonly CallRecord[];
  readonly steps: readonly Step[];
}

/**
 * The steps that undo a plan's steps, in their order: what the helper does when a step fails, and in effect what
 * `recover` does later. Steps that change nothing have no inverse; an unmapping cannot be undone.
 */
export function invert(steps: readonly Step[]): Step[] {
  return steps.toReversed().flatMap((step): Step[] => {
    switch (step.op) {
      case "map":
        return [{ op: "unmap", address: step.address, length: step.length, what: `unmap: ${step.what}` }];
      case "patch":
        return [{ ...step, old: step.new, new: step.old, what: `restore: ${step.what}` }];
      case "move":
        return [
          {
            op: "move",
            moves: step.moves.map(({ from, to }) => ({ from: to, to: from })),
            what: `back: ${step.what}`,
          },
        ];
      case "write":
        if (step.old === undefined) return [];
        return [{ ...step, bytes: step.old, old: step.bytes, what: `undo: ${step.what}` }];
      default:
        return [];
    }
  });
}
