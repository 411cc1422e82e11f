/** A machine in memory: processes that can be skewed, as the library's functions see them through an engine. */
import type { WholeEngine } from "../../../src/engine/engine.ts";
import { TimeskewError, type TimeskewErrorOptions } from "../../../src/errors.ts";
import type { RecoverResult, StatusRow } from "../../../src/types.ts";
import { injected, recovered, row } from "../cli/helpers.ts";

interface Fake {
  skew: string | undefined;
  state?: StatusRow["state"];
  /** Thrown instead of doing what was asked. */
  fails?: { readonly [K in "inject" | "recover" | "status"]?: () => void };
}

export function fails(code: TimeskewError["code"], options: TimeskewErrorOptions = {}): () => never {
  return () => {
    throw new TimeskewError(code, `no: ${code}`, options);
  };
}

/** What a fake process is asked, one after the other: ["inject 1", "recover 1"]. */
export class Machine {
  readonly asked: string[] = [];
  readonly processes = new Map<number, Fake>();
  /** What happens once a process has begun to glide; it arrives at once. */
  onGlide: ((pid: number) => void) | undefined;
  #skews = 0;

  constructor(...pids: number[]) {
    for (const pid of pids) this.processes.set(pid, { skew: undefined });
  }

  set(pid: number, more: Partial<Fake>): void {
    this.processes.set(pid, { ...this.of(pid), ...more });
  }

  of(pid: number): Fake {
    const found = this.processes.get(pid);
    if (found === undefined) throw new TimeskewError("E_NO_TARGET", `no process has pid ${pid}`, { pid });
    return found;
  }

  /** Who is skewed, by pid. */
  get skewed(): number[] {
    return [...this.processes].flatMap(([pid, { skew }]) => (skew === undefined ? [] : pid));
  }

  readonly engine = {
    select: async (selectors) => ({
      selected: selectors.map(({ kind }) => ({ kind, words: "who was meant" })),
      words: "who was meant",
      flags: [],
      lasts: selectors.some(({ kind }) => kind === "container"),
      list: () => selectors.flatMap((each) => ("pid" in each ? [each.pid] : [...this.processes.keys()])),
    }),
    joint: ({ skews }) => {
      const id = `${++this.#skews}`.padStart(16, "0");
      return {
        id,
        inject: async (pid) => {
          this.asked.push(`inject ${pid}`);
          const fake = this.of(pid);
          fake.fails?.inject?.();
          if (skews !== undefined && !(fake.skew && skews.has(fake.skew))) {
            throw new TimeskewError("E_GONE", `pid ${pid} does not have this skew`, { pid });
          }
          fake.skew = id;
          const result = injected(pid);
          return { ...result, skew: { ...result.skew, id } };
        },
        begin: async () => [],
      };
    },
    recover: async ({ pid, skews, glide }): Promise<RecoverResult> => {
      this.asked.push(`recover ${pid}`);
      const fake = this.of(pid);
      fake.fails?.recover?.();
      const isMeant = fake.skew !== undefined && (skews?.has(fake.skew) ?? true);
      if (!isMeant) return { ...recovered(pid), action: "nothing" };
      if (glide !== undefined) {
        fake.skew = `${++this.#skews}`.padStart(16, "9");
        this.onGlide?.(pid);
        const skew = { ...row(pid).skew!, id: fake.skew };
        return { ...recovered(pid), action: "gliding", state: "skewed", skew };
      }
      fake.skew = undefined;
      return recovered(pid);
    },
    status: async ({ pids } = {}) => {
      const rows = (pids ?? this.skewed).map((pid): StatusRow => {
        const { skew: id, state, fails: failing } = this.of(pid);
        failing?.status?.();
        const hasArrived = id?.startsWith("9");
        const skew =
          id === undefined ? undefined : { ...row(pid).skew!, id, ...(hasArrived && { offset: 0n }) };
        return { ...row(pid), state: state ?? (skew ? "skewed" : "unskewed"), skew };
      });
      return { rows, unreadable: [], examined: rows.length };
    },
    ticksNow: () => 0n,
    carriersSince: async (skews) => this.skewed.filter((pid) => skews.has(this.of(pid).skew!)),
    containersOf: async () => new Map(),
  } as Pick<
    WholeEngine,
    "select" | "joint" | "recover" | "status" | "ticksNow" | "carriersSince" | "containersOf"
  > as WholeEngine;
}
