/**
 * The VEX and EVEX encodings: AVX, AVX2, FMA, BMI, the opmask instructions and the integer part of AVX-512,
 * which is what C libraries are made of. Rounding control, gathers, AMX, XOP and the rest are refused.
 *
 * One line is one operand shape. Its columns:
 *   map     0f, 0f38 or 0f3a
 *   prefix  np, 66, f3 or f2: the mandatory prefix folded into VEX.pp
 *   L       vector lengths: 0 = 128 bits (also for scalars), 1 = 256, 2 = 512
 *   W       values of VEX.W
 *   layout  as in opcodes.ts: M, m, r, B, n or -
 *   flags   v: vvvv is an operand (elsewhere it must be 1111)   k: ModRM.reg is an opmask register
 *           K: vvvv is an opmask register                       /246: ModRM.reg must be one of these
 *           EVEX only: a: may be masked   z: and zeroing   b: memory may be broadcast
 */
import { parseRanges } from "./ranges.ts";

export interface VectorPrefix {
  /** 1 = 0F, 2 = 0F38, 3 = 0F3A. */
  readonly map: number;
  /** 0 = none, 1 = 66, 2 = F3, 3 = F2. */
  readonly pp: number;
  readonly w: number;
  readonly length: number;
  /** The second source register, already inverted: 0 where the encoding says "none". */
  readonly vvvv: number;
  /** The extension bits of ModRM.reg (REX.R and EVEX.R'), already inverted: 0…3. */
  readonly regExtension: number;
  /** EVEX only; undefined for VEX. */
  readonly evex: { mask: number; zeroing: boolean; broadcast: boolean } | undefined;
}

interface Shape {
  readonly lengths: string;
  readonly w: string;
  readonly layout: string;
  readonly flags: string;
  readonly reg: string | undefined;
}

const MAPS = ["", "0f", "0f38", "0f3a"];
const PREFIXES = ["np", "66", "f3", "f2"];

