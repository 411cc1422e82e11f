/**
 * Live changes of the settings: whatever moment a reader picks, it sees the settings before or after, never a mix; and
 * the death of the writer between any two stores leaves one or the other.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import {
  encodeSlot,
  PARAMS as LAYOUT,
  neutral,
  type Settings,
  slotOffset,
} from "../../../src/patch/params.ts";
import { NO_CEILING } from "../../../src/patch/profile.ts";
import { planFlip, planUpdate } from "../../../src/patch/update.ts";
import { type Call, everythingSeen, History, PARAMS_BYTES, type Seen, seenBy, seenUnder } from "./reader.ts";
import { look, SETTINGS, sceneOf, THOROUGH } from "./scenes.ts";

const PARAMS = address(0x7000_0000_0000n);

/** The parameter pages with settings in force in the slot `index`, and older ones in the other. */
function pagesWith(index: number, now: Settings, older: Settings): Uint8Array {
  const bytes = new Uint8Array(PARAMS_BYTES);
  bytes[0xfc0] = index;
  bytes.set(encodeSlot(now), slotOffset(index));
  bytes.set(encodeSlot(older), slotOffset(index ^ 1));
  return bytes;
}

/** Never the same twice, as uptimes in nanoseconds are. */
let uptime = 1000n;
function freshGeneration(): bigint {
  uptime += 1000n;
  return uptime;
}

/** One update, as engine/inject.ts makes it; `stores`: the writer dies after so many. */
function update(
  history: History,
  settings: Omit<Settings, "generation">,
  unit: 1 | 8,
  stores = Infinity,
): void {
  const index = Number(history.last[0xfc0]) & 1;
  const generation = freshGeneration();
  let left = stores;
  for (const { address: at, bytes } of planUpdate(PARAMS, index, { ...settings, generation })) {
    const some = bytes.subarray(0, Math.min(bytes.length, left * unit));
    history.write(Number(at - PARAMS), some, unit);
    left -= Math.ceil(some.length / unit);
  }
}

const of = (mask: bigint, offset: bigint): Omit<Settings, "generation"> => ({
  mask,
  offset,
  skewId: BigInt.asUintN(64, offset),
  since: offset,
});

/** The same, from a time on: until then the settings before it. */
function from(start: bigint, settings: Omit<Settings, "generation">): Omit<Settings, "generation"> {
  const each = { realtime: start, monotonic: start, raw: start, boottime: start, tai: start };
  const nothing = { tracks: [], noise: undefined, duration: 0n, every: 0n, text: "" };
  return { ...settings, profile: { ...nothing, start: each, swing: 0n, ceiling: NO_CEILING } };
}

// Differ in every field, in the selected clocks, and in seconds as well as nanoseconds.
const [A, B, C, D] = [
  of(0b0001n | (1n << 63n), 1_000_000_001n),
  of(0b0011n | (1n << 63n), -2_000_000_002n),
  of(0b0111n | (1n << 63n), 3_000_000_003n),
  of(0b1111n | (1n << 63n), -4_000_000_004n),
] as const;
const CALLS: readonly Call[] = [
  ...[0, 1, 2, 4].map((id) => ({ function: "clock_gettime", id }) as const),
  { function: "time" },
];
const started = (index: number) => new History(pagesWith(index, { ...A, generation: 2n }, neutral(1n)));

function expectNoMix(history: History, published: readonly Omit<Settings, "generation">[]): void {
  for (const call of CALLS) {
    const allowed = new Set(published.map((each) => seenUnder({ ...each, generation: 0n }, call)));
    const seen = new Set<Seen>();
    everythingSeen(history, call, undefined, (each) => seen.add(each));
    expect(
      [...seen].filter((each) => !allowed.has(each)),
      JSON.stringify(call),
    ).toEqual([]);
  }
}

/** Stricter: what is seen was in force at some moment while the reader read. */
function expectInForce(history: History): void {
  for (const call of CALLS) {
    const atMoment = history.moments.map((_, moment) => seenUnder(history.inForce(moment), call));
    const wrong = new Set<string>();
    for (let begin = 0; begin <= history.end; begin++) {
      everythingSeen(history, call, begin, (seen, end) => {
        if (!atMoment.slice(begin, end + 1).includes(seen)) wrong.add(`${seen} from ${begin} to ${end}`);
      });
    }
    expect([...wrong], JSON.stringify(call)).toEqual([]);
  }
}

