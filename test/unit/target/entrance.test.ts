import { describe, expect, it } from "vitest";
import { TimeskewError } from "../../../src/errors.ts";
import { idInside, openEntrance } from "../../../src/target/entrance.ts";

describe("ids in another user namespace", () => {
  const MAP = "         0       1000          1\n         1     100000      65536\n";
  it.each<[outside: number, inside: number | undefined]>([
    [1000, 0],
    [100_000, 1],
    [165_535, 65_536],
    [165_536, undefined],
    [1001, undefined],
    [0, undefined],
  ])("%i", (outside, inside) => {
    expect(idInside(MAP, outside)).toBe(inside);
  });

  it("all, or none", () => {
    expect(idInside("         0          0 4294967295\n", 4_000_000_000)).toBe(4_000_000_000);
    expect(idInside("", 0)).toBeUndefined();
  });
});

describe("the way to a process", () => {
  it("like ourselves takes nothing but its directory", () => {
    using entrance = openEntrance(process.pid);
    const { directory, env, ...rest } = entrance;
    expect(directory).toBeGreaterThan(2);
    expect(env.some((each) => each.startsWith("PATH="))).toBe(true);
    expect(rest).toMatchObject({
      first: [],
      pidNamespace: undefined,
      mountNamespace: undefined,
      root: undefined,
      userNamespace: undefined,
      ids: undefined,
      groups: undefined,
      lost: 0n,
    });
  });

  it("that has ended", () => {
    expect(() => openEntrance(4_194_304)).toThrow(TimeskewError);
    expect(() => openEntrance(4_194_304)).toThrow("there is no process with pid 4194304");
  });
});
