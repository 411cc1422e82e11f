/** Settings that no planner has written. */
import { courseAt, SOURCES } from "../../../../src/engine/model.ts";
import { skewOf } from "../../../../src/engine/skew.ts";
import { decodeSlot, encodeSlot, PARAMS, type Settings } from "../../../../src/patch/params.ts";
import { oddText, put } from "../../mutate.ts";
import { ACCEPTED, must, recipe, same } from "../../parser.ts";
import type { Random } from "../../random.ts";

/** A slot as it may stand in a target: a profile with a few words of the forger's choice, or nothing but those. */
export function forgedSlot(random: Random): Uint8Array {
  const bytes = random.oneIn(4) ? random.bytes(PARAMS.slotSize) : new Uint8Array(PARAMS.slotSize);
  if (random.oneIn(2)) bytes.set(encodeSlot(someProfile(random)));
  const words = random.oneIn(2) ? HEAD_WORDS : PARAMS.slotSize / 8;
  for (const at of random.times(0, 12, () => 8 * random.below(words))) put(bytes, at, random.odd64(), 8);
  if (random.oneIn(2)) put(bytes, 48, random.pick([0n, 1n, 1n, 2n]), 4);
  return bytes;
}

/** Words before the key frames. */
const HEAD_WORDS = 64;

function someProfile(random: Random): Settings {
  const ns = () => random.odd64() >> 2n;
  const frames = (count: number) => {
    const times = random.times(count, count, ns).toSorted((a, b) => (a < b ? -1 : 1));
    return times.map((at, i) => ({ at: i === 0 ? 0n : at, offset: ns() - ns() }));
  };
  const track = () => ({
    clocks: random.odd64(),
    period: random.oneIn(2) ? 0n : ns(),
    frames: frames(random.between(1, 40)),
    tail: { num: ns() - ns(), den: ns() + 1n },
  });
  const noise = { amplitude: ns() + 1n, every: ns() + 1n, seed: random.odd64(), glides: random.oneIn(2) };
  const duration = ns();
  const start = ns() - ns();
  const profile = {
    start: { realtime: start, monotonic: start, raw: start, boottime: start, tai: start },
    duration,
    every: random.oneIn(2) ? 0n : duration + ns(),
    tracks: random.times(0, 3, track),
    noise: random.oneIn(2) ? undefined : noise,
    swing: ns(),
    ceiling: ns(),
    text: oddText(random),
  };
  return { generation: 1n, mask: random.odd64(), offset: ns() - ns(), skewId: 1n, since: 1n, profile };
}

export const slot = recipe("slot", () => ({
  make: (random) => ({ bytes: forgedSlot(random), other: forgedSlot(random), time: random.odd64() >> 1n }),
  run({ bytes, other, time }: { bytes: Uint8Array; other: Uint8Array; time: bigint }) {
    const settings = decodeSlot(bytes);
    const seconds = settings.offset / 1_000_000_000n;
    const { flaw, profile, ...rest } = settings;
    // A text that was none is longer in UTF-8 by now.
    const whole = { ...rest, ...(profile && { profile: { ...profile, text: "" } }) };
    if (seconds > -(2n ** 62n) && seconds < 2n ** 62n)
      must(same(decodeSlot(encodeSlot(whole)), whole), "what is written is read back");
    const inForce = { settings, before: decodeSlot(other) };
    for (const source of SOURCES) {
      const { until } = courseAt(inForce, source, time);
      must(until === undefined || until > time, "a line goes on, or ends later");
    }
    const now = { realtime: time, monotonic: time, raw: time, boottime: time, tai: time };
    const skew = skewOf(inForce, now);
    must(skew?.profile === undefined || Number.isFinite(skew.profile.rate), "a rate is a number");
    return flaw?.replace(/\d+/g, "N") ?? ACCEPTED;
  },
}));
