/**
 * The JSON report: one object, the same outline for every command, on success and on failure. Nanoseconds
 * are decimal strings, addresses 0x… strings, and what is absent is null.
 */
import type { TimeskewError } from "../errors.ts";
import type { Outcome } from "./command.ts";
import { errorAsJson } from "./report/error.ts";
import { escapeJson } from "./report/escape.ts";

/** Raised when a key changes its meaning or goes away; new keys may appear at any time. */
export const SCHEMA_VERSION = 1;

export function jsonReport(command: string, outcome: Outcome): string {
  const { targets, extra, error } = outcome;
  const head = { schemaVersion: SCHEMA_VERSION, command: command || null, ok: error === undefined };
  const report = { ...head, ...(error && { error: errorAsJson(error) }), ...extra, targets };
  return escapeJson(JSON.stringify(plain(report)));
}

/** The report of a command that failed as a whole, before or beside its targets. */
export function jsonFailure(command: string, error: TimeskewError): string {
  return jsonReport(command, { targets: [], error });
}

/** Values that JSON has no type for. Addresses are strings already (Engine.planAsJson). */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
