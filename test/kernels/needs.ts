/** What tests in guests need. */
import type { TestContext } from "vitest";
import { needPrograms } from "../support/needs.ts";
import { type Arch, NAMES } from "./arch.ts";
import { fetchedKernel, type Kernel, newestKernel } from "./fetch/kernel.ts";
import { baseImage } from "./image/image.ts";

export function say(line: string): void {
  console.log(line);
}

/** What cannot be had without a network is no fault of the project: the test is skipped, and says why. */
export async function needGuest(context: TestContext, series: string, arch: Arch): Promise<Kernel> {
  needPrograms(context, NAMES[arch].qemu, NAMES[arch].compiler, "npm");
  try {
    await baseImage(arch, say);
    return fetchedKernel(series, arch) ?? (await newestKernel(series, arch, say));
  } catch (error) {
    return context.skip(`needs a kernel ${series} for ${arch}: ${(error as Error).message}`);
  }
}