describe("every interleaving, word by word", () => {
  it.each([0, 1])("one update, from slot %i", (index) => {
    const history = started(index);
    update(history, B, 8);
    expectNoMix(history, [A, B]);
    expectInForce(history);
  });

  it("an update whose writer dies, and then another", () => {
    for (let stores = 0; stores <= 7; stores++) {
      const history = started(stores % 2);
      update(history, B, 8, stores);
      update(history, C, 8);
      expectInForce(history);
    }
  });

  it("two updates in a row, in whole seconds, too", () => {
    for (const [b, c] of [
      [B, C],
      [of(0b0011n | (1n << 63n), -2_000_000_000n), C],
      [B, of(0b0111n | (1n << 63n), 3_000_000_000n)],
    ] as const) {
      const history = started(1);
      update(history, b, 8);
      update(history, c, 8);
      expectNoMix(history, [A, b, c]);
      expectInForce(history);
    }
  });

  it("three updates in a row", () => {
    const history = started(1);
    for (const each of [B, C, D]) update(history, each, 8);
    expectNoMix(history, [A, B, C, D]);
    expectInForce(history);
  });

  it("an update, one whose writer dies before its flip, and another", () => {
    for (let stores = 0; stores <= 7; stores++) {
      const history = started(1);
      update(history, B, 8);
      update(history, C, 8, stores);
      update(history, D, 8);
      expectNoMix(history, [A, B, D]);
      expectInForce(history);
    }
  });

  it("two updates in a row: nothing is seen before it is in force", () => {
    const unselecting = of(0b1000n, 5n);
    for (let stores = 0; stores <= 7; stores++) {
      const history = started(1);
      update(history, B, 8);
      update(history, unselecting, 8, stores);
      expectInForce(history);
    }
  });

  it("an update, and a recovery, for which all threads are stopped", () => {
    const history = started(1);
    update(history, B, 8);
    const { generation } = history.inForce(history.end);
    const trueTime = neutral(generation + 1n);
    history.writeAtOnce(slotOffset(1), encodeSlot(trueTime));
    history.writeAtOnce(0xfc0, Uint8Array.of(1));
    expectNoMix(history, [A, B, trueTime]);
    expectInForce(history);
  });

  /*
   * A reader that has taken the generation of a slot that was being rewritten, and stands between the two looks of
   * settled() while that slot comes into force, goes out of force and is being rewritten again, must not find the same
   * again: an invalid slot has a generation of its own, too.
   */
  it("four updates in a row", () => {
    const history = started(1);
    for (const each of [B, C, D, A]) update(history, each, 8);
    expectNoMix(history, [A, B, C, D]);
  });

  // The mask that a reader has seen may be that of a writer that died before its flip, when the next writer brings the
  // same slot into force: then it does not count.
  it("an update, one that selects less and whose writer dies before its flip, and another", () => {
    const history = started(1);
    update(history, B, 8);
    update(history, of(0b1000n, 5n), 8, 7);
    update(history, D, 8);
    expectInForce(history);
  });
});

/** Flips the index back to the settings that still govern; what was to come is given up. */
function giveUp(history: History): void {
  const { address: at, bytes } = planFlip(PARAMS, history.last[LAYOUT.index]!);
  history.write(Number(at - PARAMS), bytes, 8);
}

function tick(history: History, times: number): void {
  for (let i = 0; i < times; i++) history.tick();
}

describe("a profile that begins later", () => {
  // All of them select the same clocks, as an update demands.
  const same = (offset: bigint) => of(0b0011n | (1n << 63n), offset);
  const [E, F, G] = [same(1_000_000_001n), same(-2_000_000_002n), same(3_000_000_003n)];
  const begun = (index = 1) =>
    new History(pagesWith(index, { ...from(0n, E), generation: 4n }, { ...G, generation: 3n }));
  const constant = (index = 1) =>
    new History(pagesWith(index, { ...E, generation: 4n }, { ...G, generation: 3n }));

  it.each([
    ["a constant", constant],
    ["a profile", begun],
  ])("takes over from %s at its time, and not before", (_, make) => {
    for (const index of [0, 1]) {
      const history = make(index);
      update(history, from(2n, F), 8);
      tick(history, 3);
      expect(history.inForce(history.end)).toMatchObject(F);
      expectInForce(history);
      expectNoMix(history, [E, F]);
    }
  });

  it("is replaced when it has begun, whatever readers that looked before it had are at", () => {
    const history = begun();
    update(history, from(1n, F), 8);
    tick(history, 1);
    update(history, from(2n, G), 8);
    tick(history, 1);
    expectInForce(history);
    expectNoMix(history, [E, F, G]);
  });

  it("is replaced by a constant when it has begun", () => {
    const history = constant();
    update(history, from(1n, F), 8);
    tick(history, 1);
    update(history, G, 8);
    expectInForce(history);
  });

  it("is given up before it has begun, for another one", () => {
    for (const late of [0, 1, 2]) {
      const history = constant();
      update(history, from(2n, F), 8);
      tick(history, late === 0 ? 0 : 1);
      giveUp(history);
      tick(history, late === 2 ? 1 : 0);
      update(history, from(4n, G), 8);
      tick(history, 4);
      expect(history.inForce(history.end)).toMatchObject(G);
      expectInForce(history);
      expectNoMix(history, [E, G]);
    }
  });

  it("may be filled again and again, as long as its time has not been told", () => {
    const history = begun();
    const index = history.last[LAYOUT.index]!;
    for (const start of [1n, 2n, 3n]) {
      const fill = planUpdate(PARAMS, index, { ...from(start, F), generation: freshGeneration() }).slice(
        0,
        -1,
      );
      for (const { address: at, bytes } of fill) history.write(Number(at - PARAMS), bytes, 8);
    }
    giveUp(history); // the flip
    tick(history, 3);
    expectInForce(history);
    expectNoMix(history, [E, F]);
  });

  it("its writer dies after any store", () => {
    const stores = 2 + Math.ceil(encodeSlot({ ...from(2n, F), generation: 1n }).length / 8);
    for (let done = 0; done <= stores; done++) {
      const history = begun();
      update(history, from(2n, F), 8, done);
      tick(history, 2);
      expect(history.inForce(history.end), `after ${done}`).toMatchObject(done === stores ? F : E);
      expectInForce(history);
    }
  });

  it("the search finds what a writer does to the slot that still governs", () => {
    const history = constant();
    update(history, from(2n, F), 8);
    update(history, from(4n, G), 8);
    tick(history, 4);
    expect(() => expectNoMix(history, [E, F, G])).toThrow();
  });
});

