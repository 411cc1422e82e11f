/** The tables of a built program (build-program.ts), as compilers and linkers write them. */

/** A function with a frame description. Offsets are those of the code's first byte. */
export interface BuildFrame {
  readonly at: number;
  readonly size: number;
  /** DW_EH_PE_*; default pcrel | sdata4. */
  readonly encoding?: number;
  /** Default "zR". */
  readonly augmentation?: string;
}

export interface BuildGo {
  readonly magic: number;
  readonly functions: readonly { readonly name: string; readonly at: number }[];
  /** Where the last function ends. */
  readonly end: number;
  /** Who says where the text begins: the table (default), a relocation of its field, or the module's data. */
  readonly text?: "table" | "relocation" | "module" | "relocated module";
}

/** Bytes that grow, field by field. */
export class Writer {
  readonly #parts: Buffer[] = [];
  length = 0;

  bytes(bytes: Uint8Array): this {
    this.#parts.push(Buffer.from(bytes));
    this.length += bytes.length;
    return this;
  }

  u8(...values: number[]): this {
    return this.bytes(Uint8Array.from(values));
  }

  u32(...values: number[]): this {
    return this.bytes(new Uint8Array(Uint32Array.from(values).buffer));
  }

  u64(...values: number[]): this {
    return this.bytes(new Uint8Array(BigUint64Array.from(values, BigInt).buffer));
  }

  text(value: string): this {
    return this.bytes(Buffer.from(`${value}\0`, "latin1"));
  }

  pad(to: number): this {
    return this.bytes(new Uint8Array((to - (this.length % to)) % to));
  }

  done(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** An .eh_frame section, each description with a CIE of its own, and where they are in it. */
export function writeFrames(frames: readonly BuildFrame[], vaddr: number, code: number) {
  const section = new Writer();
  const places: { common: number; frame: number }[] = [];
  for (const { at, size, encoding = 0x1b, augmentation = "zR" } of frames) {
    const common = section.length;
    section.bytes(sized(writeCommon(augmentation, encoding)));
    const frame = section.length;
    const body = new Writer().u32(frame + 4 - common);
    const start = code + at - ((encoding & 0xf0) === 0x10 ? vaddr + frame + 8 : 0);
    if ([3, 11].includes(encoding & 0xf)) body.u32(start, size);
    else body.bytes(new Uint8Array(BigInt64Array.of(BigInt(start), BigInt(size)).buffer));
    section.bytes(sized(body.u8(0)));
    places.push({ common, frame });
  }
  return { section: section.u32(0).done(), places };
}

/** Padded, its length in front. */
function sized(body: Writer): Buffer {
  const padded = body.pad(4);
  return new Writer().u32(padded.length).bytes(padded.done()).done();
}

/** Version 1, factors 1 and -8, return register 16; a personality of 4 bytes, which nobody calls. */
function writeCommon(augmentation: string, encoding: number): Writer {
  const data = [...augmentation].flatMap((letter) => {
    if (letter === "R") return [encoding];
    if (letter === "P") return [0x9b, 1, 2, 3, 4];
    return letter === "L" ? [0x1b] : [];
  });
  const body = new Writer().u32(0).u8(1).text(augmentation).u8(1, 0x78, 16);
  return augmentation.startsWith("z") ? body.u8(data.length, ...data) : body;
}

/** One bucket, one chain. */
export function sysvHash(count: number): Buffer {
  return new Writer().u32(1, count + 1, 0, ...new Array<number>(count + 1).fill(0)).done();
}

/** Two buckets, of which one is empty; no bloom filter; the last link ends the chain. */
export function gnuHash(count: number): Buffer {
  const links = Array.from({ length: count }, (_, index) => 2 * index + Number(index === count - 1));
  return new Writer().u32(2, 1, 0, 6, 0, 1, ...links).done();
}

/** A table of any Go release: header, names, then entries and descriptions. */
export function writeGoTable({ magic, functions, end }: BuildGo, code: number, text: number): Buffer {
  const names = new Writer().u8(0);
  const nameAt = functions.map(({ name }) => {
    const at = names.length;
    names.text(name);
    return at;
  });
  names.pad(8);
  const fields = { 4294967291: 16, 4294967290: 64 }[magic] ?? 72;
  const narrow = fields === 72;
  const starts = functions.map(({ at }) => (narrow ? at : code + at));
  const last = narrow ? end : code + end;
  // Of Go 1.2, entries follow the header, and every offset is the table's.
  const old = fields === 16;
  const width = narrow ? 4 : 8;
  const entriesSize = (2 * functions.length + 1) * width;
  const offset = (index: number) => (old ? fields : 0) + entriesSize + index * (width + 4);
  const namesBase = fields + entriesSize + functions.length * (width + 4);
  const entries = new Writer();
  const put = (value: number) => (narrow ? entries.u32(value) : entries.u64(value));
  starts.forEach((start, index) => {
    put(start);
    put(offset(index));
  });
  put(last);
  starts.forEach((start, index) => {
    put(start).u32((old ? namesBase : 0) + nameAt[index]!);
  });
  const header = new Writer().u32(magic).u8(0, 0, 1, 8).u64(functions.length);
  if (old) return header.bytes(entries.done()).bytes(names.done()).done();
  const entriesAt = fields + names.length;
  if (narrow) header.u64(0, text, fields, 0, 0, 0, entriesAt);
  else header.u64(0, fields, 0, 0, 0, entriesAt);
  return header.bytes(names.done()).bytes(entries.done()).done();
}
