/**
 * A thread of the target that reads its clocks while the settings change: native/payload/clock.c, load by load. The
 * loads may fall at any moments of the writer's work, in their order. (x86-64 makes loads and stores visible in their
 * program's order, and an aligned word at once.) Profiles are those without tracks: a constant that begins at a time.
 */
import { decodeSlot, PARAMS, type Settings, slotOffset } from "../../../src/patch/params.ts";

export const PARAMS_BYTES = PARAMS.probe;
const INDEX = PARAMS.index;
/** Not in the real pages: what every clock truly reads, for readers and writers. */
export const TIME = 0xff8;
const slotAt = (index: bigint) => slotOffset(Number(index));
const GENERATION = 0;
const SELECTED = 8;
const OFFSET_SEC = 16;
const OFFSET_NSEC = 24;
const KIND = 48;
const START = 56;
const LOADED = [GENERATION, SELECTED, OFFSET_SEC, OFFSET_NSEC, KIND, START];

/** Whether readers load this byte; stores to others (skew_id, since) make no new moment for them. */
function isLoaded(offset: number): boolean {
  const word = ((offset - PARAMS.slots) % PARAMS.slotSize) & ~7;
  return offset === INDEX || (offset & ~7) === TIME || (offset >= PARAMS.slots && LOADED.includes(word));
}

/** The parameter pages at moment 0, 1, 2, …: after each store of the writer that readers may notice. */
export class History {
  readonly moments: Uint8Array[];

  constructor(before: Uint8Array) {
    this.moments = [before];
  }

  get end(): number {
    return this.moments.length - 1;
  }

  get last(): Uint8Array {
    return this.moments[this.end]!;
  }

  /** Stores of `unit` bytes, in ascending order. */
  write(offset: number, bytes: Uint8Array, unit: 1 | 8): void {
    for (let at = 0; at < bytes.length; at += unit) {
      if (isLoaded(offset + at)) this.moments.push(this.last.slice());
      this.last.set(bytes.subarray(at, at + unit), offset + at);
    }
  }

  /** Time passes. */
  tick(): void {
    this.write(TIME, new Uint8Array(BigInt64Array.of(this.timeAt(this.end) + 1n).buffer), 8);
  }

  timeAt(moment: number): bigint {
    return this.load(moment, TIME, 8);
  }

  /** While no reader runs. */
  writeAtOnce(offset: number, bytes: Uint8Array): void {
    const next = this.last.slice();
    next.set(bytes, offset);
    this.moments.push(next);
  }

  load(moment: number, offset: number, size: 1 | 8): bigint {
    const bytes = this.moments[moment]!;
    if (size === 1) return BigInt(bytes[offset]!);
    return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset, true);
  }

  /** The settings that the index names; until they begin, those of the other slot. */
  inForce(moment: number): Settings {
    const index = this.load(moment, INDEX, 1);
    const now = this.slot(moment, index);
    const hasBegun = now.profile === undefined || this.timeAt(moment) >= now.profile.start.realtime;
    return hasBegun ? now : this.slot(moment, index ^ 1n);
  }

  private slot(moment: number, index: bigint): Settings {
    const at = slotAt(index);
    return decodeSlot(this.moments[moment]!.subarray(at, at + PARAMS.slotSize));
  }
}

/** What a read adds to the true time: "true time", or seconds and nanoseconds. */
export type Seen = "true time" | `${bigint}s ${bigint}ns`;

export type Call =
  | { readonly function: "clock_gettime"; readonly id: number }
  | { readonly function: "time" };

export function bitOf(call: Call): bigint {
  return call.function === "time" ? 63n : BigInt(call.id);
}

