/**
 * What is found in a target when it is not simply skewed, or not: foreign patches, and payloads that lie.
 */
import { describe, expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import { encodeJump } from "../../../src/machine/x86_64/encode.ts";
import { encodeMark, type Mark, type Site } from "../../../src/patch/mark.ts";
import { neutral, PARAMS } from "../../../src/patch/params.ts";
import { planClearing } from "../../../src/patch/recover.ts";
import { loadPayload } from "../../../src/tracer/native.ts";
import type { Target } from "./memory.ts";
import {
  IMAGES,
  LOAD_ADDRESSES,
  letThreadsLeave,
  look,
  recover,
  recoveryOf,
  type Scene,
  sceneOf,
  stepsThrough,
  tailOf,
  vdsoNow,
} from "./scenes.ts";

const { bytes: image } = IMAGES.at(-1)!;
/** Bytes of our two mappings. */
const CODE = BigInt(loadPayload().codeSize);
const ROOM = BigInt(PARAMS.size);

function skewed(): Scene {
  const scene = sceneOf(image);
  scene.target.run(scene.plan);
  letThreadsLeave(scene.target, scene);
  return scene;
}

function markOf(scene: Scene): Mark {
  const found = look(scene.target, scene);
  if (!("mark" in found)) throw new Error("no mark");
  return found.mark;
}

/** As on a machine whose own vDSO does not compare. */
function lookWithoutPristine(target: Target, scene: Scene) {
  return look(target, scene, { pristine: undefined });
}

describe("a target that nobody has touched", () => {
  it.each(IMAGES)("is unskewed, with and without a pristine image, $name", ({ bytes }) => {
    const scene = sceneOf(bytes);
    expect(look(scene.target, scene)).toEqual({ state: "unskewed" });
    expect(lookWithoutPristine(scene.target, scene)).toEqual({ state: "unskewed" });
  });

  it("may have its own anonymous code near the vDSO", () => {
    const scene = sceneOf(image);
    scene.target.occupy(scene.pages - 0x10_0000n, 4096, "r-xp");
    expect(look(scene.target, scene)).toEqual({ state: "unskewed" });
  });

  it("may have a stub of ours in its vDSO's tail, which is cleared", () => {
    const scene = sceneOf(image);
    const { target, vdso } = scene;
    target.write(address(vdso.end - 64n), new Uint8Array(64).fill(0xcc));
    expect(look(target, scene)).toMatchObject({ state: "unused", stub: true });
    // Whether it is one cannot be told without knowing the kernel's own image.
    expect(lookWithoutPristine(target, scene)).toEqual({ state: "unskewed" });
    target.run(planClearing({ pid: 1, vdso: vdsoNow(target, scene), pristineTail: tailOf(vdso) }));
    expect(look(target, scene)).toEqual({ state: "unskewed" });
    expect(vdsoNow(target, scene).bytes).toEqual(vdso.bytes);
  });
});

describe("somebody else's patch", () => {
  it.each([0, 1, 2])("of function %i, by a jump", (index) => {
    const scene = sceneOf(image);
    const { address: at, name } = scene.vdso.functions[index]!;
    scene.target.write(at, encodeJump(at, address(at + 0x1_0000n)));
    const expected = {
      state: "foreign",
      note: `${name} was rewritten by another program; undo it with that program`,
    };
    expect(look(scene.target, scene)).toEqual(expected);
    expect(lookWithoutPristine(scene.target, scene)).toEqual(expected);
  });

  it("by anything else, if the kernel's image is known", () => {
    const scene = sceneOf(image);
    scene.target.write(scene.vdso.functions[2]!.address + 40n, Uint8Array.of(0xcc));
    expect(look(scene.target, scene)).toMatchObject({ state: "foreign" });
    expect(lookWithoutPristine(scene.target, scene)).toEqual({ state: "unskewed" });
  });

  it("over a skew of ours", () => {
    const scene = skewed();
    scene.target.write(scene.vdso.functions[1]!.address, Uint8Array.of(0xcc));
    expect(look(scene.target, scene)).toEqual({
      state: "foreign",
      note: "gettimeofday was rewritten by another program over a skew of ours",
    });
  });
});

describe("a payload whose mark does not fit", () => {
  const foreign = (why: string) => ({
    state: "foreign",
    note: `its clock functions lead to a payload of timeskew that ${why}`,
  });

  it.each<[string, (scene: Scene, mark: Mark) => void, string]>([
    [
      "is gone",
      ({ target }, { params }) => target.write(params.address, new Uint8Array(328)),
      "has a mark that has no magic number",
    ],
    [
      "is changed",
      ({ target }, { params }) => target.write(params.address + 300n, Uint8Array.of(1)),
      "has a mark that fails its checksum",
    ],
    [
      "is of a copy elsewhere",
      ({ target }, mark) => {
        const move = (at: bigint) => address(at - 0x10_0000n);
        target.write(
          mark.params.address,
          encodeMark({
            ...mark,
            code: { ...mark.code, address: move(mark.code.address) },
            params: { ...mark.params, address: move(mark.params.address) },
          }),
        );
      },
      "has a mark of other pages",
    ],
    [
      "belongs to pages of no size",
      ({ target, pages }) => target.write(pages + 16n, new Uint8Array(4)),
      "has offsets outside",
    ],
    [
      "belongs to a payload of another version",
      ({ target, pages }) => target.write(pages + 8n, Uint8Array.of(1)),
      "has the layout 1,40960,4032,4096,8192,20480,64 instead of 5,40960,4032,4096,8192,20480,64",
    ],
    ...(["code", "params"] as const).flatMap((which) =>
      [0, 8192, 2 ** 30].map((size): [string, (scene: Scene, mark: Mark) => void, string] => [
        `claims ${size} bytes of ${which}`,
        ({ target }, mark) => {
          const changed = { ...mark, [which]: { ...mark[which], size } };
          // Pages apart would be noticed anyway.
          const params = {
            ...changed.params,
            address: address(mark.code.address + BigInt(changed.code.size)),
          };
          target.write(mark.params.address, encodeMark({ ...changed, params }));
        },
        "has a mark of other pages",
      ]),
    ),
    [
      "belongs to a payload for another machine",
      ({ target, pages }) => target.write(pages + 12n, Uint8Array.of(3)),
      "is for machine 3 instead of 62",
    ],
    [
      "belongs to too many pages",
      ({ target, pages }) => target.write(pages + 16n, Uint8Array.of(0, 0x10, 0x10, 0)),
      "has offsets outside",
    ],
  ])("%s", (_, change, why) => {
    const scene = skewed();
    change(scene, markOf(scene));
    expect(look(scene.target, scene)).toEqual(foreign(why));
  });

  const site = (mark: Mark, change: (site: Site) => Partial<Site>) => ({
    ...mark,
    sites: mark.sites.map((each, i) => (i === 0 ? { ...each, ...change(each) } : each)),
  });
  it.each<[string, (mark: Mark, scene: Scene) => Mark]>([
    [
      "somewhere else in its function",
      (mark) => site(mark, (old) => ({ address: address(old.address + 8n) })),
    ],
    [
      "in the unused end of the vDSO",
      (mark, { vdso }) => site(mark, () => ({ address: address(vdso.end - 64n) })),
    ],
    ["in the ELF header", (mark, { vdso }) => site(mark, () => ({ address: vdso.start }))],
    ["under another's name", (mark) => site(mark, () => ({ function: "time" }))],
    ["twice", (mark) => ({ ...mark, sites: [mark.sites[0]!, ...mark.sites] })],
  ])("names a site %s", (_, change) => {
    const scene = skewed();
    const mark = markOf(scene);
    scene.target.write(mark.params.address, encodeMark(change(mark, scene)));
    expect(look(scene.target, scene)).toEqual(foreign("has a mark with a site where no function begins"));
  });

  it("lies in the vDSO itself", () => {
    const scene = sceneOf(image);
    const { target, vdso, payload } = scene;
    const page = address(vdso.end - 4096n);
    const mark: Mark = {
      state: "armed",
      code: { address: page, size: payload.codeSize },
      params: { address: vdso.end, size: payload.paramsSize },
      vdso: { address: vdso.start, size: vdso.bytes.length },
      sites: [],
      islands: [],
      added: [],
    };
    target.occupy(vdso.end, payload.paramsSize);
    target.write(page, payload.bytes.subarray(0, 68));
    target.write(vdso.end, encodeMark(mark));
    // Not the function itself: in a small image the header is written over it.
    const at = vdso.functions.at(-1)!.address;
    target.write(at, encodeJump(at, page));
    expect(look(target, scene, { pristine: undefined })).toMatchObject({ state: "foreign" });
  });

  it("whose code alone is left", () => {
    const scene = skewed();
    const read = (at: bigint, length: number) =>
      at >= scene.pages + CODE && at < scene.pages + CODE + ROOM ? undefined : scene.target.read(at, length);
    expect(look(scene.target, scene, { read })).toEqual(foreign("has a mark that is missing"));
  });
});

describe("an unfinished injection", () => {
  const scene = sceneOf(image);
  const { plan, pages, payload } = scene;
  const died = (what: string) => {
    const target = scene.target.fork();
    target.run(plan, { dieAfter: stepsThrough(plan, what) });
    return target;
  };
  const unskewed = { state: "unskewed" };

  it("is found by its header, before it has parameter pages", () => {
    expect(look(died("the payload and its trampolines"), scene)).toEqual({
      state: "unused",
      mark: {
        state: "restored",
        code: { address: pages, size: Number(CODE) },
        params: { address: pages + CODE, size: 0 },
        vdso: { address: scene.vdso.start, size: image.length },
        sites: [],
        islands: [],
        added: [],
      },
      probeEntry: 0,
      enter: 0,
      index: 0,
      settings: { generation: 0n, mask: 0n, offset: 0n, skewId: 0n, since: 0n },
      idle: { settings: neutral(0n), bytes: new Uint8Array(PARAMS.slotSize) },
      flags: 0n,
      patchedSites: [],
      islands: [],
      patchedCalls: [],
      gate: undefined,
      note: "a run of timeskew left unused pages behind. `recover` unmaps them",
    });
  });

  it("is found with its parameter pages, before it has a mark", () => {
    const found = look(died("its parameter pages"), scene);
    expect(found).toMatchObject({ state: "unused", mark: { params: { size: Number(ROOM) }, sites: [] } });
    expect(found).not.toHaveProperty("blank");
  });

  it("is found with its parameter pages where what can be read can be executed", () => {
    const target = died("the payload and its trampolines");
    target.occupy(pages + CODE, Number(ROOM), "rwxp");
    expect(look(target, scene)).toMatchObject({ state: "unused", mark: { params: { size: Number(ROOM) } } });
  });

  it("is found wherever it is within reach, and of whatever version it is", () => {
    const target = scene.target.fork();
    target.occupy(pages + 0x10_0000n, 8192, "r-xp");
    target.write(pages + 0x10_0000n, payload.bytes.slice(0, 8));
    expect(look(target, scene)).toMatchObject({
      state: "unused",
      mark: { code: { address: pages + 0x10_0000n, size: 8192 } },
    });
  });

  it.each<[string, bigint, number, string, string]>([
    ["too far away", scene.vdso.start - (1n << 31n) - 0x10_0000n, Number(CODE), "r-xp", ""],
    ["larger than any payload", pages + 0x10_0000n, 17 * 4096, "r-xp", ""],
    ["writable", pages + 0x10_0000n, Number(CODE), "rwxp", ""],
    ["not executable", pages + 0x10_0000n, Number(CODE), "r--p", ""],
    ["shared", pages + 0x10_0000n, Number(CODE), "r-xs", ""],
    ["of a file", pages + 0x10_0000n, Number(CODE), "r-xp", "/usr/lib/timeskew.bin"],
  ])("is not what has its header and is %s", (_, at, size, perms, path) => {
    const target = scene.target.fork();
    target.occupy(at, size, perms, path);
    target.write(at, payload.bytes);
    expect(look(target, scene)).toEqual(unskewed);
  });

  it.each([
    ["smaller", 0n, 8192, "rw-p", ""],
    ["larger", 0n, Number(ROOM) + 4096, "rw-p", ""],
    ["elsewhere", 4096n, Number(ROOM), "rw-p", ""],
    ["read-only", 0n, Number(ROOM), "r--p", ""],
    ["a file's", 0n, Number(ROOM), "rw-p", "/tmp/x"],
  ])("has no parameter pages that are %s", (_, gap, size, perms, path) => {
    const target = died("the payload and its trampolines");
    target.occupy(pages + CODE + gap, size, perms, path);
    const others = target.maps().filter(({ start }) => start !== pages);
    expect(look(target, scene)).toMatchObject({ state: "unused", mark: { params: { size: 0 } } });
    expect(recover(target, scene)).toMatchObject({ end: "done" });
    expect(target.maps()).toEqual(others);
  });

  // Whatever the target has mapped there since, `recover` must leave alone.
  it("has no parameter pages that hold the target's own data", () => {
    const target = died("the payload and its trampolines");
    target.occupy(pages + CODE, Number(ROOM));
    target.write(pages + CODE + 5000n, Uint8Array.of(1));
    expect(recover(target, scene)).toMatchObject({ end: "done" });
    expect(target.read(pages + CODE + 5000n, 1)).toEqual(Uint8Array.of(1));
  });

  it("is no reason to overlook a foreign patch", () => {
    const target = died("its parameter pages");
    target.write(scene.vdso.functions[1]!.address + 30n, Uint8Array.of(0xcc));
    expect(look(target, scene)).toMatchObject({
      state: "foreign",
      note: expect.stringMatching(/^gettimeofday was rewritten/),
    });
    // Without the kernel's image nobody can tell.
    expect(lookWithoutPristine(target, scene)).toMatchObject({ state: "unused" });
  });

  it("is no reason to overlook a skew in force", () => {
    const target = scene.target.fork();
    target.occupy(pages, Number(CODE), "r-xp");
    target.write(pages, payload.bytes);
    const other = sceneOf(image, { pages: pages + 0x10_0000n });
    target.run(other.plan);
    expect(look(target, scene)).toMatchObject({ state: "skewed", mark: { code: { address: other.pages } } });
  });
});

describe.each(LOAD_ADDRESSES.slice(0, 3).map((start) => ({ start, at: `0x${start.toString(16)}` })))(
  "a blank page, vDSO at $at",
  ({ start }) => {
    const scene = sceneOf(image, { start });
    const { pages } = scene;
    const occupied = (at: bigint, size = Number(CODE), perms = "r-xp", path = "") => {
      const target = scene.target.fork();
      target.occupy(at, size, perms, path);
      return target;
    };
    const unskewed = { state: "unskewed" };

    it("where an injection puts it is ours", () => {
      const target = occupied(pages);
      expect(look(target, scene)).toMatchObject({
        state: "unused",
        blank: true,
        mark: { code: { address: pages, size: Number(CODE) }, params: { size: 0 }, sites: [] },
      });
      const plan = recoveryOf(target, scene)!;
      expect(plan.steps.map(({ op }) => op)).toEqual(["check", "drain", "unmap"]);
      expect(plan.steps.at(-1)).toMatchObject({ address: pages, length: Number(CODE) });
      expect(target.run(plan).end).toBe("done");
      expect(target.state()).toEqual(scene.target.state());
    });

    it.each([-0x10_0000n, -CODE, CODE, 0x10_0000n])("%i bytes from there is not", (distance) => {
      // Unless it lies in the kernel's own.
      const at = pages + distance;
      if (scene.target.maps().some((each) => at >= each.start && at < each.end)) return;
      expect(look(occupied(at), scene)).toEqual(unskewed);
    });

    it.each([0, 8, 100, 4095])("that has a byte at %i is not", (offset) => {
      const target = occupied(pages);
      target.write(pages + BigInt(offset), Uint8Array.of(0x90));
      expect(look(target, scene)).toEqual(unskewed);
    });

    it.each([4096, 8192, 32768])("of %i bytes is not", (size) => {
      expect(look(occupied(pages, size), scene)).toEqual(unskewed);
    });

    it.each([
      ["r--p", ""],
      ["rw-p", ""],
      ["rwxp", ""],
      ["---p", ""],
      ["r-xs", ""],
      ["r-xp", "/usr/lib/x.so"],
      ["r-xp", "[anon:jit]"],
    ])("that is %s %s is not", (perms, path) => {
      expect(look(occupied(pages, Number(CODE), perms, path), scene)).toEqual(unskewed);
    });

    it("that cannot be read is not", () => {
      const target = occupied(pages);
      const read = (at: bigint, length: number) =>
        at >= pages && at < pages + CODE ? undefined : target.read(at, length);
      expect(look(target, scene, { read })).toEqual(unskewed);
    });

    // As above: what an injection maps behind its code comes after the code is written.
    it("that has the target's own data behind it leaves that alone", () => {
      const target = occupied(pages);
      target.occupy(pages + CODE, Number(ROOM));
      target.write(pages + CODE, Uint8Array.of(1));
      recover(target, scene);
      expect(target.read(pages + CODE, 1)).toEqual(Uint8Array.of(1));
    });

    it("is found again once the skew of a later run is gone", () => {
      const target = occupied(pages);
      const later = pages > start ? pages + 2n * CODE : pages - (CODE + ROOM + 4096n);
      const second = sceneOf(image, { start, pages: later });
      expect(target.run(second.plan).end).toBe("done");
      expect(look(target, scene)).toMatchObject({ state: "skewed" });
      letThreadsLeave(target, second);
      while (look(target, scene).state !== "unskewed") expect(recover(target, scene)?.end).toBe("done");
      expect(target.maps()).toEqual(scene.target.maps());
    });
  },
);

describe("what the memory of a target may cost us", () => {
  // The pages of a file come from wherever its file system says, perhaps never.
  it("nothing but anonymous memory is read", () => {
    const scene = skewed();
    const { target, pages, payload } = scene;
    const asFile = target
      .maps()
      .map((each) =>
        each.start === pages + BigInt(payload.codeSize) ? { ...each, inode: 7n, path: "/mnt/slow" } : each,
      );
    expect(look(target, scene, { maps: asFile })).toEqual({
      state: "foreign",
      note: "its clock functions lead to a payload of timeskew that has a mark that is missing",
    });
    const allFiles = target.maps().map((each) => ({ ...each, inode: 7n, path: "/mnt/slow" }));
    const read = () => expect.fail("reads the memory of a file");
    expect(look(target, scene, { maps: allFiles, read })).toMatchObject({ state: "foreign" });
  });

  it("the search for free addresses is made a few times, however many pages look like ours", () => {
    const scene = sceneOf(image);
    const { target, vdso } = scene;
    for (let i = 1; i <= 100; i++) target.occupy(vdso.start - BigInt(0x10_0000 * i), Number(CODE), "r-xp");
    let searches = 0;
    const pagesWithout = () => {
      searches++;
      return undefined;
    };
    expect(look(target, scene, { pagesWithout })).toEqual({ state: "unskewed" });
    expect(searches).toBeGreaterThan(0);
    expect(searches).toBeLessThanOrEqual(8);
  });
});

describe("a forked child", () => {
  it("carries the mark and is recovered alone", () => {
    const scene = skewed();
    const child = scene.target.fork();
    expect(recover(child, scene)).toMatchObject({ end: "done" });
    expect(look(child, scene)).toEqual({ state: "unskewed" });
    expect(look(scene.target, scene)).toMatchObject({ state: "skewed" });
  });
});

it("finds a skew whose first function alone is patched, and one whose last is", () => {
  for (const kept of [0, 2]) {
    const scene = skewed();
    scene.vdso.functions.forEach(({ offset, address: at }, i) => {
      if (i !== kept) scene.target.write(at, image.subarray(offset, offset + 8));
    });
    expect(look(scene.target, scene)).toMatchObject({ state: "partial", patchedSites: { length: 1 } });
  }
});

it("takes settings that cannot be read for none", () => {
  const scene = skewed();
  const { params } = markOf(scene);
  const read = (at: bigint, length: number) =>
    at >= params.address + 0x1000n ? undefined : scene.target.read(at, length);
  expect(look(scene.target, scene, { read })).toMatchObject({
    state: "partial",
    settings: { mask: 0n },
  });
});
