/**
 * A server of a test's own: its data in a temporary folder, its one socket in there as well, so no port can
 * be taken already. Disposing of it ends it and removes the folder.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor, within } from "../wait.ts";

/** A folder that is removed with its contents; `owner` is the user it belongs to. */
export async function temporaryFolder(name: string, owner?: number) {
  const path = await mkdtemp(join(tmpdir(), `timeskew-${name}-`));
  if (owner !== undefined) chownSync(path, owner, owner);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export interface ServerOptions {
  command: readonly string[];
  /** How it is asked to end at once, without a child left behind. */
  stopSignal: "SIGTERM" | "SIGQUIT";
  /** Run as this user. */
  user?: string | undefined;
}

export class Server implements AsyncDisposable {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #stopSignal: NodeJS.Signals;
  #output = "";

  private constructor(child: ChildProcess, stopSignal: NodeJS.Signals) {
    this.#child = child;
    this.pid = child.pid!;
    this.#ended = once(child, "exit");
    this.#stopSignal = stopSignal;
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
  }

  /** setpriv runs the server in its own place, and has the kernel end it if this process dies. */
  static async start({ command, stopSignal, user }: ServerOptions): Promise<Server> {
    const as = user === undefined ? [] : [`--reuid=${user}`, `--regid=${user}`, "--init-groups"];
    const args = [...as, `--pdeathsig=${stopSignal.slice(3)}`, "--", ...command];
    const child = spawn("setpriv", args, { stdio: ["ignore", "pipe", "pipe"] });
    await once(child, "spawn");
    return new Server(child, stopSignal);
  }

  /** Polls until the server answers; its own words are the error message if it never does. */
  async ready(ask: () => Promise<unknown>): Promise<void> {
    try {
      await waitFor(`server ${this.pid}`, async () => this.#hasEnded() || (await ask()) !== undefined);
    } catch (error) {
      throw new Error(`the server does not answer: ${this.#output}`, { cause: error });
    }
    if (this.#hasEnded()) throw new Error(`the server has ended: ${this.#output}`);
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill(this.#stopSignal);
    try {
      await within(`the end of server ${this.pid}`, this.#ended);
    } finally {
      this.#child.kill("SIGKILL");
    }
  }
}
