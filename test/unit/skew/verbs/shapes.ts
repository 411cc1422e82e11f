import { parseInstant } from "../../../../src/skew/instant.ts";
import type { Profile } from "../../../../src/skew/profile.ts";
import { parseVerbs, type Shape, shapeOf, type VerbTexts } from "../../../../src/skew/verbs.ts";

/** The true time at which all of them begin. */
export const NOW = parseInstant("2026-11-21T14:00:00Z");

/** Of verbs that make a profile. */
export function shape(texts: VerbTexts, offset = 0n): Shape & { profile: Profile } {
  const { base, profile } = shapeOf(parseVerbs(texts), { realtime: NOW, offset });
  if (profile === undefined) throw new Error("a constant");
  return { base, profile };
}
