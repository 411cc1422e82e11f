/** Which guests the matrix has, and which of them are asked for. */
import { expect, test } from "vitest";
import { plan, refusalOf, type Shown, VARIANTS, without } from "../../kernels/plan.ts";

test("every series on both architectures, and each variant on one kernel at least", () => {
  const plain = plan({ variants: ["plain"] }).map(({ series, arch }) => `${series} ${arch}`);
  expect(plain).toEqual(
    ["5.10", "6.1", "6.12", "6.18", "7.2"].flatMap((series) => [`${series} x86_64`, `${series} arm64`]),
  );
  const names = VARIANTS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name } of VARIANTS) expect(plan({ variants: [name || "plain"] })).not.toEqual([]);
});

test("32-bit programs on x86-64, and arm64 programs on arm64", () => {
  expect(plan({ series: ["6.1"], variants: ["plain"] }).map(({ machines }) => machines)).toEqual([
    ["x86_64", "i386"],
    ["aarch64"],
  ]);
  expect(plan({ arches: ["arm64"], machines: ["i386"] })).toEqual([]);
});

test("one cell of one guest", () => {
  const [guest, ...more] = plan({
    series: ["7.2"],
    arches: ["x86_64"],
    machines: ["i386"],
    variants: ["plain"],
    cells: ["hammer"],
  });
  expect(more).toEqual([]);
  expect(guest).toMatchObject({ series: "7.2", machines: ["i386"], variant: { cells: ["hammer"] } });
});

test("what was not shown yet, for each machine by itself", () => {
  const wanted = { series: ["6.12"], arches: ["x86_64"], variants: ["plain"], cells: ["inject", "kill"] };
  const guests = plan(wanted);
  const shown = (more: Partial<Shown>): Shown => ({
    ...{ series: "6.12", arch: "x86_64", variant: "", machine: "i386", cell: "inject", right: true },
    ...more,
  });
  const left = (...results: Shown[]) =>
    without(guests, results).map(({ machines, variant: { cells } }) => `${machines}: ${cells}`);
  expect(left()).toEqual(["x86_64: inject,kill", "i386: inject,kill"]);
  const inject = shown({});
  expect(left(inject, shown({ cell: "kill", right: false }), shown({ series: "6.1", cell: "kill" }))).toEqual(
    ["x86_64: inject,kill", "i386: kill"],
  );
  expect(left(inject, shown({ cell: "kill" }))).toEqual(["x86_64: inject,kill"]);
});

test("what a kernel does not allow", () => {
  const named = (name: string) => VARIANTS.find((variant) => variant.name === name)!;
  expect(refusalOf(named(""), "i386", "inject")).toBe(undefined);
  expect(refusalOf(named("vdso=0"), "x86_64", "inject")).toBe("E_NO_VDSO");
  expect(refusalOf(named("Yama 1"), "x86_64", "inject")).toBe(undefined);
  expect(refusalOf(named("Yama 1"), "x86_64", "user")).toBe("E_PERMISSION");
});
