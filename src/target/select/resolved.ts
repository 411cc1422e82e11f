/** What a single selector comes to. */
import type { Selected } from "../select.ts";

export interface Resolved {
  readonly selected: Selected;
  /** The flags that mean the same again. */
  readonly flags: readonly string[];
  readonly lasts: boolean;
  /** A pid that was named: listed whatever it is. */
  readonly named?: number;
  /** Those that belong to it now, in any order; no zombies. */
  members(): Iterable<number>;
}
