/** What comes back from the helper and from the probe, and everything that is printed. */
import { constants } from "node:os";
import { PLAIN } from "../../../src/cli/colour.ts";
import { errorLines } from "../../../src/cli/report/error.ts";
import { escapeJson, escapeText } from "../../../src/cli/report/escape.ts";
import { nowLines } from "../../../src/cli/report/now.ts";
import { jsonReport } from "../../../src/cli/report.ts";
import { compare } from "../../../src/engine/readings.ts";
import { TimeskewError } from "../../../src/errors.ts";
import { decodeProbe, neutral, PROBE_BYTES } from "../../../src/patch/params.ts";
import { CLOCKS } from "../../../src/skew/clock.ts";
import { decodeReport, REPORT_BYTES } from "../../../src/tracer/encode.ts";
import { oddText, put } from "../mutate.ts";
import { ACCEPTED, must, mustBeTame, recipe } from "../parser.ts";
import type { Random } from "../random.ts";

function words(random: Random, length: number, size: number): Uint8Array {
  const bytes = random.bytes(length);
  for (let at = 0; at < length; at += size) if (!random.oneIn(3)) put(bytes, at, random.odd64(), size);
  return bytes;
}

const ERRNOS = Object.values(constants.errno);

export const report = recipe("report", () => ({
  make(random) {
    const bytes = words(random, REPORT_BYTES, 4);
    if (random.oneIn(2)) put(bytes, 0, BigInt(random.pick(ERRNOS)), 4);
    if (random.oneIn(2)) put(bytes, 4, BigInt(random.below(7)), 4);
    return bytes;
  },
  run(bytes: Uint8Array) {
    const { stage, rollback, pauseNs, ...numbers } = decodeReport(bytes);
    must(["plan", "seize", "stop", "step", "done", "finish", "begin"].includes(stage), "a stage");
    must(["none", "done", "failed"].includes(rollback), "a roll back");
    must(pauseNs >= 0n && Object.values(numbers).every(Number.isInteger), "numbers");
    return ACCEPTED;
  },
}));

interface Probe {
  readonly bytes: Uint8Array;
  readonly before: bigint;
  readonly after: bigint;
  readonly mask: bigint;
}

export const probe = recipe("probe", () => ({
  make: (random): Probe => {
    const bytes = words(random, PROBE_BYTES, 8);
    const before = random.odd64() >> 1n;
    return { bytes, before, after: before + (random.odd64() >> 32n), mask: random.odd64() };
  },
  run({ bytes, before, after, mask }: Probe) {
    const clocks = (value: bigint) => new Map(CLOCKS.map(({ id }) => [id, value]));
    const readings = compare(decodeProbe(bytes), mask, clocks(before), clocks(after), {
      settings: { ...neutral(1n), mask },
      before: neutral(0n),
    });
    const result = {
      pid: 1,
      command: "x",
      state: "unskewed",
      skew: undefined,
      readings,
      timeShift: "unknown",
      pauseNs: 1n,
    } as const;
    for (const line of nowLines(result, PLAIN)) {
      mustBeTame(line);
      must(!/NaN|undefined|Invalid/.test(line), () => `words for every number: ${line}`);
    }
    mustBeTame(jsonReport("now", { targets: [result] }));
    return ACCEPTED;
  },
}));

export const text = recipe("text", () => ({
  make: (random) => random.times(1, 6, () => oddText(random)).join(""),
  run(input: string) {
    mustBeTame(escapeText(input));
    const json = escapeJson(JSON.stringify({ input }));
    mustBeTame(json);
    must((JSON.parse(json) as { input: string }).input === input, "JSON says the same");
    const error = new TimeskewError("E_FAILED", input, { hint: input, pid: 1 });
    for (const line of errorLines(error, "inject", PLAIN, { env: {} })) mustBeTame(line);
    return ACCEPTED;
  },
}));
