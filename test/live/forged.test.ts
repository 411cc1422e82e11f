/**
 * A process writes into its own memory what it likes, and the tool that looks at it may run as root. Whatever it writes,
 * the tool comes to an end, says something, sends nothing of it to the terminal as it is, and does not lose sight of the
 * other processes.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { address } from "../../src/machine/address.ts";
import { encodeJump } from "../../src/machine/x86_64/encode.ts";
import { encodeMark, type Mark, type Site } from "../../src/patch/mark.ts";
import { encodeSlot, PARAMS } from "../../src/patch/params.ts";
import { loadPayload } from "../../src/tracer/native.ts";
import { mustBeTame } from "../fuzz/parser.ts";
import { inject, type Run, recover, report, status, timeskew } from "../support/cli.ts";
import { needPrograms, needTracing } from "../support/needs.ts";
import { maps, state, vdso } from "../support/proc.ts";
import { type Forger, startClocks, startForger } from "../support/victims.ts";
import { functionsOf } from "../unit/machine/x86_64/images.ts";

const { codeSize, paramsSize } = loadPayload();

const OFFSET = "-600.123456789s";

/** Lines of printable text, whatever the process is called. */
function expectTame({ stdout, stderr }: Run): void {
  for (const line of `${stdout}\n${stderr}`.split("\n")) mustBeTame(line);
}

/** A folder for the time of `use`. */
async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "timeskew-forger-"));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("a process with mappings without end", () => {
  test("is refused, and does not hide the others", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await inFolder(async (folder) => {
      await using forger = await startForger(folder, "maps", 6000, 12);
      await using other = await startClocks();
      await inject(other.pid, "--offset", OFFSET);
      expect(forger.count).toBe(6000);

      const named = await timeskew("status", "--pid", forger.pid, "--json");
      expect(named.code).toBe(1);
      expect(report(named).error).toMatchObject({
        code: "E_FAILED",
        message: expect.stringContaining("64 MiB"),
      });

      const all = await timeskew("status", "--json");
      expect(all.code).toBe(0);
      const { targets, unreadable } = report(all) as ReturnType<typeof report> & {
        unreadable: { pid: number }[];
      };
      expect(targets).toContainEqual(expect.objectContaining({ pid: other.pid, state: "skewed" }));
      expect(unreadable).toContainEqual(expect.objectContaining({ pid: forger.pid }));
      expectTame(await timeskew("status"));
      await recover(other.pid);
    });
  });

  test("is looked at in the end, however many look like ours", async (context) => {
    needPrograms(context, "gcc");
    needTracing(context, { permitted: true });
    await using forger = await startForger(tmpdir(), "blanks", 20_000, codeSize);
    expect(forger.count).toBe(20_000);
    // It would take minutes to search for free addresses once for each; every run of the tool has 30 s here.
    expect(await status(forger.pid)).toMatchObject({ state: "unskewed" });
  });
});

test("a process whose memory does not come when it is read", async (context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using forger = await startForger(tmpdir(), "watched", codeSize);
  if (forger.count === 0) context.skip("needs userfaultfd in full: run as root, on a kernel that has it");
  expect(await status(forger.pid)).toMatchObject({ state: "unskewed" });
});

/* ---- forged marks ---- */

interface Place {
  readonly vdso: bigint;
  readonly size: number;
  readonly functions: readonly { name: Site["function"]; offset: number }[];
}

/** Where a process's vDSO is, and the functions in it. */
function placeOf(pid: number): Place {
  const bytes = vdso(pid);
  const line = maps(pid).find((each) => each.endsWith("[vdso]"))!;
  const functions = functionsOf(bytes).flatMap(({ name, offset }) => {
    const short = /^(?:__vdso_)?(clock_gettime|gettimeofday|time)$/.exec(name)?.[1];
    return short === undefined ? [] : [{ name: short as Site["function"], offset }];
  });
  return { vdso: BigInt(`0x${line.split("-")[0]}`), size: bytes.length, functions };
}

function write(pid: number, at: bigint, bytes: Uint8Array): void {
  const memory = openSync(`/proc/${pid}/mem`, "r+");
  try {
    writeSync(memory, bytes, 0, bytes.length, Number(at));
  } finally {
    closeSync(memory);
  }
}

