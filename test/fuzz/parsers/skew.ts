/** What a user types: durations, clocks, process ids. */
import { targetsOf } from "../../../src/cli/settings.ts";
import { TimeskewError } from "../../../src/errors.ts";
import { CLOCKS, checkRange, expandClocks, parseClocks, selectionFromMask } from "../../../src/skew/clock.ts";
import { formatDuration, parseDuration } from "../../../src/skew/duration.ts";
import { mutateText, oddNumber, oddText } from "../mutate.ts";
import { ACCEPTED, attempt, type Documented, must, recipe, same } from "../parser.ts";
import type { Random } from "../random.ts";

export function coded(...codes: string[]): Documented {
  return (error) => {
    if (!(error instanceof TimeskewError) || !codes.includes(error.code)) return undefined;
    // 200 characters at the most, escaped and said twice.
    must(error.message.length < 4000 && (error.hint ?? "").length < 4000, "a message that has an end");
    return error.code;
  };
}

const UNITS = [
  "ns",
  "us",
  "µs",
  "μs",
  "ms",
  "s",
  "m",
  "h",
  "d",
  "w",
  "sec",
  "Min",
  "days",
  "ns ",
  " s",
  "S",
  "constructor",
];
const DURATIONS = ["-10m100ns", "1h30m", "-1.5h", "-600s", "2d", "0", "+1.s", ".5s", "9223372036854775807ns"];

function duration_(random: Random): string {
  const part = () =>
    `${random.either(
      () => `${random.below(100)}`,
      () => oddNumber(random),
      () => `.${random.below(1000)}`,
    )}${random.pick(UNITS)}`;
  return random.pick(["", "-", "+", "--", ""]) + random.times(1, 4, part).join("");
}

export const duration = recipe("duration", () => ({
  make: (random) => (random.oneIn(2) ? duration_(random) : mutateText(random, random.pick(DURATIONS))),
  run(text: string) {
    try {
      const ns = parseDuration(text);
      must(ns >= -(2n ** 63n) && ns < 2n ** 63n, "64 bits");
      must(parseDuration(formatDuration(ns)) === ns, "what is written is read back");
      return ACCEPTED;
    } catch (error) {
      const code = coded("E_DURATION")(error);
      if (code === undefined) throw error;
      const [, suggestion] = /^did you mean (.*)\?$/s.exec((error as TimeskewError).hint ?? "") ?? [];
      // A suggestion may have a fault of its own, but reading it ends, too.
      if (suggestion !== undefined)
        attempt(
          () => parseDuration(suggestion),
          coded("E_DURATION"),
          () => {},
        );
      return code;
    }
  },
}));

interface Clocks {
  readonly names: readonly string[];
  readonly exact: boolean;
  readonly mask: bigint;
  readonly offset: bigint;
  readonly now: bigint;
}

export const clocks = recipe("clocks", () => ({
  make(random): Clocks {
    const name = () => {
      const known = random.pick(CLOCKS).name as string;
      return random.either(
        () => known,
        () => known.toLowerCase().replace("clock_", "").replaceAll("_", "-"),
        () => mutateText(random, known),
        () => oddText(random),
        () => `${random.below(14)}`,
      );
    };
    const names = random.times(0, 3, () => random.times(1, 3, name).join(random.pick([",", ", ", ",,"])));
    const offset = BigInt.asIntN(64, random.odd64());
    return { names, exact: random.oneIn(2), mask: random.odd64(), offset, now: random.odd64() >> 1n };
  },
  run({ names, exact, mask, offset, now }: Clocks) {
    attempt(
      () => selectionFromMask(mask),
      coded("E_UNSUPPORTED"),
      (selection) => must(selection.mask === mask, "the same mask"),
    );
    return attempt(
      () => {
        const selection = expandClocks(parseClocks(names), { exact });
        must(
          selection.clocks.length > 0 && same(selectionFromMask(selection.mask), selection),
          "a mask says it all",
        );
        const readings = {
          realtime: now,
          tai: now,
          monotonic: now >> 20n,
          raw: now >> 20n,
          boottime: now >> 20n,
        };
        checkRange(offset, selection, readings);
        return selection;
      },
      coded("E_CLOCK", "E_RANGE"),
      () => {},
    );
  },
}));

export const pid = recipe("pid", () => ({
  make: (random) =>
    random.times(1, 3, () =>
      random.either(
        () => oddNumber(random),
        () => oddText(random),
        () => `${random.below(100)},${random.below(5_000_000)}`,
      ),
    ),
  run: (texts: string[]) =>
    attempt(
      () => targetsOf({ pid: texts }),
      coded("E_USAGE"),
      (found) =>
        must(
          found.every(
            (each) =>
              each.kind === "pid" && Number.isInteger(each.pid) && each.pid >= 1 && each.pid <= 4_194_304,
          ),
          "process ids",
        ),
    ),
}));
