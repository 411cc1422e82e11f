/** The processes of a container as its own processes see their clocks: resident.c, asked through its sockets. */
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { complaints, type Failures, failures, type Reading, type Skews } from "../readings.ts";
import { waitFor, within } from "../wait.ts";

export interface Residents {
  /** What is wrong with the clocks of each of them, if they are to be skewed like this. */
  complaints(skews: Skews): Promise<string[]>;
  /** They answer. Those that were there before have ended by then, if there were any. */
  ready(): Promise<void>;
}

/** How many processes a container has, if nothing else is said. */
export const NAMES = ["first", "second"];

/** @param folder what the container has as /io */
export function residents(folder: string, names: readonly string[] = NAMES): Residents {
  let failing: Failures | undefined;
  const ready = async () => {
    for (const name of names) {
      const readings = await waitFor(`${name} of ${folder}`, () => read(join(folder, name)));
      failing ??= failures(readings);
    }
  };
  return {
    ready,
    complaints: async (skews) => {
      if (!failing) throw new Error(`nobody has waited for the residents of ${folder}`);
      const found: string[] = [];
      for (const name of names) {
        const readings = await read(join(folder, name));
        found.push(...complaints(readings, skews, failing).map((complaint) => `${name}: ${complaint}`));
      }
      return found;
    },
  };
}

async function read(socket: string): Promise<Reading[]> {
  const connection = connect(socket);
  connection.end("read\n");
  const answer = await within(`the answer of ${socket}`, text(connection));
  return (JSON.parse(answer) as { readings: Reading[] }).readings;
}
