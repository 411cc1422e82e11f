/** Reports as the command line printed them, with lists cut short: files in samples/, and the examples of schema/README.md. */
import { readdirSync, readFileSync } from "node:fs";
import { examples } from "./examples.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Where something is in a document: keys and indexes. */
export type Path = readonly (string | number)[];

const FOLDER = new URL("samples/", import.meta.url);

export const SAMPLES: ReadonlyMap<string, Json> = new Map([
  ...readdirSync(FOLDER).map(
    (name) => [name, JSON.parse(readFileSync(new URL(name, FOLDER), "utf8"))] as const,
  ),
  ...examples().map(({ line, report }) => [line, report as Json] as const),
]);

/** The report of a sample, with something else at a place; undefined: with nothing. */
export function altered(document: Json, path: Path, value: Json | undefined): Json {
  const [key, ...rest] = path;
  if (key === undefined) return value as Json;
  const entries = Object.entries(document as object).flatMap(([name, item]): [string, Json][] => {
    if (name !== String(key)) return [[name, item]];
    return rest.length === 0 && value === undefined ? [] : [[name, altered(item, rest, value)]];
  });
  return Array.isArray(document) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

/** Every value in a document, but the document itself. */
export function* placesIn(document: Json, path: Path = []): Generator<{ path: Path; value: Json }> {
  if (typeof document !== "object" || document === null) return;
  for (const [key, value] of Object.entries(document)) {
    const here = [...path, Array.isArray(document) ? Number(key) : key];
    yield { path: here, value };
    yield* placesIn(value, here);
  }
}

/** What is at a place. */
export function at(document: Json, path: Path): Json {
  return path.reduce<Json>((value, key) => (value as { [key: string]: Json })[key]!, document);
}
