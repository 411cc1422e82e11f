/**
 * What the command line asks of that which starts programs. Imported only when a command needs it, as the engine is;
 * tests pass a fake.
 */
import type { Inherited } from "../target/inherited.ts";
import type { Program } from "../target/program.ts";
import type { Entrant, Entry, Launched } from "../tracer/start.ts";
import { type Restart, self } from "./self.ts";

export interface Starter {
  /** Our own. */
  readonly pid: number;
  /** How we ourselves are started once more. */
  readonly self: Restart;
  /** Of this process, as byte strings. */
  readonly argv: readonly string[];
  readonly env: readonly string[];
  inherited(): Inherited;
  launch(program: Program): Launched;
  become(program: Program, inherited: Inherited): number;
  prepareEntry(entry: Entry, programs: { there: Program; here: Program }, inherited: Inherited): Entrant;
  standFor(pid: number, entrant: number): never;
}

export async function loadStarter(): Promise<Starter> {
  const [start, { inherited }, { byteString, wordsOf }] = await Promise.all([
    import("../tracer/start.ts"),
    import("../target/inherited.ts"),
    import("../target/program.ts"),
  ]);
  const { paths, argv } = self.restart();
  return {
    pid: process.pid,
    self: { paths: paths.map(byteString), argv: argv.map(byteString) },
    argv: wordsOf("/proc/self/cmdline"),
    env: wordsOf("/proc/self/environ"),
    inherited,
    ...start,
  };
}
