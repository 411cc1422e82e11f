/**
 * The published schemas (schema/*.json), and stricter ones that are made of them: where the published ones permit keys that
 * they do not know, since new ones may appear at any time, a test must hear of each.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { ErrorObject, ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";

const FOLDER = new URL("../../schema/", import.meta.url);

export type Schema = { readonly [keyword: string]: unknown };

/** Every published file, by its name. */
export const SCHEMAS: ReadonlyMap<string, Schema> = new Map(
  readdirSync(FOLDER)
    .filter((name) => name.endsWith(".json"))
    .map((name) => [name, JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")) as Schema]),
);

/** A function that says whether a document is as a schema has it, and `errors` why not. By the files' names. */
export type Validators = (file: string) => ValidateFunction;

/** As a user reads them, in ajv's strict mode: no keyword that means nothing where it is. */
export const published = lazily(() => validators(SCHEMAS, { strictTypes: true }));

/** The same, but no object may have a key that its schema does not describe. */
export const strict = lazily(() => {
  const schemas = new Map([...SCHEMAS].map(([file, schema]) => [file, closed(schema)] as const));
  // `unevaluatedProperties` stands beside a $ref, where ajv sees no type.
  return validators(schemas, { strictTypes: false });
});

/**
 * What is wrong with a report, strictly; nothing for a good one.
 *
 * @param report as parsed from what `--json` printed
 */
export function problemsOf(report: unknown): string[] {
  const command = (report as { command?: unknown } | null)?.command;
  const file = typeof command === "string" ? `${command}.json` : "report.json";
  if (!SCHEMAS.has(file) || (typeof command === "string" && !isAbout(file, command)))
    return [`there is no schema/${file} of a command`];
  const validate = strict()(file);
  return validate(report) ? [] : causesOf(validate.errors ?? []).map(inWords);
}

/** Some files are only referred to. */
function isAbout(file: string, command: string): boolean {
  const { properties } = SCHEMAS.get(file) as { properties?: { command?: Schema } };
  return properties?.command?.const === command;
}

/** Keywords that complain, too, where another one does: that a branch is not fulfilled, or that its keys are unknown. */
const CONSEQUENCES: readonly string[] = ["if", "anyOf", "unevaluatedProperties"];

/** What is wrong with a part is not told again of the whole. */
function causesOf(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const innermost = errors.filter(
    ({ instancePath: whole }) => !errors.some(({ instancePath }) => instancePath.startsWith(`${whole}/`)),
  );
  const causes = innermost.filter(({ keyword }) => !CONSEQUENCES.includes(keyword));
  return causes.length > 0 ? causes : innermost;
}

function inWords({ instancePath, message, params }: ErrorObject): string {
  return `${instancePath || "/"} ${message} ${JSON.stringify(params)}`;
}

function validators(
  schemas: ReadonlyMap<string, Schema>,
  { strictTypes }: { strictTypes: boolean },
): Validators {
  const ajv = new Ajv2020({
    strict: true,
    strictTypes,
    strictRequired: false, // `required` may stand beside the $ref that describes the key
    allowUnionTypes: true,
    allErrors: true,
  });
  for (const [file, schema] of schemas) ajv.addSchema(schema, file);
  return (file) => ajv.getSchema(file)!;
}

/** By keywords whose value is a schema for the very object that the keyword stands beside, and which it must fulfil. */
const IN_PLACE = ["then", "else"];
const IN_PLACE_LISTS = ["allOf", "anyOf", "oneOf"];
/** For parts of it. `if` and `not` are left as they are: what they ask must stay the same question. */
const PARTS = ["items"];
const NAMED_PARTS = ["properties"];

/** A schema that permits no key that it does not describe, in any object. */
export function closed(schema: Schema): Schema {
  const inside = closedInside(schema);
  const describes = ["$ref", "properties", ...IN_PLACE_LISTS].some((keyword) => keyword in schema);
  if (!describes && [schema.type].flat().includes("object"))
    throw new Error(`an object that nobody describes: ${JSON.stringify(schema)}`);
  return describes ? { ...inside, unevaluatedProperties: false } : inside;
}

/** Its parts closed; itself left open, for whoever refers to it to add keys of his own. */
function closedInside(schema: Schema): Schema {
  const change = (keyword: string, value: unknown): unknown => {
    if (IN_PLACE.includes(keyword)) return closedInside(value as Schema);
    if (IN_PLACE_LISTS.includes(keyword)) return (value as Schema[]).map(closedInside);
    if (PARTS.includes(keyword)) return closed(value as Schema);
    if (NAMED_PARTS.includes(keyword)) return each(value as Record<string, Schema>, closed);
    if (keyword === "$defs") return each(value as Record<string, Schema>, closedInside);
    return value;
  };
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => [keyword, change(keyword, value)]),
  );
}

function each(schemas: Record<string, Schema>, change: (schema: Schema) => Schema): Record<string, Schema> {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, change(schema)]));
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** What is at a path in a file: `part("skew", "$defs/skew/properties")`. */
export function part(file: string, path: string): unknown {
  return path.split("/").reduce((at, key) => (at as Schema)[key], SCHEMAS.get(`${file}.json`) as unknown);
}
