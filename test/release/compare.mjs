/** What two files that ought to be the same differ in, in words. */
import { entriesOf } from "./tar.mjs";

/** So many differences are told one by one. */
const MOST = 20;
/** Bytes shown around the first one that differs. */
const BEFORE = 8;
const SHOWN = 24;

/**
 * @param {string} name by which it is known what is in them
 * @param {Buffer} first
 * @param {Buffer} second
 * @returns {string[]} none for the same bytes
 */
export function differences(name, first, second) {
  if (first.equals(second)) return [];
  const told = name.endsWith(".tgz") ? tarballs(first, second) : bytes(first, second);
  if (told.length <= MOST) return told;
  return [...told.slice(0, MOST), `… and ${told.length - MOST} more differences`];
}

/**
 * @param {Buffer} first
 * @param {Buffer} second
 */
function tarballs(first, second) {
  const [ones, others] = [entriesOf(first), entriesOf(second)];
  const byPath = new Map(others.map((entry) => [entry.path, entry]));
  const paths = new Set(ones.map(({ path }) => path));
  const told = [
    ...ones.filter(({ path }) => !byPath.has(path)).map(({ path }) => `${path}: only in the first`),
    ...others.filter(({ path }) => !paths.has(path)).map(({ path }) => `${path}: only in the second`),
    ...ones.flatMap((one) => {
      const other = byPath.get(one.path);
      return other === undefined ? [] : entries(one, other).map((words) => `${one.path}: ${words}`);
    }),
  ];
  if (told.length > 0) return told;
  const sameOrder = ones.every(({ path }, i) => path === others[i]?.path);
  return [sameOrder ? "the same files, compressed or headed otherwise" : "the same files, in another order"];
}

/**
 * @param {import("./tar.mjs").Entry} one
 * @param {import("./tar.mjs").Entry} other
 */
function entries(one, other) {
  const octal = (/** @type {number} */ mode) => mode.toString(8);
  const date = (/** @type {number} */ mtime) => new Date(mtime * 1000).toISOString();
  return [
    ...(one.type === other.type ? [] : [`type ${one.type}, then ${other.type}`]),
    ...(one.mode === other.mode ? [] : [`mode ${octal(one.mode)}, then ${octal(other.mode)}`]),
    ...(one.owner === other.owner ? [] : [`owner ${one.owner}, then ${other.owner}`]),
    ...(one.mtime === other.mtime ? [] : [`time ${date(one.mtime)}, then ${date(other.mtime)}`]),
    ...bytes(one.data, other.data),
  ];
}

/**
 * @param {Buffer} one
 * @param {Buffer} other
 */
function bytes(one, other) {
  if (one.equals(other)) return [];
  const at = one.findIndex((byte, i) => byte !== other[i]);
  const first = at < 0 ? one.length : at; // the one is the beginning of the other
  const sizes = one.length === other.length ? [] : [`${one.length} bytes, then ${other.length}`];
  const line = one.subarray(0, first).toString("latin1").split("\n").length;
  const show = (/** @type {Buffer} */ data) =>
    printable(data.subarray(Math.max(0, first - BEFORE), first + SHOWN));
  return [...sizes, `differs from byte ${first} (line ${line}) on: ${show(one)}, then ${show(other)}`];
}

/** Text as text, anything else in hexadecimal. @param {Buffer} data */
function printable(data) {
  const shown = data.toString("latin1");
  return /^[\t\n\x20-\x7e]*$/.test(shown) ? JSON.stringify(shown) : data.toString("hex");
}