/** Bytes that an update of a constant writes. */
const STORES = encodeSlot(neutral(0n)).length + 9;

describe("any settings, any interleaving, byte by byte", () => {
  const settings = fc.record({
    mask: fc.bigInt(0n, 0xbffn),
    offset: fc.bigInt(-(10n ** 18n), 10n ** 18n),
    skewId: fc.bigInt(0n, 2n ** 64n - 1n),
    since: fc.bigInt(0n, 2n ** 62n),
  });
  const call: fc.Arbitrary<Call> = fc.oneof(
    fc.integer({ min: 0, max: 11 }).map((id) => ({ function: "clock_gettime", id }) as const),
    fc.constant({ function: "time" } as const),
  );
  const waits = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 24 });

  it("one update: old or new, and in force while it was read", () => {
    fc.assert(
      fc.property(settings, settings, fc.nat(1), call, waits, (old, fresh, index, what, when) => {
        const history = new History(
          pagesWith(index, { ...old, generation: 9n }, { ...fresh, offset: 77n, generation: 8n }),
        );
        update(history, fresh, 1);
        const { seen, begin, end } = seenBy(history, what, when);
        const possible = history.moments
          .slice(begin, end + 1)
          .map((_, i) => seenUnder(history.inForce(begin + i), what));
        expect(possible).toContain(seen);
      }),
      { numRuns: 2000 },
    );
  });

  it("a writer that dies at any byte leaves the old settings, or the new ones", () => {
    fc.assert(
      fc.property(settings, settings, fc.nat(1), call, fc.nat(STORES), (old, fresh, index, what, stores) => {
        const history = new History(
          pagesWith(index, { ...old, generation: 9n }, { ...fresh, offset: 77n, generation: 8n }),
        );
        update(history, fresh, 1, stores);
        const now = stores === STORES ? fresh : old;
        expect(history.inForce(history.end)).toMatchObject(now);
        const { seen } = seenBy(history, what, [history.end]);
        expect(seen).toBe(seenUnder({ ...now, generation: 0n }, what));
      }),
      { numRuns: 500 },
    );
  });
});

it("the search finds a mix where there is one", () => {
  // Settings that are overwritten in place.
  const history = started(1);
  history.write(slotOffset(1) + 8, encodeSlot({ ...B, generation: 2n }).subarray(8), 8);
  expect(() => expectNoMix(history, [A, B])).toThrow();
});

it.each(THOROUGH)("a target stays skewed through every store of an update, $name", ({ bytes }) => {
  const scene = sceneOf(bytes);
  scene.target.run(scene.plan);
  const params = address(scene.pages + BigInt(scene.payload.codeSize));
  const fresh = { ...SETTINGS, offset: 12_345n, skewId: 1n, generation: 3n };
  const writes = planUpdate(params, 1, fresh);
  writes.forEach(({ address: at, bytes: whole }, i) => {
    const isFlip = i === writes.length - 1;
    for (let length = 1; length <= whole.length; length++) {
      scene.target.write(at, whole.subarray(0, length));
      expect(look(scene.target, scene)).toMatchObject({
        state: "skewed",
        settings: isFlip ? fresh : { ...SETTINGS, generation: 2n },
      });
    }
  });
});
