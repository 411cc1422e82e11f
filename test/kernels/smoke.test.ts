/** The ends of the matrix, shortened: the oldest kernel on x86-64, and the newest on arm64. `npm run test:kernels` is the whole. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SERIES } from "./arch.ts";
import { runMatrix } from "./matrix.ts";
import { needGuest, say } from "./needs.ts";
import { ROOT } from "./place.ts";
import { plan } from "./plan.ts";

const GUESTS = [
  { series: SERIES[0]!, arch: "x86_64" as const },
  { series: SERIES.at(-1)!, arch: "arm64" as const },
];

test.for(GUESTS)("Linux $series, $arch", { timeout: 600_000 }, async ({ series, arch }, context) => {
  const kernel = await needGuest(context, series, arch);
  if (arch === "arm64") execFileSync(process.execPath, [join(ROOT, "native/build.mjs"), "--arch", "arm64"]);
  const guests = plan({
    series: [series],
    arches: [arch],
    variants: ["plain"],
    cells: ["inject", "recover"],
  });
  const results = await runMatrix(guests, { say, find: async () => kernel });
  expect(results.length).toBe(2 * guests[0]!.machines.length);
  expect(results.filter(({ right }) => !right)).toEqual([]);
});
