/**
 * Inputs as text and back: JSON in which bigints and bytes (deflated, in Base64) have a form of their own. What a
 * failure prints, `--replay` reads.
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";

export function literal(input: unknown): string {
  return JSON.stringify(input, (_, value: unknown) => {
    if (typeof value === "bigint") return { $bigint: value.toString() };
    if (value instanceof Uint8Array) return { $bytes: deflateRawSync(value).toString("base64") };
    return value;
  });
}

export function fromLiteral(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    if ("$bigint" in value) return BigInt(String(value.$bigint));
    if ("$bytes" in value)
      return Uint8Array.from(inflateRawSync(Buffer.from(String(value.$bytes), "base64")));
    return value;
  });
}
