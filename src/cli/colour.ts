/**
 * Whether a stream gets colour, and the few styles in use. chalk paints, but is loaded only once colour is
 * wanted; what it would detect by itself is decided here, per stream.
 */
import type { OutputStream } from "./world.ts";

type Style = (text: string) => string;

export interface Painter {
  readonly bold: Style;
  readonly dim: Style;
  readonly red: Style;
  readonly green: Style;
  readonly yellow: Style;
}

const plain: Style = (text) => text;
export const PLAIN: Painter = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain };

/** --no-color, then FORCE_COLOR, then NO_COLOR, then TERM=dumb, then whether the stream is a terminal. */
export function wantsColour(
  stream: OutputStream,
  env: Readonly<Record<string, string | undefined>>,
  flag = true,
): boolean {
  if (!flag) return false;
  const forced = env.FORCE_COLOR;
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  // no-color.org: any value but the empty one.
  if (env.NO_COLOR) return false;
  if (env.TERM === "dumb") return false;
  return stream.isTTY === true;
}

export async function createPainter(colour: boolean): Promise<Painter> {
  if (!colour) return PLAIN;
  const { Chalk } = await import("chalk");
  return new Chalk({ level: 1 });
}