const VEX = parseTable(`
0f   np 01 01 M -  10-11 28-29 2e-2f 51-53 5a-5b
0f   np 0  01 M v  12 16
0f   np 0  01 m -  13 17
0f   np 01 01 M v  14-15 54-59 5c-5f
0f   np 01 01 m -  2b
0f   np 01 01 r -  50
0f   np 01 01 - -  77
0f   np 0  01 m /23 ae
0f   np 01 01 B v  c2 c6
0f   66 01 01 M -  10-11 28-29 2e-2f 51 5a-5b 6f 7f e6
0f   66 0  01 m v  12 16
0f   66 0  01 m -  13 17
0f   66 01 01 M v  14-15 54-59 5c-6d 74-76 7c-7d d0-d5 d8-e5 e8-ef f1-f6 f8-fe
0f   66 01 01 m -  2b e7
0f   66 01 01 r -  50 d7
0f   66 0  01 M -  6e 7e d6
0f   66 01 01 B -  70
0f   66 01 01 n v/246 71-72
0f   66 01 01 n v/2367 73
0f   66 01 01 B v  c2 c6
0f   66 0  01 B v  c4
0f   66 0  01 n -  c5
0f   66 0  01 r -  f7
0f   f3 01 01 m -  10-11
0f   f3 01 01 r v  10-11
0f   f3 01 01 M -  12 16 2c-2d 5b 6f 7f e6
0f   f3 01 01 M v  2a 51-53 58-5a 5c-5f
0f   f3 01 01 B -  70
0f   f3 0  01 M -  7e
0f   f3 01 01 B v  c2
0f   f2 01 01 m -  10-11 f0
0f   f2 01 01 r v  10-11
0f   f2 01 01 M -  12 2c-2d e6
0f   f2 01 01 M v  2a 51 58-5a 5c-5f 7c-7d d0
0f   f2 01 01 B -  70
0f   f2 01 01 B v  c2
0f38 66 01 01 M v  00-0b 28-29 2b 37-40 45 47 96-9f a6-af b6-bf dc-df
0f38 66 01 0  M v  0c-0d 46 cf
0f38 66 01 0  M -  0e-0f 13 18 58-59 78-79
0f38 66 1  0  M v  16 36
0f38 66 01 01 M -  17 1c-1e 20-25 30-35
0f38 66 1  0  M -  19
0f38 66 1  0  m -  1a 5a
0f38 66 01 01 m -  2a
0f38 66 01 0  m v  2c-2f
0f38 66 0  01 M -  41 db
0f38 66 01 01 m v  8c 8e
0f38 np 0  01 M v  f2 f5 f7
0f38 np 0  01 M v/123 f3
0f38 66 0  01 M v  f7
0f38 f3 0  01 M v  f5 f7
0f38 f2 0  01 M v  f5-f7
0f3a 66 1  1  B -  00-01
0f3a 66 01 0  B v  02 4a-4c
0f3a 66 01 0  B -  04-05 1d
0f3a 66 1  0  B v  06 18 38 46
0f3a 66 01 01 B -  08-09
0f3a 66 01 01 B v  0a-0f 40 42 44
0f3a 66 0  01 B -  14-17 60-63 df
0f3a 66 1  0  B -  19 39
0f3a 66 0  01 B v  20-22 41
0f3a 66 01 1  B v  ce-cf
0f3a f2 0  01 B -  f0
0f   np 1  01 r kvK 41-42 45-47 4a-4b
0f   np 0  01 r k  44 98-99
0f   np 0  01 M k  90
0f   np 0  01 m k  91
0f   np 0  0  r k  92
0f   np 0  0  r -  93
0f   66 1  01 r kvK 41-42 45-47 4a
0f   66 1  0  r kvK 4b
0f   66 0  01 r k  44 98-99
0f   66 0  01 M k  90
0f   66 0  01 m k  91
0f   66 0  0  r k  92
0f   66 0  0  r -  93
0f   f2 0  01 r k  92
0f   f2 0  01 r -  93
0f3a 66 0  01 n k  30-33
`);

const EVEX = parseTable(`
0f   np 012 0  M az   10 28
0f   np 012 0  M a    11 29
0f   np 012 0  M vazb 14-15 54-57
0f   np 012 0  m -    2b
0f   np 012 0  B vazb c6
0f   66 012 1  M az   10 28
0f   66 012 1  M a    11 29
0f   66 012 1  M vazb 14-15 54-57 6c-6d d4 db df eb ef f4 fb
0f   66 012 1  m -    2b
0f   66 012 01 M vaz  60-61 63 67-69 d1 d5 d8-da dc-de e0-e1 e3-e5 e8-ea ec-ee f1 f5 f8-f9 fc-fd
0f   66 012 0  M vaz  d2 e2 f2
0f   66 012 1  M vaz  d3 e2 f3
0f   66 012 0  M vazb 62 6a-6b db df eb ef fa fe
0f   66 012 01 M vak  64-65 74-75
0f   66 012 0  M vabk 66 76
0f   66 012 01 M az   6f
0f   66 012 01 M a    7f
0f   66 012 0  B azb  70
0f   66 0   01 M -    6e 7e
0f   66 0   01 B v    c4
0f   66 012 1  B vazb c6
0f   66 0   1  M -    d6
0f   66 012 0  m -    e7
0f   66 012 01 M v    f6
0f   f3 012 01 M az   6f
0f   f3 012 01 M a    7f
0f   f3 012 01 B az   70
0f   f3 0   1  M -    7e
0f   f2 012 01 M az   6f
0f   f2 012 01 M a    7f
0f   f2 012 01 B az   70
0f38 66 012 01 M vaz  00 04 0b 38 3a 3c 3e 66 75 7d 8d
0f38 66 012 1  M vaz  10-12
0f38 66 012 01 M vazb 14-15 39 3b 3d 3f-40 45-47 64 76 7e
0f38 66 12  01 M vazb 16 36
0f38 66 012 0  M vazb 2b
0f38 66 012 1  M vazb 28
0f38 66 012 01 M az   1c-1d 20-24 30-34 54 59
0f38 66 012 0  M az   18 25 35 58 78-79
0f38 66 012 0  M azb  1e
0f38 66 012 1  M azb  1f
0f38 66 012 01 M azb  44 55
0f38 66 12  01 M az   19
0f38 66 12  01 m az   1a 5a
0f38 66 2   01 m az   1b 5b
0f38 66 012 01 M vak  26
0f38 66 012 01 M vabk 27
0f38 66 012 1  M vabk 29 37
0f38 66 012 0  m -    2a
0f38 66 012 0  r az   7a-7b
0f38 66 012 01 r az   7c
0f38 66 012 01 M v    dc-df
0f38 f3 012 01 M vak  26
0f38 f3 012 01 M vabk 27
0f38 f3 012 01 r -    28 38
0f38 f3 012 01 r k    29 39
0f3a 66 012 01 B vazb 03 25
0f3a 66 012 01 B vaz  0f
0f3a 66 12  01 B vaz  18 38
0f3a 66 12  01 B a    19 39
0f3a 66 2   01 B vaz  1a 3a
0f3a 66 2   01 B a    1b 3b
0f3a 66 012 01 B vabk 1e-1f
0f3a 66 12  01 B vazb 23 43
0f3a 66 012 01 B vak  3e-3f
0f3a 66 012 01 B v    44
0f3a 66 12  1  B azb  00
`);

