/** What a tool that lives long may ask of the library, and what comes of it: successes, and failures of each kind. */
import { execFile } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { promisify } from "node:util";
import {
  doctor,
  inject,
  planInjection,
  readClocks,
  recover,
  type SkewSettings,
  status,
} from "../../src/engine/index.ts";
import { TimeskewError } from "../../src/errors.ts";
import { findProgram } from "../setup/programs.mjs";
import { isRoot, userId } from "../support/needs.ts";
import { assemble, type Own } from "../support/own.ts";
import { maps, state, vdso } from "../support/proc.ts";
import { GLIBC } from "../support/recipes.ts";
import { type Clocks, startClocks, startTracer } from "../support/victims.ts";
import { waitFor } from "../support/wait.ts";
import { functionsOf } from "../unit/machine/x86_64/images.ts";

const OFFSET = -600_123_456_789n;

export interface Scenario {
  readonly name: string;
  /** Why it cannot be played here. */
  readonly missing?: string | undefined;
  /** Starts what it needs, and gives what is done again and again. It throws if the outcome is another one. */
  prepare(own: Own): Promise<() => Promise<unknown>>;
}

/** The call must fail with this code. */
async function refused(code: string, call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (error instanceof TimeskewError && error.code === code) return;
    throw error;
  }
  throw new Error(`${code} was expected, and it succeeded`);
}

async function victim(own: Own): Promise<Clocks> {
  return own(await startClocks());
}

/** A scenario in which an injection into a program of ours, made unfit by `spoil`, is refused; it gives the pid to try. */
function refusal(
  name: string,
  code: string,
  spoil: (clocks: Clocks, own: Own) => Promise<number>,
  missing?: string,
  skew: SkewSettings = { offset: OFFSET },
): Scenario {
  return {
    name,
    missing,
    async prepare(own) {
      const clocks = await victim(own);
      const pid = await spoil(clocks, own);
      return () => refused(code, () => inject({ pid, ...skew, stopTimeoutMs: 20_000 }));
    },
  };
}

/** Runs something as a user without privileges. */
async function asNobody(act: () => Promise<unknown>): Promise<void> {
  process.seteuid!(userId("nobody")!);
  try {
    await act();
  } finally {
    process.seteuid!(0);
  }
}

const needsRoot = isRoot ? undefined : "needs root";

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "inject and recover",
    async prepare(own) {
      const { pid } = await victim(own);
      return async () => {
        await inject({ pid, offset: OFFSET });
        await recover({ pid });
      };
    },
  },
  {
    name: "a change of settings",
    async prepare(own) {
      const { pid } = await victim(own);
      await inject({ pid, offset: OFFSET });
      return () => inject({ pid, offset: OFFSET - 1n });
    },
  },
  {
    name: "a profile, another, and recover",
    async prepare(own) {
      const { pid } = await victim(own);
      return async () => {
        await inject({ pid, rate: "1.5" });
        await inject({ pid, strobe: "1s", period: "1ms", offset: "0s" });
        await recover({ pid });
      };
    },
  },
  refusal("a profile that goes back", "E_BACKWARD_MONOTONIC", async ({ pid }) => pid, undefined, {
    clocks: ["CLOCK_MONOTONIC"],
    strobe: "1s",
    period: "1s",
  }),
  {
    name: "looking only",
    async prepare(own) {
      const { pid } = await victim(own);
      return async () => {
        await readClocks({ pid });
        await planInjection({ pid, offset: OFFSET });
        await status({ pids: [pid] });
        await doctor({ pid });
      };
    },
  },
  {
    name: "recovering what is not skewed",
    async prepare(own) {
      const { pid } = await victim(own);
      return () => recover({ pid });
    },
  },
  {
    name: "no such process",
    async prepare() {
      const gone = await startClocks();
      await gone[Symbol.asyncDispose]();
      return () => refused("E_NO_TARGET", () => inject({ pid: gone.pid, offset: OFFSET }));
    },
  },
  refusal("a thread, not a process", "E_NO_TARGET", async ({ dialog }) => {
    const { tid } = await dialog.askJson<{ tid: number }>("thread");
    return tid;
  }),
  refusal("a process that has ended", "E_ZOMBIE", async ({ dialog }) => {
    const { pid } = await dialog.askJson<{ pid: number }>("zombie");
    await waitFor("its end", () => state(pid) === "Z");
    return pid;
  }),
  refusal("traced by somebody else", "E_TRACED", async ({ pid }, own) => {
    own(await startTracer(pid));
    return pid;
  }),
  refusal("somebody else's patch", "E_FOREIGN_PATCH", async ({ pid }) => {
    const { offset } = functionsOf(vdso(pid)).find(({ name }) => /^(__vdso_)?time$/.test(name))!;
    const mapping = maps(pid).find((line) => line.endsWith("[vdso]"))!;
    const memory = openSync(`/proc/${pid}/mem`, "r+");
    writeSync(memory, Uint8Array.of(0xe9, 0, 0, 1, 0), 0, 5, Number.parseInt(mapping, 16) + offset);
    closeSync(memory);
    return pid;
  }),
  {
    name: "not permitted",
    missing: needsRoot ?? (userId("nobody") === undefined ? "needs a user nobody" : undefined),
    async prepare(own) {
      const { pid } = await victim(own);
      return () => asNobody(() => refused("E_PERMISSION", () => inject({ pid, offset: OFFSET })));
    },
  },
  refusal(
    "an injection that fails half-way",
    "E_STEP",
    async ({ pid }) => {
      // No mapping more: the second step that changes something fails, and those before it are undone.
      await promisify(execFile)(findProgram("prlimit")!, ["--pid", String(pid), "--as=4096"]);
      return pid;
    },
    findProgram("prlimit") ? undefined : "needs prlimit: apt-get install util-linux",
  ),
  {
    name: "a thread that does not stop",
    async prepare(own) {
      const clocks = own(await startClocks(GLIBC, { release: true }));
      // Its child waits for that, whatever becomes of itself.
      own({ [Symbol.asyncDispose]: async () => clocks.dialog.release() });
      const { tid } = await clocks.dialog.askJson<{ tid: number }>("hold");
      await waitFor("the thread to be in vfork()", () => state(tid) === "D");
      const { pid } = clocks;
      return () => refused("E_STOP_TIMEOUT", () => inject({ pid, offset: OFFSET, stopTimeoutMs: 5 }));
    },
  },
];

/** A scenario, prepared; disposing of it ends its programs. */
export function play(scenario: Scenario): Promise<{ act: () => Promise<unknown> } & AsyncDisposable> {
  return assemble(async (own) => ({ act: await scenario.prepare(own) }));
}
