/** Call sites are found by what stands in them, whatever became of the memory around. */
import { describe, expect, it } from "vitest";
import type { Mapping } from "../../../src/target/proc.ts";
import { IMAGES, look, PROGRAM, sceneOf } from "./scenes.ts";

const scene = sceneOf(IMAGES.at(-1)!.bytes);
const { target, plan } = scene;
target.run(plan);

/** What is found where the program's own mapping is another. */
function foundWith(change: (program: Mapping) => Mapping[]) {
  const maps = target.maps().flatMap((each) => (each.start === PROGRAM.start ? change(each) : [each]));
  return look(target, scene, { maps });
}

describe("a skewed program's call sites", () => {
  // A jump that is overlooked would lead nowhere once its island is unmapped.
  it.each(["rw-p", "r--p", "---p"])("are found while its code is %s", (perms) => {
    expect(foundWith((program) => [{ ...program, perms }])).toMatchObject({
      state: "skewed",
      patchedCalls: plan.calls,
      note: undefined,
    });
  });

  it("are gone with the library that they were in", () => {
    const found = foundWith(() => []);
    expect(found).toMatchObject({ state: "skewed", patchedCalls: [] });
    expect(found).toHaveProperty("note", expect.stringMatching(/^7 of the 7 places .* not ours any more$/));
  });

  it.each([
    ["anonymous memory", { inode: 0n, path: "" }],
    ["a file that others see", { perms: "r-xs" }],
  ])("are none in %s, where we never rewrite one", (_, change) => {
    expect(foundWith((program) => [{ ...program, ...change }])).toMatchObject({ patchedCalls: [] });
  });
});
