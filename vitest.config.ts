import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/reporter.ts"],
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 60_000 } },
      { test: { name: "arithmetic", include: ["test/arithmetic/**/*.test.ts"], testTimeout: 120_000 } },
      {
        test: {
          name: "live",
          include: ["test/{live,fault,sanitize}/**/*.test.ts"],
          // Each file starts servers of its own; two cores serve one file at a time best.
          fileParallelism: false,
          pool: "forks",
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