/** The pages of a skew that never was, in a process that has made room for them. */
function forge({ pid, at }: Forger, change: (mark: Mark, place: Place) => Mark, mask = 1n): void {
  const place = placeOf(pid);
  const payload = loadPayload();
  const params = at + BigInt(payload.codeSize);
  const image = vdso(pid);
  const sites = place.functions.map(({ name, offset }): Site => {
    const word = offset - (offset % 8);
    const original = Uint8Array.from(image.subarray(word, word + 8));
    const patched = original.slice();
    const entry = address(place.vdso + BigInt(offset));
    patched.set(encodeJump(entry, address(at + BigInt(payload.entries[name]))), offset % 8);
    return { function: name, address: address(place.vdso + BigInt(word)), original, patched };
  });
  const mark: Mark = {
    state: "armed",
    code: { address: address(at), size: payload.codeSize },
    params: { address: address(params), size: payload.paramsSize },
    vdso: { address: address(place.vdso), size: place.size },
    sites,
    islands: [],
    added: [],
  };
  write(pid, at, payload.bytes);
  write(pid, params, encodeMark(change(mark, place)));
  const settings = { generation: 2n ** 64n - 1n, mask, offset: -1n, skewId: 1n, since: 2n ** 62n };
  for (const slot of [0, PARAMS.slotSize])
    write(pid, params + BigInt(PARAMS.slots + slot), encodeSlot(settings));
  for (const site of sites) write(pid, site.address, site.patched);
}

const first = (mark: Mark, change: Partial<Site>): Mark => ({
  ...mark,
  sites: mark.sites.map((site, i) => (i === 0 ? { ...site, ...change } : site)),
});

/** What a forger may try, and what is found. None of these processes reads a clock once it is forged. */
const FORGERIES: readonly [
  name: string,
  found: string,
  change: (mark: Mark, place: Place) => Mark,
  mask?: bigint,
][] = [
  ["a mark as we would write it", "skewed", (mark) => mark],
  ["a mask of clocks that there are not", "skewed", (mark) => mark, (1n << 40n) | 1n],
  ["other code to restore", "skewed", (mark) => first(mark, { original: new Uint8Array(8).fill(0xcc) })],
  [
    "a site in the middle of the image",
    "foreign",
    (mark) => first(mark, { address: address(mark.vdso.address + 64n) }),
  ],
  [
    "a site where our calls run",
    "foreign",
    (mark) => first(mark, { address: address(mark.vdso.address + BigInt(mark.vdso.size) - 8n) }),
  ],
  ["a site twice", "foreign", (mark) => ({ ...mark, sites: [...mark.sites, mark.sites[0]!] })],
  [
    "islands where the program's own memory is",
    "skewed",
    (mark, { vdso, size }) => ({
      ...mark,
      islands: [
        { address: address(vdso), size },
        { address: mark.params.address, size: mark.params.size },
        { address: address(4096n), size: 4096 },
      ],
    }),
  ],
  ["pages of a gigabyte", "foreign", (mark) => ({ ...mark, params: { ...mark.params, size: 2 ** 30 } })],
];

test.for(FORGERIES)("a forged mark: %s", async ([, found, change, mask], context) => {
  needPrograms(context, "gcc");
  needTracing(context, { permitted: true });
  await using forger = await startForger(tmpdir(), "pages", codeSize, paramsSize);
  const { pid } = forger;
  forge(forger, change, mask);

  const looked = await timeskew("status", "--pid", pid, "--json");
  expect(report(looked).targets).toMatchObject([{ pid, state: found }]);
  expectTame(looked);
  expectTame(await timeskew("status", "--pid", pid));

  // Each ends, with an exit code that is documented; a process that forged its code may die of it, and only it.
  const recovered = await timeskew("recover", "--pid", pid);
  expectTame(recovered);
  expect(recovered.code, recovered.stderr).toBe(found === "foreign" ? 5 : 0);
  if (found === "foreign") return;
  // The forger keeps the address of its pages on its stack, which is taken for a return address.
  expect(await status(pid)).toMatchObject({ state: expect.stringMatching(/^(unskewed|lingering|foreign)$/) });
  expect(state(pid)).toMatch(/[RS]/);
});
