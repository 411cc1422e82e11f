/**
 * A headless Chromium with its own sandbox in force, spoken with by the DevTools protocol through its pipe: objects in
 * JSON, each ended by a zero byte, to its descriptor 3 and from its descriptor 4.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { isRoot, userId } from "./needs.ts";
import { assemble } from "./own.ts";
import { field, startTime, state } from "./proc.ts";
import { temporaryFolder } from "./servers/server.ts";
import { waitFor, within } from "./wait.ts";

/** Chromium refuses to sandbox root. */
const USER = "nobody";

/** What a page's own script reads, in ms since 1970. */
export interface PageClock {
  now: number;
  /** CLOCK_MONOTONIC since the page began, on top of its begin. */
  performance: number;
  iso: number;
}

export interface Page {
  clock(): Promise<PageClock>;
  /** Has the page sleep and answer by its own timer. */
  nap(): Promise<number>;
}

/** A process, and not a later one with its number. */
export interface Member {
  pid: number;
  startTime: string;
  /** "browser", "zygote", "gpu-process", "renderer", "crashpad-handler", … */
  role: string;
}

export interface Chromium extends AsyncDisposable {
  open(): Promise<Page>;
  /** Its living processes, the helpers that it has given away to init included. */
  tree(): Member[];
  /** The events that tell of a crash. */
  readonly crashes: readonly string[];
}

export function startChromium(program: string): Promise<Chromium> {
  return assemble(async (own) => {
    const owner = isRoot ? userId(USER) : undefined;
    const { path: folder } = own(await temporaryFolder("chromium", owner));
    // Its helpers are no children of the browser; all say in their environment, or on their command line, where they belong.
    const as = isRoot ? [`--reuid=${USER}`, `--regid=${owner}`, "--clear-groups"] : [];
    const child = spawn(
      "setpriv",
      [
        ...[...as, "--pdeathsig=KILL", "--", program, "--headless", "--remote-debugging-pipe"],
        ...["--no-first-run", "--disable-gpu", `--user-data-dir=${folder}`, "about:blank"],
      ],
      {
        cwd: folder,
        // Where its state goes; nothing of the real user's.
        env: { PATH: process.env.PATH, HOME: folder, TMPDIR: folder },
        stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
      },
    );
    const browser = own(new Browser(child, folder));
    await browser.call("Browser.getVersion");
    return {
      open: () => browser.open(),
      tree: () => browser.tree(),
      crashes: browser.crashes,
    };
  });
}

interface Message {
  id?: number;
  method?: string;
  result?: unknown;
  error?: { message: string };
}

class Browser implements AsyncDisposable {
  readonly crashes: string[] = [];
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #ended: Promise<unknown>;
  readonly #waiting = new Map<number, (message: Message) => void>();
  #calls = 0;
  #received = "";
  #stderr = "";

  constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.#ended = once(child, "exit");
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-2000);
    });
    (child.stdio[4] as Readable).setEncoding("utf8").on("data", (text: string) => this.#receive(text));
    // The answer that does not come says it all.
    (child.stdio[3] as Writable).on("error", () => {});
  }

  #receive(text: string): void {
    const messages = (this.#received + text).split("\0");
    this.#received = messages.pop()!;
    for (const each of messages) {
      const message = JSON.parse(each) as Message;
      if (message.id !== undefined) this.#waiting.get(message.id)?.(message);
      else if (/crash/i.test(message.method ?? "")) this.crashes.push(message.method!);
    }
  }

  async call<T>(method: string, params: object = {}, sessionId?: string): Promise<T> {
    const id = ++this.#calls;
    const answer = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    const { result, error } = await within(() => `${method}; Chromium says: ${this.#stderr}`, answer);
    this.#waiting.delete(id);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result as T;
  }

  async open(): Promise<Page> {
    const { targetId } = await this.call<{ targetId: string }>("Target.createTarget", {
      url: "data:text/html,<title>a page</title>",
    });
    const { sessionId } = await this.call<{ sessionId: string }>("Target.attachToTarget", {
      targetId,
      flatten: true,
    });
    await this.call("Inspector.enable", {}, sessionId);
    const evaluate = async <T>(expression: string): Promise<T> => {
      const { result } = await this.call<{ result: { value: T } }>(
        "Runtime.evaluate",
        { expression, returnByValue: true, awaitPromise: true },
        sessionId,
      );
      return result.value;
    };
    return {
      clock: () =>
        evaluate(
          "({ now: Date.now(), performance: performance.timeOrigin + performance.now(), iso: Date.parse(new Date().toISOString()) })",
        ),
      nap: () => evaluate("new Promise((resolve) => setTimeout(() => resolve(42), 20))"),
    };
  }

  tree(): Member[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .flatMap((pid) => {
        try {
          if (!this.#isOurs(pid) || state(pid) === "Z") return [];
          return [{ pid, startTime: startTime(pid), role: role(pid) }];
        } catch {
          return []; // it has ended meanwhile
        }
      });
  }

  /** A descendant, or a helper whose parent has ended. Its zygotes' command lines do not name the folder. */
  #isOurs(pid: number): boolean {
    if (commandLine(pid).some((word) => word.includes(this.#folder))) return true;
    for (let ancestor = pid; ancestor > 1; ancestor = Number(field(ancestor, "PPid"))) {
      if (ancestor === this.#child.pid) return true;
    }
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const members = this.tree();
    this.#child.kill("SIGKILL");
    await within("the end of Chromium", this.#ended);
    // Killed, it takes none of its helpers along at once.
    for (const { pid, startTime: begun } of members) {
      if (isAlive(pid, begun)) process.kill(pid, "SIGKILL");
    }
    await waitFor("the end of Chromium's processes", () =>
      members.every(({ pid, startTime: begun }) => !isAlive(pid, begun)),
    );
  }
}

export function isAlive(pid: number, begun: string): boolean {
  try {
    return startTime(pid) === begun && state(pid) !== "Z";
  } catch {
    return false;
  }
}

function commandLine(pid: number): string[] {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").split(/[\0 ]/);
}

function role(pid: number): string {
  const words = commandLine(pid);
  if (words[0]?.endsWith("crashpad_handler")) return "crashpad-handler";
  const type = words.find((word) => word.startsWith("--type="))?.slice("--type=".length) ?? "browser";
  return type;
}
