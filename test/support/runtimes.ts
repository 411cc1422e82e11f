/** Programs of other languages, started as their users start them; they all speak the same protocol. */
import type { TestContext } from "vitest";
import { build, source } from "./build.ts";
import { type Bracketed, bracket } from "./clock.ts";
import { Dialog } from "./dialog.ts";
import { needPrograms } from "./needs.ts";
import { GO, GO_STRIPPED, JAVA } from "./recipes.ts";

export interface Runtime {
  title: string;
  /** By how much its wall clock is cut, in ns. */
  unit: bigint;
  /** The command that starts it; skips the test if this machine does not have it. */
  command(context: TestContext): Promise<string[]>;
}

export const RUNTIMES: readonly Runtime[] = [
  {
    title: "Go",
    unit: 1n,
    command: async (context) => {
      needPrograms(context, "go");
      return [await build(GO)];
    },
  },
  {
    title: "Go, stripped",
    unit: 1n,
    command: async (context) => {
      needPrograms(context, "go");
      return [await build(GO_STRIPPED)];
    },
  },
  {
    title: "Python",
    unit: 1n,
    command: async (context) => [...needPrograms(context, "python3"), source("clocks.py")],
  },
  {
    title: "Node",
    unit: 1_000_000n,
    command: async () => [process.execPath, source("clocks.mjs")],
  },
  {
    title: "JVM",
    unit: 1_000n,
    command: async (context) => {
      const [java = ""] = needPrograms(context, "java", "javac");
      return [java, "-cp", await build(JAVA), "Clocks"];
    },
  },
];

export async function startRuntime(runtime: Runtime, context: TestContext): Promise<Dialog> {
  return Dialog.greeted(await runtime.command(context));
}

/** Its two clocks in ns, next to the true time. */
export async function readRuntime(dialog: Dialog): Promise<Bracketed<{ wall: bigint; monotonic: bigint }>> {
  return bracket(async () => {
    const { wall, monotonic } = await dialog.askJson<{ wall: string; monotonic: string }>("read");
    return { wall: BigInt(wall), monotonic: BigInt(monotonic) };
  });
}
