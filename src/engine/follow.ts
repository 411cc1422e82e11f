/**
 * Keeps a skew in what followed processes start: the tracer's thread (tracer/follow.ts) holds each new program before its
 * first instruction; here it is given what it inherits, and let go. Children that are only forked carry the skew anyway.
 */
import { TimeskewError } from "../errors.ts";
import { parseStat } from "../target/proc.ts";
import { errorCode, listPids } from "../target/process.ts";
import { readText } from "../target/read.ts";
import { type Follower, isFollowed, type Loading, startFollower } from "../tracer/follow.ts";
import { extendWaits } from "./extend.ts";
import { type Inheritance, inherit } from "./inherit.ts";
import { type Fallback, Lineage } from "./lineage.ts";

/** "exec": a followed process became this program. "entered": it came from outside, by `add`. */
type How = "exec" | "entered";

export type FollowNews =
  | { readonly kind: "skewed"; readonly pid: number; readonly command: string; readonly how: How }
  | {
      readonly kind: "failed";
      readonly pid: number;
      readonly command: string;
      readonly how: How;
      readonly error: TimeskewError;
    };

export interface FollowOptions {
  readonly follower: Follower;
  /** What the first ones get; later ones have ancestors, a past, or elders. */
  readonly heritage: Fallback;
  /** Permits that a process which is added reads an earlier CLOCK_MONOTONIC than before. */
  readonly allowBackwardMonotonic?: boolean;
  /** What has happened. A new program is held meanwhile: `follower.exit` ends it before its first instruction. */
  tell(news: FollowNews): void;
}

export interface Following {
  /**
   * Follows a process, and skews it unless it is skewed. A container runtime's own is about to become the container's
   * program, and only followed for a second.
   */
  add(pid: number): void;
  /**
   * Follows a process, whatever it is.
   *
   * @throws TimeskewError E_TRACED, E_PERMISSION, E_GONE, …
   */
  seize(pid: number): void;
  /** Takes note of what somebody else has given to a process that was seized. */
  note(pid: number): void;
  /** Everybody who is followed now. */
  members(): number[];
  /** From now on nobody inherits anything: for those who recover what is followed. */
  rest(): void;
  /** Lets everybody go, as they are. */
  end(): void;
  /** When there was nobody left to follow. */
  readonly empty: Promise<void>;
}

const GONE: readonly string[] = ["E_GONE", "E_NO_TARGET", "E_ZOMBIE"];
const PASSING: readonly string[] = ["E_BUSY", "E_STOP_TIMEOUT"];
const ATTEMPTS = 5;
const PAUSE_MS = 5;
/** For so many attempts, a second in all, a runtime's process may remain one: any program can have such a name. */
const RUNTIME_ATTEMPTS = 20;
/** How often it is looked whether somebody has changed a skew: of a program, that is lost when it becomes another. */
const REFRESH_MS = 1000;

/**
 * For a set that is skewed by somebody else: follows whom it is told to.
 *
 * @throws TimeskewError E_INTERNAL if somebody is followed already
 */
export function follow(o: Pick<FollowOptions, "allowBackwardMonotonic" | "tell">): Following {
  return followSkew({ ...o, follower: startFollower(), heritage: () => undefined });
}

/** Takes over the follower's events. */
export function followSkew({ follower, heritage, allowBackwardMonotonic, tell }: FollowOptions): Following {
  const lineage = new Lineage(heritage);
  let rests = false;

  const skew = (pid: number, how: How): Inheritance | undefined => {
    const due = lineage.of(pid);
    if (due === undefined) return undefined;
    lineage.remember(pid, due);
    const fresh = how === "exec";
    const result = inherit(pid, due, { fresh, ...(allowBackwardMonotonic && { allowBackwardMonotonic }) });
    if (result !== undefined) tell({ kind: "skewed", pid, command: result.command, how });
    return result;
  };
  const failed = (pid: number, how: How, thrown: unknown) => {
    const error = asTimeskewError(thrown, pid);
    if (!GONE.includes(error.code)) tell({ kind: "failed", pid, command: commandOf(pid), how, error });
  };

  const started = (pid: number) => {
    let loading: Loading | undefined;
    try {
      const result = rests ? undefined : insisting(() => skew(pid, "exec"));
      if (result?.gate !== undefined) loading = { gate: result.gate };
    } catch (thrown) {
      failed(pid, "exec", thrown);
    }
    follower.go(pid, loading);
  };
  const loaded = (pid: number) => {
    try {
      if (!rests) insisting(() => extendWaits(pid));
    } catch (thrown) {
      failed(pid, "exec", thrown);
    }
    follower.go(pid);
  };
  follower.onHeld(({ pid, why }) => (why === "exec" ? started(pid) : loaded(pid)));
  const refreshing = setInterval(() => lineage.refresh(), REFRESH_MS).unref();
  const empty = new Promise<void>((done) => follower.onEmpty(done));

  /** Later, if it stands still: it may be held at the beginning of a program, of which we have not been told yet. */
  const enter = (pid: number, attempt = 1) => {
    const again = () => setTimeout(() => enter(pid, attempt + 1), PAUSE_MS * attempt);
    if (rests || !isFollowed(pid)) return;
    if (isRuntimes(commandOf(pid)) && attempt < RUNTIME_ATTEMPTS) return void again();
    if (standsStill(pid) && attempt < ATTEMPTS) return void again();
    try {
      skew(pid, "entered");
    } catch (thrown) {
      if (isPassing(thrown) && attempt < ATTEMPTS) again();
      else failed(pid, "entered", thrown);
    }
  };

  return {
    add: (pid) => {
      if (isFollowed(pid)) return; // a child of somebody who is: it was born with the skew
      try {
        follower.add(pid);
      } catch (thrown) {
        return failed(pid, "entered", thrown);
      }
      enter(pid);
    },
    seize: (pid) => void follower.add(pid),
    note: (pid) => lineage.remember(pid),
    members: () => listPids().filter((pid) => isFollowed(pid)),
    rest: () => {
      rests = true;
    },
    end: () => {
      clearInterval(refreshing);
      follower.end();
    },
    empty,
  };
}

/** Tries again for a moment what another timeskew may be in the way of: nobody waits but a process that is held. */
function insisting<T>(act: () => T): T {
  for (let attempt = 1; ; attempt++) {
    try {
      return act();
    } catch (error) {
      if (!isPassing(error) || attempt === ATTEMPTS) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof TimeskewError && PASSING.includes(error.code);
}

function asTimeskewError(thrown: unknown, pid: number): TimeskewError {
  if (thrown instanceof TimeskewError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new TimeskewError("E_INTERNAL", `pid ${pid}: ${message}`, { pid, cause: thrown });
}

/** As a container runtime's process is called until it becomes the container's program. */
const RUNTIMES = /^(?:runc(?::\[.*)?|crun|youki|lxc-(?:attach|start|execute))$/;

/** @param command as /proc/PID/comm has it */
export function isRuntimes(command: string): boolean {
  return RUNTIMES.test(command);
}

function standsStill(pid: number): boolean {
  return statOf(pid)?.state === "t";
}

function commandOf(pid: number): string {
  return statOf(pid)?.command ?? "?";
}

function statOf(pid: number) {
  try {
    return parseStat(readText(`/proc/${pid}/stat`) ?? "");
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return undefined; // it has ended
  }
}
