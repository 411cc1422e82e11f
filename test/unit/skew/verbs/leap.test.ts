import { describe, expect, it } from "vitest";
import { formatInstant, parseInstant } from "../../../../src/skew/instant.ts";
import { offsetAt, type Profile } from "../../../../src/skew/profile.ts";
import { parseVerbs, type Shape, type VerbTexts } from "../../../../src/skew/verbs.ts";
import { refusal } from "../refusal.ts";
import { NOW, shape } from "./shapes.ts";

const S = 1_000_000_000n;
const [REALTIME, COARSE, TAI] = [0, 5, 11];

/** What a clock shows, as date and time; the true one runs from NOW on. */
function shown({ base, profile }: Shape & { profile: Profile }, elapsed: bigint, clock = REALTIME): string {
  return formatInstant(NOW + elapsed + offsetAt(base, profile, clock, elapsed));
}

describe("a leap second", () => {
  const MIDNIGHT = 10n * 3600n * S;

  it("is by default at the target's next midnight", () => {
    const insert = shape({ leap: "insert" });
    expect(insert.profile.text).toBe("--leap insert --leap-at 2026-11-22T00:00:00Z");
    const times = [MIDNIGHT - S, MIDNIGHT - 1n, MIDNIGHT, MIDNIGHT + S - 1n, MIDNIGHT + S];
    expect(times.map((time) => shown(insert, time))).toEqual([
      "2026-11-21T23:59:59Z",
      "2026-11-21T23:59:59.999999999Z",
      "2026-11-21T23:59:59Z",
      "2026-11-21T23:59:59.999999999Z",
      "2026-11-22T00:00:00Z",
    ]);
  });

  it("that is deleted does not come", () => {
    const gone = shape({ leap: "delete" });
    expect([MIDNIGHT - S - 1n, MIDNIGHT - S, MIDNIGHT].map((time) => shown(gone, time))).toEqual([
      "2026-11-21T23:59:58.999999999Z",
      "2026-11-22T00:00:00Z",
      "2026-11-22T00:00:01Z",
    ]);
  });

  it("is none for CLOCK_TAI, and one for the coarse clock", () => {
    const { base, profile } = shape({ leap: "insert" });
    expect([TAI, COARSE].map((clock) => offsetAt(base, profile, clock, MIDNIGHT))).toEqual([0n, -S]);
  });

  it("comes when the target's clock says so, wherever that is and however fast it runs", () => {
    const texts: VerbTexts[] = [
      { at: "2016-12-31T23:59:50Z" },
      { offset: "1h" },
      { rate: "2", at: "2016-12-31T23:59:50Z" },
      { rate: "0.001", at: "2016-12-31T23:59:50Z" },
      { rate: "999.123456789", at: "2016-12-31T23:00:00.000000001Z" },
      { drift: "-200ppm" },
      { slew: "-1h", over: "1m", at: "2016-12-31T23:59:50Z" },
      { slew: "8h", over: "5h", drift: "33ppm" },
    ];
    for (const each of texts) {
      for (const [leap, ahead] of [
        ["insert", 0n],
        ["delete", -S],
      ] as const) {
        const { base, profile } = shape({ ...each, leap });
        const track = profile.tracks.at(-1)!;
        const { at: moment } = track.frames.at(-1)!;
        const midnight = parseInstant(/--leap-at (\S+)/.exec(profile.text)![1]!);
        expect(midnight % (86_400n * S)).toBe(0n);
        const plain = { ...profile, tracks: profile.tracks.slice(0, -1) };
        const reads = (elapsed: bigint) => NOW + elapsed + offsetAt(base, plain, REALTIME, elapsed);
        expect(reads(moment)).toBeGreaterThanOrEqual(midnight + ahead);
        expect(reads(moment - 1n)).toBeLessThan(midnight + ahead);
        expect(offsetAt(base, profile, REALTIME, moment) - offsetAt(base, plain, REALTIME, moment)).toBe(
          leap === "insert" ? -S : S,
        );
      }
    }
  });

  it.each([
    ["insert", "24h", -S],
    ["delete", "24h", S],
    ["insert", "2s", -S],
    ["delete", "2s", S],
    ["insert", "1h0.000000001s", -S],
  ] as const)(
    "smeared (%s over %s) is half done in the middle, and done in the end",
    (leap, smear, whole) => {
      const smeared = shape({ leap, smear, leapAt: "2026-11-23T00:00:00Z" });
      const { base, profile } = smeared;
      const frames = profile.tracks[0]!.frames;
      const [from, to] = [frames.at(-2)!.at, frames.at(-1)!.at];
      const half = parseVerbs({ leap, smear }).leap!.smear / 2n;
      expect(shown(smeared, from)).toBe(formatInstant(parseInstant("2026-11-23T00:00:00Z") - half));
      expect(NOW + to + offsetAt(base, profile, REALTIME, to) - (NOW + from)).toBe(
        parseVerbs({ leap, smear }).leap!.smear,
      );
      for (const clock of [REALTIME, TAI]) {
        expect(
          [from, (from + to) / 2n, to, to + S].map((time) => offsetAt(base, profile, clock, time)),
        ).toEqual([...[0n, whole / 2n, whole, whole]]);
      }
      let last = offsetAt(base, profile, REALTIME, from);
      for (let time = from; time < from + 4000n; time++) {
        const offset = offsetAt(base, profile, REALTIME, time);
        expect(offset - last >= -1n && offset - last <= 1n).toBe(true);
        last = offset;
      }
    },
  );

  it("that is smeared is at the first midnight for which there is still time", () => {
    expect(shape({ leap: "insert", smear: "20h" }).profile.text).toContain("2026-11-23T00:00:00Z");
    expect(shape({ leap: "insert", smear: "19h59m59s" }).profile.text).toContain("2026-11-22T00:00:00Z");
    expect(shape({ leap: "insert", at: "2026-11-22T00:00:00Z" }).profile.text).toContain(
      "--leap-at 2026-11-23",
    );
    expect(shape({ leap: "delete", at: "2026-11-21T23:59:59Z" }).profile.text).toContain(
      "--leap-at 2026-11-23",
    );
  });

  it("may be at once", () => {
    const now = shape({ leap: "insert", at: "2017-01-01T00:00:00Z", leapAt: "2017-01-01T00:00:00Z" });
    expect(shown(now, 0n)).toBe("2016-12-31T23:59:59Z");
  });

  it.each<[VerbTexts, RegExp, RegExp]>([
    [
      { leapAt: "2017-01-01T00:00:00Z" },
      /^--leap-at 2017.* has passed by the target's clock, which reads 2026/,
      /--at/,
    ],
    [{ leapAt: "2026-11-22T00:00:00Z", offset: "24h" }, /has passed .* reads 2026-11-22T14:00:00Z/, /--at/],
    [{ leapAt: "2026-11-22T00:00:00Z", smear: "24h" }, /the smear before it .* has passed/, /later/],
    [{ leap: "delete", leapAt: "2026-11-21T14:00:00.5Z" }, /has passed/, /later/],
    [{ leapAt: "2261-01-01T00:00:00Z" }, /2261.* does not come within 146 years/, /faster/],
    [{ duration: "10h" }, /2026-11-22T00:00:00Z comes after --duration/, /it comes 10h after/],
  ])("is refused if it never comes: %o", (texts, message, hint) => {
    const found = refusal(() => shape({ leap: "insert", ...texts }));
    expect([found.code, found.message, found.hint]).toEqual([
      "E_USAGE",
      expect.stringMatching(message),
      expect.stringMatching(hint),
    ]);
  });

  it("may come right before the end", () => {
    expect(shape({ leap: "insert", duration: "10h1ns" }).profile.tracks).toHaveLength(1);
  });
});
