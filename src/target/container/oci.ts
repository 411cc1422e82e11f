/** Containers that were started by runc or crun itself: their own state, by the id that the user gave. */
import type { Host } from "../select/host.ts";
import { statOf } from "../select/processes.ts";
import { ordinaryFriends } from "./census.ts";
import { namesIn, tryReadRegular, Unreadable } from "./files.ts";
import { answered, field, type Inquiry, type Known, parseJson, pidIn, unanswered } from "./known.ts";

interface Kind {
  readonly runtime: string;
  /** In a container's folder, the file that has its first process's pid, and when that was started, in clock ticks. */
  readonly file: string;
  readonly pid: string;
  readonly start: string;
}

const KINDS: readonly Kind[] = [
  { runtime: "runc", file: "state.json", pid: "init_process_pid", start: "init_process_start" },
  { runtime: "crun", file: "status", pid: "pid", start: "process-start-time" },
];

export function readRuntimes(host: Host): Inquiry[] {
  const folders = ["/run", ...ordinaryFriends(host).map((uid) => `/run/user/${uid}`)];
  return KINDS.flatMap((kind) => folders.map((folder) => readState(host, `${folder}/${kind.runtime}`, kind)));
}

function readState(host: Host, place: string, kind: Kind): Inquiry {
  try {
    const known = namesIn(`${host.root}${place}`).flatMap((id): Known[] => {
      const text = tryReadRegular(`${host.root}${place}/${id}/${kind.file}`);
      return text === undefined
        ? []
        : [{ runtime: kind.runtime, id, pid: firstOf(host, parseJson(text), kind) }];
    });
    return answered(place, known);
  } catch (error) {
    if (error instanceof Unreadable) return unanswered(place, error.code, error.code);
    throw error;
  }
}

/** The state may be of a container that was lost long ago, and the pid be somebody else's by now. */
function firstOf(host: Host, state: unknown, { pid, start }: Kind): number | undefined {
  const first = pidIn(state, pid);
  const startTime = first === undefined ? undefined : statOf(host, first)?.startTime;
  return startTime !== undefined && `${startTime}` === `${field(state, start)}` ? first : undefined;
}
