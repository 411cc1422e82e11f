/** following-main.ts, from a test's side: a process that follows others. */
import { fileURLToPath } from "node:url";
import { withBundles } from "./bundle.mjs";
import { Dialog } from "./dialog.ts";
import { assemble } from "./own.ts";
import { state, statusOf, threads } from "./proc.ts";
import { waitFor } from "./wait.ts";

const MAIN = fileURLToPath(new URL("following-main.ts", import.meta.url));

export interface Log {
  held: [pid: number, why: "exec" | "loaded"][];
  /** Injections into who was held. */
  failures: string[];
  /** How often nobody was left. */
  empty: number;
}

export interface Refusal {
  code: string;
  message: string;
  hint?: string;
}

type Target = "add" | "inject" | "recover" | "followed";

export interface Following extends AsyncDisposable {
  readonly pid: number;
  readonly dialog: Dialog;
  add(pid: number): Promise<number>;
  inject(pid: number): Promise<string>;
  recover(pid: number): Promise<string>;
  followed(pid: number): Promise<boolean>;
  /** Skews who is held at its exec; the gate that it was given, if it was given one. */
  enter(pid: number): Promise<bigint | undefined>;
  /** Translates the waits of code that was mapped since; how many places were added. */
  extend(pid: number): Promise<number>;
  /** Injects and recovers so often, one after the other. */
  hammer(pid: number, times: number): Promise<number>;
  /** Adds the children of the process, each at whatever moment, for so long; answers how many there were. */
  snatch(pid: number, ms: number): Promise<number>;
  /** What came of it: the result, or the code of the error. */
  attempt(what: "inject" | "recover", pid: number): Promise<string>;
  /** What any of these is refused with. */
  refusal(what: Target, pid: number): Promise<Refusal>;
  /** What happens to who is held from now on; "inject" skews it, and lets it go on. */
  policy(held: "go" | "keep" | "inject"): Promise<void>;
  go(pid: number, gate?: bigint): Promise<void>;
  exit(pid: number, code: number): Promise<void>;
  /** Since the last time. */
  log(): Promise<Log>;
  end(): Promise<void>;
}

export function startFollowing(offset: bigint): Promise<Following> {
  return assemble(async (own) => {
    const dialog = own(
      await withBundles([MAIN], ([main]) => Dialog.greeted([process.execPath, main!, String(offset)])),
    );
    const request = (what: object) =>
      dialog.askJson<{ result?: unknown; error?: Refusal }>(JSON.stringify(what));
    const ask = async <T>(what: object): Promise<T> => {
      const { result, error } = await request(what);
      if (error !== undefined) throw new Error(`${error.code}: ${error.message}`);
      return result as T;
    };
    const refusal = async (what: Target, pid: number) => {
      const { error, result } = await request({ do: what, pid });
      if (error === undefined) throw new Error(`not refused: ${String(result)}`);
      return error;
    };
    const attempt = async (what: Target, pid: number) => {
      const { error, result } = await request({ do: what, pid });
      return error?.code ?? String(result);
    };
    return {
      pid: dialog.pid,
      dialog,
      attempt,
      refusal,
      add: (pid: number) => ask<number>({ do: "add", pid }),
      inject: (pid: number) => ask<string>({ do: "inject", pid }),
      recover: (pid: number) => ask<string>({ do: "recover", pid }),
      followed: (pid: number) => ask<boolean>({ do: "followed", pid }),
      enter: async (pid: number) => {
        const gate = await ask<string | null>({ do: "enter", pid });
        return gate === null ? undefined : BigInt(gate);
      },
      extend: (pid: number) => ask<number>({ do: "extend", pid }),
      hammer: (pid: number, times: number) => ask<number>({ do: "hammer", pid, times }),
      snatch: (pid: number, ms: number) => ask<number>({ do: "snatch", pid, ms }),
      policy: (held: "go" | "keep" | "inject") => ask<void>({ do: "policy", held }),
      go: (pid: number, gate?: bigint) => ask<void>({ do: "go", pid, ...(gate && { gate: String(gate) }) }),
      exit: (pid: number, code: number) => ask<void>({ do: "exit", pid, code }),
      log: () => ask<Log>({ do: "log" }),
      end: () => ask<void>({ do: "end" }),
    };
  });
}

/** The tracers of its threads; "0": nobody. */
export function tracers(pid: number): Set<string> {
  return new Set(threads(pid).map((tid) => statusOf(`${pid}/task/${tid}`).get("TracerPid")!));
}

/** Every thread neither stopped nor traced. */
export async function expectFree(pid: number): Promise<void> {
  await waitFor(`process ${pid} to be free`, () => {
    return [...tracers(pid)].join() === "0" && threads(pid).every((tid) => !/[tT]/.test(state(tid)));
  });
}
