/**
 * The mark: the record at the start of the parameter pages that says what was done to a target and how to undo it.
 * It is the only memory that timeskew has. A forked child carries it along; whoever finds it can recover.
 *
 * It lies in the target's memory, so whoever controls the target controls it: `decodeMark` believes nothing that the
 * vDSO, the mappings and the checksum do not bear out.
 */
import { type Address, address } from "../machine/address.ts";
import { MAX_ISLAND } from "./island.ts";
import { FUNCTIONS, type FunctionName } from "./payload.ts";

/** One rewritten word of the vDSO. */
export interface Site {
  function: FunctionName;
  /** Of an aligned word of 8 bytes. */
  address: Address;
  original: Uint8Array;
  patched: Uint8Array;
}

/** "armed": jumps lead, or may lead, to the payload. "restored": the vDSO is as it was; only stragglers remain. */
export type MarkState = "armed" | "restored";

export interface Mark {
  state: MarkState;
  code: { address: Address; size: number };
  params: { address: Address; size: number };
  vdso: { address: Address; size: number };
  sites: Site[];
  /** Where the islands are, or will be: each says by itself whether it is there (island.ts). */
  islands: Place[];
  /** Those that came later (extend.ts), each in its word. */
  added: (Place | undefined)[];
}

export interface Place {
  readonly address: Address;
  /** In bytes; whole pages. */
  readonly size: number;
}

/** "TIMESKEW" */
export const MARK_MAGIC = 0x57454b53454d4954n;
export const MARK_VERSION = 5;
export const WORD = 8;
const PAGE = 4096n;

const STATES: readonly MarkState[] = ["armed", "restored"];
const MAX_SITES = 8;
export const MAX_ISLANDS = 8;
/** Sizes beyond it could not be told apart as JS numbers; the caller knows what is right for its payload. */
const MAX_SIZE = 1n << 31n;
const HEAD_BYTES = 72;
const SITE_BYTES = 32;
const ISLANDS_OFFSET = HEAD_BYTES + MAX_SITES * SITE_BYTES;
const ISLAND_BYTES = 16;
/** Words, each replaced by one write, so the checksum leaves them out: the address of an island, plus its pages. */
export const ADDED_OFFSET = ISLANDS_OFFSET + 8 + MAX_ISLANDS * ISLAND_BYTES;
export const MAX_ADDED = 8;
export const MARK_BYTES = ADDED_OFFSET + MAX_ADDED * WORD;
/** Offset of the state, which is rewritten alone. */
export const MARK_STATE_OFFSET = 12;
const CHECKSUM_OFFSET = 68;

export function encodeMarkState(state: MarkState): Uint8Array {
  return Uint8Array.of(STATES.indexOf(state) + 1, 0, 0, 0);
}

export function encodeMark(mark: Mark): Uint8Array {
  const bytes = new Uint8Array(MARK_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, MARK_MAGIC, true);
  view.setUint32(8, MARK_VERSION, true);
  [mark.code, mark.params, mark.vdso].forEach((range, i) => {
    view.setBigUint64(16 + 16 * i, range.address, true);
    view.setBigUint64(24 + 16 * i, BigInt(range.size), true);
  });
  view.setUint32(64, mark.sites.length, true);
  mark.sites.forEach((site, i) => {
    const at = HEAD_BYTES + i * SITE_BYTES;
    view.setBigUint64(at, site.address, true);
    bytes.set(site.original, at + 8);
    bytes.set(site.patched, at + 16);
    view.setUint32(at + 24, FUNCTIONS.indexOf(site.function), true);
  });
  view.setUint32(ISLANDS_OFFSET, mark.islands.length, true);
  mark.islands.forEach((island, i) => {
    const at = ISLANDS_OFFSET + 8 + i * ISLAND_BYTES;
    view.setBigUint64(at, island.address, true);
    view.setBigUint64(at + 8, BigInt(island.size), true);
  });
  mark.added.forEach((place, i) => {
    bytes.set(encodePlace(place), ADDED_OFFSET + i * WORD);
  });
  view.setUint32(CHECKSUM_OFFSET, checksum(bytes.subarray(0, ADDED_OFFSET)), true);
  bytes.set(encodeMarkState(mark.state), MARK_STATE_OFFSET);
  return bytes;
}

