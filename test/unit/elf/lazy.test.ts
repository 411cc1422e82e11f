import { createRequire } from "node:module";
import { expect, it } from "vitest";
import { parseImage } from "../../../src/elf/image.ts";
import { buildImage } from "./build-image.ts";

/** Whether Node's CommonJS loader, which is one for the whole process, has elfy. */
function elfyIsLoaded(): boolean {
  return Object.keys(createRequire(import.meta.url).cache).some((file) =>
    file.includes("/node_modules/elfy/"),
  );
}

it("loads elfy with the first image, not at start-up", () => {
  expect(elfyIsLoaded()).toBe(false);
  parseImage(buildImage().bytes);
  expect(elfyIsLoaded()).toBe(true);
});
