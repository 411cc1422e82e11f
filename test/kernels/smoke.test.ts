/** The ends of the matrix, shortened: the oldest kernel on x86-64, and the newest on arm64. `npm run test:kernels` is the whole. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { needPrograms } from "../support/needs.ts";
import { type Arch, NAMES, SERIES } from "./arch.ts";
import { fetchedKernel, type Kernel, newestKernel } from "./fetch/kernel.ts";
import { baseImage } from "./image/image.ts";
import { runMatrix } from "./matrix.ts";
import { ROOT } from "./place.ts";
import { plan } from "./plan.ts";

const GUESTS = [
  { series: SERIES[0]!, arch: "x86_64" as const },
  { series: SERIES.at(-1)!, arch: "arm64" as const },
];

function say(line: string): void {
  console.log(line);
}

/** What cannot be had without a network is no fault of the project: the test is skipped, and says why. */
async function needGuest(context: TestContext, series: string, arch: Arch): Promise<Kernel> {
  needPrograms(context, NAMES[arch].qemu, NAMES[arch].compiler, "npm");
  try {
    await baseImage(arch, say);
    return fetchedKernel(series, arch) ?? (await newestKernel(series, arch, say));
  } catch (error) {
    return context.skip(`needs a kernel ${series} for ${arch}: ${(error as Error).message}`);
  }
}

test.for(GUESTS)("Linux $series, $arch", { timeout: 600_000 }, async ({ series, arch }, context) => {
  const kernel = await needGuest(context, series, arch);
  if (arch === "arm64") execFileSync(process.execPath, [join(ROOT, "native/build.mjs"), "--arch", "arm64"]);
  const guests = plan({
    series: [series],
    arches: [arch],
    variants: ["plain"],
    cells: ["inject", "recover"],
  });
  const results = await runMatrix(guests, say, async () => kernel);
  expect(results.length).toBe(2 * guests[0]!.machines.length);
  expect(results.filter(({ right }) => !right)).toEqual([]);
});
