import { defineConfig } from "vitest/config";

/**
 * These measure no time, keep no processor busy for long, and look at no process but their own: two of them at once
 * disturb nobody. (`--json` lists of all that is skewed are searched for what is theirs.)
 */
const SIDE_BY_SIDE = [
  ...["compat", "completion", "drain", "edges", "endurance", "exec", "exec-seized", "glibc-musl"],
  ...["hostile-memory", "hostile-seccomp", "inherit", "library", "loading", "namespaces", "patches"],
  ...["persistence", "profiles", "profiles-clocks", "profiles-end", "profiles-foreground"],
  ...["profiles-programs", "profiles-refused", "prologue", "rawclock", "refusals", "reports", "run"],
  ...["run-inherits", "run-reads", "run-refused", "run-terminal", "runtimes", "sandbox", "servers"],
  ...["wrong-use"],
].map((name) => `test/live/${name}.test.ts`);

/** Programs that wait for most of their time, and commands in process namespaces of their own. */
const EXAMPLES = ["test/examples/**/*.test.ts", "test/docs/**/*.test.ts"];

const LIVE = {
  pool: "forks",
  testTimeout: 120_000,
  hookTimeout: 120_000,
  // A busy machine can spoil a try. The end of the run names every test that needed more than one.
  retry: 2,
} as const;

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/reporter.ts"],
    maxWorkers: "100%",
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.{ts,mjs}"], testTimeout: 60_000 } },
      { test: { name: "arithmetic", include: ["test/arithmetic/**/*.test.ts"], testTimeout: 120_000 } },
      {
        test: {
          ...LIVE,
          name: "side by side",
          include: SIDE_BY_SIDE,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...LIVE,
          name: "examples",
          include: EXAMPLES,
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...LIVE,
          name: "live",
          include: ["test/{live,fault,sanitize,kernels,package,release}/**/*.test.ts"],
          exclude: SIDE_BY_SIDE,
          // Each file starts servers of its own, or measures: two cores serve one file at a time best.
          fileParallelism: false,
        },
      },
    ],
  },
});
