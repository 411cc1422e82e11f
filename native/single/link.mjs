/**
 * Puts Node and our start-up code (start.c, with all that is embedded) into one executable:
 *
 *     Node's file │ gap │ the start-up code's file
 *
 * Of Node's own bytes these are changed, and no others:
 *
 * - the ELF header: where the program begins (e_entry: `start`), where the table of segments is (e_phoff, e_phnum: in the
 *   start-up code's writable segment, which begins with it), since it gets longer;
 * - the fuse: "…:0" becomes "…:1", by which Node knows that it has a program in it.
 *
 * In the new table are Node's segments, in their order, with the start-up code's behind the last that is loaded. What names
 * the dynamic linker (PT_INTERP) has a type that the kernel does not know, so that it begins with us.
 *
 * The layouts are those of elf(5), all little-endian.
 */

const DT_NULL = 0n;
const DT_NEEDED = 1n;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const PT_NOTE = 4;
const PT_PHDR = 6;
/** start.c has the same. */
const PT_HIDDEN_INTERP = 0x6f746e69;
const HEADERS = 32;
const LIBRARIES = 4;

const ET_EXEC = 2;
const E_TYPE = 16;
const E_ENTRY = 24;
const E_PHOFF = 32;
const E_PHNUM = 56;
const HEADER_BYTES = 56;
const DYNAMIC_BYTES = 16;

/** The largest page of any kernel: a segment's place in the file and in memory differ by a multiple of it. */
const ALIGNMENT = 0x10000n;

const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:";

/** @typedef {{type: number, flags: number, offset: bigint, address: bigint, inFile: bigint, inMemory: bigint, align: bigint}} Segment */

/** @returns {Segment[]} */
export function readSegments(file) {
  const at = Number(file.readBigUInt64LE(E_PHOFF));
  return Array.from({ length: file.readUInt16LE(E_PHNUM) }, (_, i) => {
    const row = file.subarray(at + i * HEADER_BYTES, at + (i + 1) * HEADER_BYTES);
    const [offset, address, , inFile, inMemory, align] = [8, 16, 24, 32, 40, 48].map((field) =>
      row.readBigUInt64LE(field),
    );
    return {
      type: row.readUInt32LE(0),
      flags: row.readUInt32LE(4),
      offset,
      address,
      inFile,
      inMemory,
      align,
    };
  });
}

function writeSegments(segments, file, at) {
  segments.forEach(({ type, flags, offset, address, inFile, inMemory, align }, i) => {
    const row = file.subarray(at + i * HEADER_BYTES, at + (i + 1) * HEADER_BYTES);
    row.writeUInt32LE(type, 0);
    row.writeUInt32LE(flags, 4);
    [offset, address, address, inFile, inMemory, align].forEach((value, field) => {
      row.writeBigUInt64LE(value, 8 + 8 * field);
    });
  });
}

const up = (value) => (value + ALIGNMENT - 1n) & ~(ALIGNMENT - 1n);

/** Where the start-up code is to be linked for: behind all that Node has in memory. */
export function firstFreeAddress(node) {
  const ends = readSegments(node).map(({ address, inMemory }) => address + inMemory);
  return up(ends.reduce((a, b) => (a > b ? a : b)));
}

/**
 * @param {Buffer} node the executable, which is left as it is
 * @param {Buffer} start the start-up code, linked for firstFreeAddress(node)
 * @returns {Buffer} the single binary
 * @throws Error if this Node is not built as those are that we know
 */
export function link(node, start) {
  const segments = readSegments(node);
  check(node, segments);
  const begins = up(BigInt(node.length));
  const file = Buffer.concat([node, Buffer.alloc(Number(begins) - node.length), start]);
  const ours = readSegments(start).map((each) => ({ ...each, offset: each.offset + begins }));
  const given = ours.findLast(({ type }) => type === PT_LOAD);
  const table = merge(segments, ours, given);
  writeGiven(file.subarray(Number(given.offset)), table, node.readBigUInt64LE(E_ENTRY));
  file.writeBigUInt64LE(start.readBigUInt64LE(E_ENTRY), E_ENTRY);
  file.writeBigUInt64LE(given.offset, E_PHOFF);
  file.writeUInt16LE(table.length, E_PHNUM);
  burnFuse(file.subarray(0, node.length));
  return file;
}

function check(node, segments) {
  if (node.readUInt16LE(E_TYPE) !== ET_EXEC) throw new Error("this Node is not linked for a fixed address");
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  const rows = Array.from({ length: Number(dynamic.inFile) / DYNAMIC_BYTES }, (_, i) =>
    node.readBigUInt64LE(Number(dynamic.offset) + i * DYNAMIC_BYTES),
  );
  // The last one says that there are no more.
  const free = rows.filter((tag) => tag === DT_NULL).length - 1;
  const begins = rows.slice(0, LIBRARIES).every((tag) => tag === DT_NEEDED);
  if (!begins || free < LIBRARIES) throw new Error("this Node's list of libraries has no room for ours");
}

/** `given` is the segment that begins with the table. */
function merge(segments, ours, given) {
  const last = segments.findLastIndex(({ type }) => type === PT_LOAD);
  const loads = ours.filter(({ type }) => type === PT_LOAD);
  const notes = ours.filter(({ type }) => type === PT_NOTE);
  const table = [...segments.slice(0, last + 1), ...loads, ...notes, ...segments.slice(last + 1)];
  if (table.length > HEADERS) throw new Error(`${table.length} segments are too many`);
  const size = BigInt(table.length * HEADER_BYTES);
  const place = { offset: given.offset, address: given.address, inFile: size, inMemory: size };
  return table.map((each) => {
    if (each.type === PT_PHDR) return { ...each, ...place };
    return each.type === PT_INTERP ? { ...each, type: PT_HIDDEN_INTERP } : each;
  });
}

/** `given`, in start.c. */
function writeGiven(at, table, entry) {
  writeSegments(table, at, 0);
  at.writeBigUInt64LE(BigInt(table.length), HEADERS * HEADER_BYTES);
  at.writeBigUInt64LE(entry, HEADERS * HEADER_BYTES + 8);
}

function burnFuse(node) {
  const at = node.indexOf(`${FUSE}0`);
  if (at < 0 || node.indexOf(FUSE, at + 1) >= 0) throw new Error("this Node cannot have a program in it");
  node.write("1", at + FUSE.length);
}