/**
 * @param bytes MARK_BYTES from the start of the parameter pages
 * @param vdso the target's vDSO mapping, as /proc/PID/maps has it
 * @returns the reason why these bytes are no mark of this version, as a sentence's end, or the mark
 */
export function decodeMark(bytes: Uint8Array, vdso: { start: Address; end: Address }): Mark | string {
  if (bytes.length < MARK_BYTES) return "is cut short";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getBigUint64(0, true) !== MARK_MAGIC) return "has no magic number";
  const version = view.getUint32(8, true);
  if (version !== MARK_VERSION) return `has version ${version}, this timeskew knows ${MARK_VERSION}`;
  const state = STATES[view.getUint32(MARK_STATE_OFFSET, true) - 1];
  if (state === undefined) return "has an unknown state";
  const plain = bytes.slice(0, ADDED_OFFSET);
  plain.fill(0, MARK_STATE_OFFSET, MARK_STATE_OFFSET + 4);
  plain.fill(0, CHECKSUM_OFFSET, CHECKSUM_OFFSET + 4);
  if (checksum(plain) !== view.getUint32(CHECKSUM_OFFSET, true)) return "fails its checksum";
  const sizes = [0, 1, 2].map((i) => view.getBigUint64(24 + 16 * i, true));
  const [code, params, image] = sizes.map((size, i) => ({
    address: address(view.getBigUint64(16 + 16 * i, true)),
    size: Number(size),
  })) as [Mark["code"], Mark["params"], Mark["vdso"]];
  if (image.address !== vdso.start || sizes[2] !== vdso.end - vdso.start) return "is of another vDSO";
  if (sizes.some((size) => size > MAX_SIZE)) return "has pages of an impossible size";
  if (params.address !== code.address + BigInt(code.size)) return "has its pages apart";
  const count = view.getUint32(64, true);
  if (count > MAX_SITES) return `counts ${count} sites`;
  const sites: Site[] = [];
  for (let i = 0; i < count; i++) {
    const at = HEAD_BYTES + i * SITE_BYTES;
    const site = address(view.getBigUint64(at, true));
    const name = FUNCTIONS[view.getUint32(at + 24, true)];
    if (name === undefined || site % 8n !== 0n || site < vdso.start || site + 8n > vdso.end) {
      return "has a site outside the vDSO";
    }
    sites.push({
      function: name,
      address: site,
      original: bytes.slice(at + 8, at + 16),
      patched: bytes.slice(at + 16, at + 24),
    });
  }
  const islands = readIslands(view);
  if (typeof islands === "string") return islands;
  const added = readAdded(view);
  if (typeof added === "string") return added;
  return { state, code, params, vdso: image, sites, islands, added };
}

function readIslands(view: DataView): Mark["islands"] | string {
  const count = view.getUint32(ISLANDS_OFFSET, true);
  if (count > MAX_ISLANDS) return `counts ${count} islands`;
  const islands: Mark["islands"] = [];
  for (let i = 0; i < count; i++) {
    const at = ISLANDS_OFFSET + 8 + i * ISLAND_BYTES;
    const start = view.getBigUint64(at, true);
    const size = view.getBigUint64(at + 8, true);
    if (start % PAGE !== 0n || size % PAGE !== 0n || size === 0n || size > BigInt(MAX_ISLAND)) {
      return "has an island of an impossible size";
    }
    islands.push({ address: address(start), size: Number(size) });
  }
  return islands;
}

function readAdded(view: DataView): Mark["added"] | string {
  const added: Mark["added"] = [];
  for (let i = 0; i < MAX_ADDED; i++) {
    const word = view.getBigUint64(ADDED_OFFSET + i * WORD, true);
    const pages = word % PAGE;
    if (word !== 0n && (pages === 0n || pages * PAGE > BigInt(MAX_ISLAND))) {
      return "has an island of an impossible size";
    }
    added.push(word === 0n ? undefined : { address: address(word - pages), size: Number(pages * PAGE) });
  }
  return added;
}

/** The word that names an island that came later, or none. */
export function encodePlace(place: Place | undefined): Uint8Array {
  const word = place === undefined ? 0n : place.address + BigInt(place.size) / PAGE;
  return new Uint8Array(BigUint64Array.of(word).buffer);
}

/** FNV-1a, 32 bits: against accidents, not against forgery. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
