/**
 * Brings settings of several processes into force that begin at one and the same moment. Each is written before any is
 * brought into force: so a machine that does not let us run in between delays all of them, and parts none.
 */
import { TimeskewError } from "../errors.ts";
import type { Settings } from "../patch/params.ts";
import { planFill, planFlip } from "../patch/update.ts";
import type { TrueReadings } from "../skew/clock.ts";
import type { Start } from "../skew/profile.ts";
import { writeLive } from "../tracer/execute.ts";
import { HANDOVER, nextGeneration, type Place, type ProfileSettings, untilBegin } from "./begin.ts";

/** What bringing one of them into force takes at the most, with room for a busy machine, ns. */
const EACH = 1_000_000n;
/** What must be left when all is written: for all, and for each index that is flipped then. */
const ENOUGH = 10_000_000n;
const FLIP = 500_000n;
const MOST_ATTEMPTS = 10;

/** A place whose idle slot may be written to, and the last generation that was used there. */
export type Free = Place & { readonly last: bigint };

export interface Party {
  readonly place: Free;
  /** @param due what the host's clocks read when it begins */
  settingsAt(due: Start): ProfileSettings;
}

export interface Placed {
  readonly settings: ProfileSettings & Settings;
  /** Where it is in force. */
  readonly place: Free;
  /** By how many ns it came too late. */
  readonly late: bigint | undefined;
}

/**
 * @param due when it is to begin, on the host's clocks, if all is written `margin` (ns) from now; later for a larger one
 * @param now the host's clocks
 * @returns when that is, and what became of each party
 */
export function bringTogether<P extends Party>(
  parties: readonly P[],
  due: (margin: bigint) => Start,
  now: () => TrueReadings,
): { due: Start; outcomes: Map<P, Placed | TimeskewError> } {
  const outcomes = new Map<P, Placed | TimeskewError>();
  const generations = new Map(parties.map((party) => [party, party.place.last]));
  const count = BigInt(parties.length);
  for (let attempt = 1, margin = HANDOVER + count * EACH; ; attempt++, margin *= 2n) {
    const moment = due(margin);
    const filled = parties.flatMap((party) => {
      if (outcomes.has(party)) return [];
      const generation = nextGeneration(generations.get(party)!);
      generations.set(party, generation);
      const settings = { ...party.settingsAt(moment), generation };
      const { process, params, index } = party.place;
      const failed = failure(() => writeLive(process, planFill(params, index, settings)));
      if (failed !== undefined) outcomes.set(party, failed);
      return failed === undefined ? [{ party, settings }] : [];
    });
    const isTight = moment.monotonic - now().monotonic < ENOUGH + count * FLIP;
    const canWait = attempt < MOST_ATTEMPTS && due(2n * margin).monotonic > moment.monotonic;
    if (isTight && canWait) continue;
    for (const { party, settings } of filled) outcomes.set(party, flip(party, settings));
    return { due: moment, outcomes };
  }
}

function flip({ place }: Party, settings: ProfileSettings & Settings): Placed | TimeskewError {
  const failed = failure(() => writeLive(place.process, [planFlip(place.params, place.index)]));
  if (failed !== undefined) return failed;
  const left = untilBegin(settings, place.now());
  return {
    settings,
    place: { ...place, index: place.index ^ 1, last: settings.generation },
    late: left < 0n ? -left : undefined,
  };
}

/** One party's failure is no reason to keep the others waiting. */
export function failure(act: () => void): TimeskewError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof TimeskewError) return error;
    throw error;
  }
}