/**
 * The layout character of a VEX- or EVEX-encoded opcode, or undefined where the encoding is refused.
 * `modrm` is the byte after the opcode, whether or not the instruction has one.
 */
export function vectorLayoutOf(
  prefix: VectorPrefix,
  opcode: number,
  modrm: number | undefined,
): string | undefined {
  const table = prefix.evex === undefined ? VEX : EVEX;
  const shapes = table.get(tableKey(prefix.map, prefix.pp, opcode)) ?? [];
  return shapes.find((shape) => permits(shape, prefix, modrm))?.layout;
}

function permits(shape: Shape, prefix: VectorPrefix, modrm = 0): boolean {
  const { layout, flags, reg } = shape;
  const isMemory = modrm < 0xc0;
  if (layout === "m" && !isMemory) return false;
  if ((layout === "r" || layout === "n") && isMemory) return false;
  if (!shape.lengths.includes(String(prefix.length)) || !shape.w.includes(String(prefix.w))) return false;
  if (reg !== undefined && !reg.includes(String((modrm >> 3) & 7))) return false;
  if (!flags.includes("v") && prefix.vvvv !== 0) return false;
  if (flags.includes("k") && prefix.regExtension !== 0) return false;
  if (flags.includes("K") && prefix.vvvv > 7) return false;
  if (prefix.evex === undefined) return true;
  const { mask, zeroing, broadcast } = prefix.evex;
  if (mask !== 0 && !flags.includes("a")) return false;
  if (zeroing && (mask === 0 || !flags.includes("z"))) return false;
  return !broadcast || (isMemory && flags.includes("b"));
}

function tableKey(map: number, pp: number, opcode: number): number {
  return (map << 10) | (pp << 8) | opcode;
}

function parseTable(text: string): ReadonlyMap<number, readonly Shape[]> {
  const table = new Map<number, Shape[]>();
  for (const line of text.trim().split("\n")) {
    const [map = "", pp = "", lengths = "", w = "", layout = "", rest = "", ...opcodes] = line.split(/ +/);
    const [flags = "", reg] = rest.split("/");
    const shape = { lengths, w, layout, flags, reg };
    for (const opcode of parseRanges(opcodes.join(" "))) {
      const key = tableKey(MAPS.indexOf(map), PREFIXES.indexOf(pp), opcode);
      table.set(key, [...(table.get(key) ?? []), shape]);
    }
  }
  return table;
}
