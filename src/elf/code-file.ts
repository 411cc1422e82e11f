/** The tables of a file, put together: which of them is believed says functions.ts. */
import type { DynamicTable } from "./dynamic.ts";
import { FrameTable } from "./eh-frame.ts";
import { type Bounds, type ElfFile, SEGMENT } from "./file.ts";
import type { CodeSegment, FunctionRange, GappedImage } from "./functions.ts";
import { GoFunctions } from "./gopclntab.ts";
import { type Program, readDynamicSymbols, readStaticSymbols } from "./program.ts";
import { readSections, type Section } from "./sections.ts";
import type { SymbolTable } from "./symtab.ts";

const FRAME_SECTION = ".eh_frame";

export class CodeFile implements GappedImage {
  readonly machine: string;
  readonly fixed: boolean;
  readonly dynamic: boolean;
  readonly code: readonly CodeSegment[];
  readonly #file: ElfFile;
  readonly #sections: () => readonly Section[];
  readonly #go: () => GoFunctions | undefined;
  readonly #frames: () => FrameTable | undefined;
  readonly #symbols: () => SymbolTable | undefined;
  readonly #exports: () => SymbolTable | undefined;

  constructor(file: ElfFile, dynamic: DynamicTable) {
    this.#file = file;
    this.machine = file.machine;
    this.fixed = file.fixed;
    this.dynamic = dynamic.has("DT_NEEDED") || file.segments.some(({ type }) => type === SEGMENT.interpreter);
    this.code = file.loads
      .filter(({ executable }) => executable)
      .map(({ vaddr, offset, size }) => ({ vaddr, offset, size }));
    this.#sections = once(() => readSections(file));
    const program = (): Program => ({ file, dynamic, sections: this.#sections() });
    this.#go = once(() => GoFunctions.read(program()));
    this.#frames = once(() => this.#readFrames());
    this.#symbols = once(() => readStaticSymbols(program()));
    this.#exports = once(() => readDynamicSymbols(program()));
  }

  get go(): boolean {
    return this.#go() !== undefined;
  }

  functionAt(vaddr: number): FunctionRange | undefined {
    const segment = this.#segmentAt(vaddr);
    if (segment === undefined) return undefined;
    const end = segment.vaddr + segment.size;
    for (const found of this.#candidates(vaddr)) {
      if (found && found.start >= segment.vaddr && found.end <= end) return found;
    }
    return undefined;
  }

  gapAt(vaddr: number): Bounds | undefined {
    const segment = this.#segmentAt(vaddr);
    if (segment === undefined || this.functionAt(vaddr) !== undefined) return undefined;
    const { entry } = this.#file;
    const section = this.#sectionAt(vaddr);
    // Some linkers put constants into the same segment.
    if (section === undefined && this.#sections().some(({ executable }) => executable)) return undefined;
    let start = Math.max(section?.vaddr ?? 0, entry <= vaddr ? entry : 0);
    let end = Math.min(segment.vaddr + segment.size, section ? section.vaddr + section.size : Infinity);
    for (const table of [this.#go(), this.#frames(), this.#symbols(), this.#exports()]) {
      if (table === undefined) continue;
      const free = table.around(vaddr);
      if (free === undefined) return undefined;
      start = Math.max(start, free.start);
      end = Math.min(end, free.end);
    }
    return start >= segment.vaddr ? { start, end } : undefined;
  }

  bytes(vaddr: number, length: number): Uint8Array | undefined {
    return this.#segmentAt(vaddr) && this.#file.at(vaddr, length);
  }

  #segmentAt(vaddr: number): CodeSegment | undefined {
    return this.code.find((segment) => vaddr >= segment.vaddr && vaddr < segment.vaddr + segment.size);
  }

  /** The section of code at an address; undefined where there is none, or the file does not tell. */
  #sectionAt(vaddr: number): Section | undefined {
    return this.#sections().find(
      (each) => each.executable && vaddr >= each.vaddr && vaddr < each.vaddr + each.size,
    );
  }

  #readFrames(): FrameTable | undefined {
    const header = this.#file.segments.find(({ type }) => type === SEGMENT.ehFrameHeader);
    const table = header && FrameTable.fromHeader(this.#file, header);
    if (table !== undefined) return table;
    const section = this.#sections().find(({ name }) => name === FRAME_SECTION);
    return section && FrameTable.fromSection(this.#file, section);
  }

  /** What the tables say, one after the other. */
  *#candidates(vaddr: number): Generator<FunctionRange | undefined> {
    yield this.#goFunctionAt(vaddr);
    yield this.#symbolic(this.#frames()?.find(vaddr));
    const symbol = this.#symbols()?.find(vaddr);
    if (symbol?.sized) yield this.#symbolic(symbol);
    const exported = this.#exports()?.find(vaddr);
    if (exported?.sized) yield this.#symbolic(exported);
    if (symbol && !symbol.sized) yield this.#symbolic(this.#clipped(symbol, vaddr));
  }

  #goFunctionAt(vaddr: number): FunctionRange | undefined {
    const table = this.#go();
    const found = table?.find(vaddr);
    return found && named(found, () => table?.name(found.description));
  }

  #symbolic(bounds: Bounds | undefined): FunctionRange | undefined {
    return bounds && named(bounds, () => this.#nameOf(bounds.start));
  }

  /** A symbol without a size ends where the next one begins; but before that a function may that has no symbol. */
  #clipped({ start, end }: Bounds, vaddr: number): Bounds | undefined {
    const next = this.#frames()?.nextStart(start) ?? end;
    return vaddr < next ? { start, end: Math.min(next, end) } : undefined;
  }

  /** The name of the function that begins at an address, or of the one that it is a part of. */
  #nameOf(start: number): string | undefined {
    for (const table of [this.#symbols(), this.#exports()]) {
      const whole = table?.find(start);
      const name = table?.nameAt(whole?.sized ? whole.start : start);
      if (name !== undefined) return name;
    }
    return undefined;
  }
}

function named({ start, end }: Bounds, name: () => string | undefined): FunctionRange {
  return {
    start,
    end,
    get name() {
      return name();
    },
  };
}

/** Makes a value when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
