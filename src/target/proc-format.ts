/**
 * What the /proc parsers share: the error for text that no kernel writes, and checked numbers.
 */
import { TimeskewError } from "../errors.ts";

/** Enough of a line to recognise it, and not so much that a message drowns in it. */
const EXCERPT = 120;

/**
 * The error for a file that does not look as the kernel writes it. The file was cut off, or timeskew knows
 * the format too little; either way the fault is ours.
 *
 * @param file as the message shall name it, e.g. "/proc/PID/maps"
 */
export function formatError(file: string, expected: string, text: string): TimeskewError {
  const excerpt = text.length > EXCERPT ? `${text.slice(0, EXCERPT)}…` : text;
  return new TimeskewError("E_INTERNAL", `${file}: expected ${expected}, found ${JSON.stringify(excerpt)}`);
}

/** Non-empty lines. Only "\n" ends one: file names may contain every other separator. */
export function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/**
 * A decimal integer that a JS number holds exactly.
 *
 * @throws TimeskewError E_INTERNAL
 */
export function integer(text: string | undefined, file: string, field: string): number {
  const value = text !== undefined && /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw formatError(file, `${field} as an integer`, text ?? "");
  return value;
}

/**
 * A decimal unsigned 64-bit integer.
 *
 * @throws TimeskewError E_INTERNAL
 */
export function unsigned64(text: string | undefined, file: string, field: string): bigint {
  const value = text !== undefined && /^\d{1,20}$/.test(text) ? BigInt(text) : -1n;
  if (value < 0n || value >= 1n << 64n)
    throw formatError(file, `${field} as an unsigned integer`, text ?? "");
  return value;
}
