/** The program that answers by the payload's own arithmetic (evaluate.c). */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "vitest";
import { encodeSlot, PARAMS } from "../../src/patch/params.ts";
import { build, type Recipe } from "../support/build.ts";
import { needPrograms } from "../support/needs.ts";
import { EVALUATE, type PayloadMachine } from "../support/recipes.ts";
import type { World } from "./model.ts";

const REQUESTS = { slots: 0, read: 1, when: 2, trueSpan: 3, fakeSpan: 4, begin: 5 } as const;

/** Words of a request, and of its answer. */
const ASKED = { slots: 0, read: 2, when: 3, trueSpan: 3, fakeSpan: 3, begin: 1 } as const;
const ANSWERED = { slots: 0, read: 1, when: 1, trueSpan: 1, fakeSpan: 1, begin: 5 } as const;

/** Of programs that are built for another machine. */
const LIBRARIES = {
  i386: ["/usr/lib32/libc.a", "/usr/lib/gcc/x86_64-linux-gnu/12/32/libgcc.a"],
  aarch64: ["/usr/aarch64-linux-gnu/include/stdlib.h"],
} as const;

/** The command that runs a program of ours for a machine: another's is emulated. Or the test is skipped. */
export function commandOf(
  context: TestContext,
  recipes: Readonly<Record<PayloadMachine, Recipe>>,
  machine: PayloadMachine,
): Promise<[string, ...string[]]> {
  return commandFor(context, recipes[machine], machine);
}

/** The same. `options`: the emulator's. */
export async function commandFor(
  context: TestContext,
  recipe: Recipe,
  machine: PayloadMachine,
  options: readonly string[] = [],
): Promise<[string, ...string[]]> {
  const emulator: string[] = [];
  const isArm = process.arch === "arm64";
  if (isArm && machine !== "aarch64") context.skip(`needs a processor that runs ${machine}'s code`);
  if (machine === "aarch64" && !isArm) {
    needPrograms(context, "aarch64-linux-gnu-gcc", ...LIBRARIES.aarch64);
    emulator.push(...needPrograms(context, "qemu-aarch64-static"), ...options);
  } else {
    needPrograms(context, "gcc", ...(machine === "i386" ? LIBRARIES.i386 : []));
  }
  const [program = "", ...args] = [...emulator, await build(recipe)];
  return [program, ...args];
}

export class Host {
  readonly #child: ChildProcess;
  #received: Buffer[] = [];
  #length = 0;
  #wake: () => void = () => {};

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout!.on("data", (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#length += chunk.length;
      this.#wake();
    });
    child.once("exit", () => this.#wake());
  }

  /** @param machine this one, if it is not said */
  static async start(
    context: TestContext,
    machine: PayloadMachine = process.arch === "arm64" ? "aarch64" : "x86_64",
  ): Promise<Host> {
    const [program, ...args] = await commandOf(context, EVALUATE, machine);
    return new Host(spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#child.exitCode === null ? once(this.#child, "exit") : undefined;
    this.#child.stdin!.end();
    await ended;
  }

  /** From now on the answers are by these settings. */
  setWorld({ slots, index }: World): void {
    const bytes = new Uint8Array(2 * PARAMS.slotSize + 8);
    slots.forEach((settings, i) => {
      bytes.set(encodeSlot(settings), i * PARAMS.slotSize);
    });
    bytes[2 * PARAMS.slotSize] = index;
    this.#send("slots", 1, bytes);
  }

  /** @param words as many for each question as evaluate.c says; true times and spans in ns */
  async ask(
    request: Exclude<keyof typeof REQUESTS, "slots">,
    words: readonly bigint[],
  ): Promise<BigInt64Array> {
    const count = words.length / ASKED[request];
    this.#send(request, count, new Uint8Array(BigInt64Array.from(words).buffer));
    const size = 8 * count * ANSWERED[request];
    while (this.#length < size) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error("the host has ended");
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    const bytes = Buffer.concat(this.#received);
    this.#received = [bytes.subarray(size)];
    this.#length = bytes.length - size;
    return new BigInt64Array(Uint8Array.from(bytes.subarray(0, size)).buffer);
  }

  #send(request: keyof typeof REQUESTS, count: number, bytes: Uint8Array): void {
    this.#child.stdin!.write(new Uint8Array(Uint32Array.of(REQUESTS[request], count).buffer));
    this.#child.stdin!.write(bytes);
  }
}
