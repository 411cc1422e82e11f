/** A fake of what starts programs: nothing is started, and everything is told. */
import { deserialize, serialize } from "node:v8";
import type { Starter } from "../../../src/cli/starter.ts";
import type { Answer, Request } from "../../../src/cli/supervisor.ts";
import type { Program } from "../../../src/target/program.ts";
import type { Entered, Entry } from "../../../src/tracer/start.ts";

export const OWN_PID = 77;
export const SUPERVISOR = 78;
export const ENTRANT = 79;

/** In place of a program that takes over. */
export class Gone extends Error {}

export interface Told {
  launched: Program[];
  /** What the supervisor was asked. */
  requests: Request[];
  became: Program[];
  entries: { entry: Entry; there: Program; here: Program; descriptors: readonly number[] }[];
  calledOff: number;
  stoodFor: [pid: number, entrant: number][];
}

export function fakeStarter(
  argv: readonly string[],
  { answer = { ok: true } as Answer, errno = 0, entered = { pid: 80, here: false } as Entered } = {},
): { starter: Starter; told: Told } {
  const told: Told = { launched: [], requests: [], became: [], entries: [], calledOff: 0, stoodFor: [] };
  const starter: Starter = {
    pid: OWN_PID,
    self: { paths: ["/usr/bin/node"], argv: ["/usr/bin/node", "/usr/local/bin/timeskew"] },
    argv: ["/usr/bin/node", "/usr/local/bin/timeskew", ...argv],
    env: ["PATH=/usr/bin:/bin", "NODE_OPTIONS=--inspect-brk", "TERM=xterm"],
    inherited: () => ({ descriptors: [0, 1, 2, 9], blocking: [0, 1, 2], openFiles: 1024n }),
    launch: (program) => {
      told.launched.push(program);
      return {
        pid: SUPERVISOR,
        // The length comes first.
        tell: (bytes) => void told.requests.push(deserialize(bytes.subarray(4)) as Request),
        answer: () => serialize(answer),
      };
    },
    become: (program) => {
      told.became.push(program);
      if (errno === 0) throw new Gone();
      return errno;
    },
    prepareEntry: (entry, { there, here }, { descriptors }) => {
      told.entries.push({ entry, there, here, descriptors });
      return { pid: ENTRANT, enter: () => entered, callOff: () => void told.calledOff++ };
    },
    standFor: (...who) => {
      told.stoodFor.push(who);
      throw new Gone();
    },
  };
  return { starter, told };
}
