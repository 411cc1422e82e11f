/**
 * What processes hand on, for those who ask again and again: a shell starts a thousand programs, and is looked at once. As
 * long as its parameter pages say the same, so does everything else.
 */
import { TimeskewError } from "../errors.ts";
import type { Address } from "../machine/address.ts";
import { PARAMS, slotOffset } from "../patch/params.ts";
import { equal } from "../patch/scene.ts";
import { readMemory } from "../tracer/native.ts";
import { type Heritage, heritageIn } from "./inherit.ts";
import { inspect } from "./inspect.ts";
import { isSkewed, type SkewedTarget } from "./update.ts";

interface Known {
  readonly params: Address;
  readonly bytes: Uint8Array;
  readonly heritage: Heritage;
}

/** The mark, the index, and the generations of both slots, which no two settings share. */
const TELLING_BYTES = slotOffset(1) + 8;
const MOST = 256;

export class Bequests {
  readonly #known = new Map<number, Known>();

  /** Undefined if the process has nothing to hand on: it is not skewed, cannot be, or has ended. */
  of(pid: number): Heritage | undefined {
    const known = this.#known.get(pid);
    if (known !== undefined && isAsItWas(pid, known)) return known.heritage;
    this.#known.delete(pid);
    try {
      using target = inspect(pid);
      return isSkewed(target) ? this.#noted(target) : undefined;
    } catch (error) {
      if (error instanceof TimeskewError) return undefined;
      throw error;
    }
  }

  /** The process has become another program. */
  forget(pid: number): void {
    this.#known.delete(pid);
  }

  #noted(target: SkewedTarget): Heritage | undefined {
    const { pid } = target.process;
    const heritage = heritageIn(target);
    const params = target.found.mark.params.address;
    const bytes = telling(pid, params);
    // Unless it has changed since it was looked at.
    if (heritage !== undefined && bytes !== undefined && tells(bytes, target)) {
      if (this.#known.size === MOST) this.#known.clear();
      this.#known.set(pid, { params, bytes, heritage });
    }
    return heritage;
  }
}

function isAsItWas(pid: number, { params, bytes }: Known): boolean {
  const now = telling(pid, params);
  return now !== undefined && equal(now, bytes);
}

function telling(pid: number, params: Address): Uint8Array | undefined {
  return readMemory(-1, pid, params, TELLING_BYTES);
}

/** Whether these are the settings that were found. */
function tells(bytes: Uint8Array, { found: { index, settings, idle } }: SkewedTarget): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const generation = (slot: number) => view.getBigUint64(slotOffset(slot), true);
  return (
    (view.getUint8(PARAMS.index) & 1) === index &&
    generation(index) === settings.generation &&
    generation(index ^ 1) === idle.settings.generation
  );
}
