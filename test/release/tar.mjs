/** Reads the tarballs that `npm pack` makes, to compare them. */
import { gunzipSync } from "node:zlib";

const BLOCK = 512;

/**
 * @typedef {object} Entry
 * @property {string} path
 * @property {string} type "0" for a file
 * @property {number} mode
 * @property {string} owner "0:0", and the names, if there are any
 * @property {number} mtime seconds since 1970
 * @property {Buffer} data
 */

/** Text up to the first zero. @param {Buffer} field */
function text(field) {
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? field.length : end).toString();
}

/** @param {Buffer} field */
function octal(field) {
  return Number.parseInt(text(field).trim() || "0", 8);
}

/** "27 path=package/a-long-name\n": its length, a key, a value. @param {Buffer} records */
function extended(records) {
  const values = new Map();
  for (let at = 0; at < records.length; ) {
    const length = Number.parseInt(records.subarray(at).toString("latin1"), 10);
    const record = records.subarray(at, at + length - 1).toString();
    const [, key, value] = /^\d+ ([^=]*)=(.*)$/s.exec(record) ?? [];
    if (key === undefined) throw new Error(`not an extended header: ${record}`);
    values.set(key, value);
    at += length;
  }
  return values;
}

/**
 * The entries of a .tgz, in their order.
 *
 * @param {Buffer} tgz
 * @returns {Entry[]}
 */
export function entriesOf(tgz) {
  const tar = gunzipSync(tgz);
  const entries = [];
  let more = new Map();
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const header = tar.subarray(at, at + BLOCK);
    if (!text(header.subarray(257, 263)).startsWith("ustar"))
      throw new Error(`no header at byte ${at} of the tar`);
    const size = Number(more.get("size") ?? octal(header.subarray(124, 136)));
    const type = String.fromCharCode(header[156] || 48);
    const data = tar.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if (type === "x") {
      more = extended(data);
      continue;
    }
    const prefix = text(header.subarray(345, 500));
    const name = text(header.subarray(0, 100));
    entries.push({
      path: more.get("path") ?? (prefix ? `${prefix}/${name}` : name),
      type,
      mode: octal(header.subarray(100, 108)),
      owner: [octal(header.subarray(108, 116)), octal(header.subarray(116, 124))].join(":") + names(header),
      mtime: Number(more.get("mtime") ?? octal(header.subarray(136, 148))),
      data,
    });
    more = new Map();
  }
  return entries;
}

/** @param {Buffer} header */
function names(header) {
  const [user, group] = [text(header.subarray(265, 297)), text(header.subarray(297, 329))];
  return user || group ? ` ${user}:${group}` : "";
}
