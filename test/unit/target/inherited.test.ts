import { describe, expect, it } from "vitest";
import { inherited, raisedFrom, startedWith } from "../../../src/target/inherited.ts";

describe("descriptors", () => {
  const of = (links: Record<number, string>, parents: string[] = []) =>
    startedWith(new Map(Object.entries(links).map(([fd, link]) => [Number(fd), link])), new Set(parents));

  it("are those that are not Node's own", () => {
    const node = {
      3: "anon_inode:[eventpoll]",
      4: "pipe:[10]",
      5: "pipe:[10]",
      6: "pipe:[11]",
      7: "pipe:[11]",
      8: "anon_inode:[eventfd]",
      12: "anon_inode:[io_uring]",
    };
    expect(of({ 0: "pipe:[1]", 1: "/dev/null", 2: "socket:[2]", ...node })).toEqual([0, 1, 2]);
    expect(of({ 0: "/dev/null", ...node, 9: "/etc/passwd", 10: "socket:[3]", 11: "pipe:[12]" })).toEqual([
      0, 9, 10, 11,
    ]);
  });

  it("of a jobserver, of which everybody has both ends, are told by the parent's", () => {
    const links = { 3: "pipe:[20]", 4: "pipe:[20]", 5: "pipe:[21]", 6: "pipe:[21]" };
    expect(of(links, ["pipe:[20]", "/dev/null"])).toEqual([3, 4]);
    expect(of(links)).toEqual([]);
  });

  it("0 to 2 are always handed on, even one pipe for two of them", () => {
    expect(of({ 0: "pipe:[1]", 1: "pipe:[2]", 2: "pipe:[2]" })).toEqual([0, 1, 2]);
  });
});

describe("the limit of open files", () => {
  const limits = (soft: string, hard: string) =>
    `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max open files            ${soft.padEnd(20)} ${hard.padEnd(20)} files     
`;
  it.each<[own: [string, string], parents: [string, string], was: bigint | undefined]>([
    [["4096", "4096"], ["1024", "4096"], 1024n],
    [["4096", "4096"], ["4096", "4096"], 4096n],
    // Another limit than the parent's: whoever set it will have set the soft one as well.
    [["4096", "4096"], ["1024", "8192"], undefined],
    // Node has not raised it.
    [["1024", "4096"], ["512", "4096"], undefined],
    [["unlimited", "unlimited"], ["unlimited", "unlimited"], undefined],
  ])("%j, and the parent's %j", (own, parents, was) => {
    expect(raisedFrom(limits(...own), limits(...parents))).toBe(was);
  });

  it("is unknown without a parent", () => {
    expect(raisedFrom(limits("1", "1"), undefined)).toBeUndefined();
    expect(raisedFrom(undefined, limits("1", "1"))).toBeUndefined();
  });
});

it("what this very process was started with has stdin, stdout and stderr", () => {
  const { descriptors, blocking } = inherited();
  expect(descriptors).toEqual(expect.arrayContaining([0, 1, 2]));
  expect([0, 1, 2]).toEqual(expect.arrayContaining([...blocking]));
});
