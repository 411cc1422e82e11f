/** The parts of the benchmark, in the order of the output, with how many rounds each takes. */
import * as lines from "./report.mjs";
import { profileLines, readLines } from "./report-reads.mjs";

/** @typedef {{ rounds: Record<"full" | "quick", any>, measure: (options: any) => Promise<any>, lines: (result: any) => string[] }} Part */

/** @type {Record<string, Part>} */
export const PARTS = {
  reads: {
    rounds: { full: { processes: 12, each: 8 }, quick: { processes: 1, each: 2 } },
    measure: async (options) => (await import("./reads.mjs")).measureReads(options),
    lines: readLines,
  },
  profiles: {
    rounds: { full: { processes: 8, each: 5 }, quick: { processes: 1, each: 1 } },
    measure: async (options) => (await import("./profiles.mjs")).measureProfiles(options),
    lines: profileLines,
  },
  start: {
    rounds: { full: 20, quick: 2 },
    measure: async (options) => (await import("./start.mjs")).measureStart(options),
    lines: lines.startLines,
  },
  pause: {
    rounds: { full: 40, quick: 2 },
    measure: async (options) => (await import("./pause.mjs")).measurePauses(options),
    lines: lines.pauseLines,
  },
  whole: {
    rounds: { full: 10, quick: 1 },
    measure: async (options) => (await import("./whole.mjs")).measureWhole(options),
    lines: lines.wholeLines,
  },
  update: {
    rounds: { full: 40, quick: 2 },
    measure: async (options) => (await import("./update.mjs")).measureUpdates(options),
    lines: lines.updateLines,
  },
  memory: {
    rounds: { full: 1, quick: 1 },
    measure: async (options) => (await import("./memory.mjs")).measureMemory(options),
    lines: lines.memoryLines,
  },
  sets: {
    rounds: { full: 10, quick: 1 },
    measure: async (options) => (await import("./sets.mjs")).measureSets(options),
    lines: lines.setLines,
  },
  waits: {
    rounds: {
      full: { processes: 3, each: 6, commands: 10 },
      quick: { processes: 1, each: 1, commands: 1 },
    },
    measure: async (options) => (await import("./waits.mjs")).measureWaits(options),
    lines: lines.waitLines,
  },
};