/** What a read must see under these settings. */
export function seenUnder(settings: Settings, call: Call): Seen {
  if (!((settings.mask >> bitOf(call)) & 1n)) return "true time";
  const nsec = ((settings.offset % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return `${(settings.offset - nsec) / 1_000_000_000n}s ${nsec}ns`;
}

/** How a reader gets at memory. `then` may be called more than once: each time for another moment of the load. */
export interface World {
  load(offset: number, size: 1 | 8, then: (value: bigint) => void): void;
  /** The reader begins again and remembers nothing. */
  again(retry: () => void): void;
  done(seen: Seen): void;
}

/** ts_clock_gettime and ts_time, in the order of the built code's loads; the original touches no settings. */
export function read(world: World, call: Call): void {
  const bit = bitOf(call);
  const isSelected = (mask: bigint) => ((mask >> bit) & 1n) === 1n;
  const again = () => world.again(() => read(world, call));

  // active_slot(), begin(), selection()
  world.load(INDEX, 1, (index) => {
    const slot = slotAt(index);
    world.load(slot + GENERATION, 8, (generation) =>
      world.load(slot + SELECTED, 8, (mask) => {
        if (isSelected(mask)) skewed(index, slot);
        else ifSettled(index, slot, generation, "true time");
      }),
    );
  });

  function ifSettled(
    index: bigint,
    slot: number,
    generation: bigint,
    seen: Seen,
    then = () => world.done(seen),
  ): void {
    world.load(INDEX, 1, (nowInForce) => {
      if (nowInForce !== index) return again();
      world.load(slot + GENERATION, 8, (now) => {
        if (now === generation) then();
        else again();
      });
    });
  }

  /** profiled_clock_gettime() and profiled_time(): both slots, then the time, then ts_shown(). */
  function profiled(index: bigint, slot: number): void {
    const other = slotAt(index ^ 1n);
    world.load(slot + GENERATION, 8, (generation) =>
      world.load(other + GENERATION, 8, (otherGeneration) =>
        world.load(TIME, 8, (time) =>
          shown(time, [slot, other], (seen) =>
            ifSettled(index, slot, generation, seen, () =>
              world.load(other + GENERATION, 8, (now) => {
                if (now === otherGeneration) world.done(seen);
                else again();
              }),
            ),
          ),
        ),
      ),
    );
  }

  function shown(time: bigint, [slot, ...others]: readonly number[], then: (seen: Seen) => void): void {
    if (slot === undefined) {
      then("true time");
      return;
    }
    const offset = () =>
      world.load(slot + OFFSET_SEC, 8, (sec) =>
        world.load(slot + OFFSET_NSEC, 8, (nsec) => then(`${BigInt.asIntN(64, sec)}s ${nsec}ns`)),
      );
    world.load(slot + SELECTED, 8, (mask) => {
      if (!isSelected(mask)) then("true time");
      else {
        world.load(slot + KIND, 8, (kind) => {
          if (isConstant(kind)) offset();
          else {
            world.load(slot + START, 8, (start) => {
              if (time >= start) offset();
              else shown(time, others, then);
            });
          }
        });
      }
    });
  }

  /** skewed_clock_gettime() and skewed_time(). */
  function skewed(index: bigint, slot: number): void {
    world.load(slot + GENERATION, 8, (generation) =>
      world.load(slot + KIND, 8, (kind) => {
        if (isConstant(kind)) constant(index, slot, generation);
        else profiled(index, slot);
      }),
    );
  }

  function constant(index: bigint, slot: number, generation: bigint): void {
    const settled = (sec: bigint, nsec: bigint) =>
      ifSettled(index, slot, generation, `${BigInt.asIntN(64, sec)}s ${nsec}ns`);
    const both = () =>
      world.load(slot + OFFSET_NSEC, 8, (nsec) =>
        world.load(slot + OFFSET_SEC, 8, (sec) => settled(sec, nsec)),
      );
    world.load(slot + SELECTED, 8, (mask) => {
      if (!isSelected(mask)) again();
      else if (call.function === "clock_gettime") both();
      else {
        // Whole seconds go another way.
        world.load(slot + OFFSET_NSEC, 8, (nsec) => {
          if (nsec === 0n) world.load(slot + OFFSET_SEC, 8, (sec) => settled(sec, 0n));
          else both();
        });
      }
    });
  }
}

/** The low half of that word. */
function isConstant(kind: bigint): boolean {
  return (kind & 0xffff_ffffn) === 0n;
}

/**
 * Everything that a reader may see: each load at each possible moment, the first one at `begin` if that is given. Of
 * the moments at which a load brings the same value, the earliest stands for all: whatever may follow the others may
 * follow it.
 */
export function everythingSeen(
  history: History,
  call: Call,
  begin: number | undefined,
  report: (seen: Seen, end: number) => void,
): void {
  let moment = begin ?? 0;
  let isFirst = begin !== undefined;
  const retried = new Set<number>();
  read(
    {
      load(offset, size, then) {
        const from = moment;
        const to = isFirst ? from : history.end;
        isFirst = false;
        const values = new Set<bigint>();
        for (let at = from; at <= to; at++) {
          const value = history.load(at, offset, size);
          if (values.has(value)) continue;
          values.add(value);
          moment = at;
          then(value);
        }
        moment = from;
      },
      again(retry) {
        if (retried.has(moment)) return;
        retried.add(moment);
        retry();
      },
      done: (seen) => report(seen, moment),
    },
    call,
  );
}

/** What a reader sees whose loads wait for the given numbers of stores, and then for none. */
export function seenBy(
  history: History,
  call: Call,
  waits: readonly number[],
): { seen: Seen; begin: number; end: number } {
  const rest = [...waits];
  let moment = 0;
  let begin: number | undefined;
  let result: Seen | undefined;
  read(
    {
      load(offset, size, then) {
        moment = Math.min(history.end, moment + (rest.shift() ?? 0));
        begin ??= moment;
        then(history.load(moment, offset, size));
      },
      again: (retry) => retry(),
      done: (seen) => {
        result = seen;
      },
    },
    call,
  );
  return { seen: result!, begin: begin!, end: moment };
}
