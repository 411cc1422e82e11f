/** The live tests in a staged copy with the sanitized helper: both the command line and the library use it. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: fileURLToPath(new URL("../..", import.meta.url)),
    include: ["test/live/**/*.test.ts"],
    setupFiles: ["test/sanitize/setup.ts"],
    fileParallelism: false,
    pool: "forks",
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
