/** For this folder alone: vitest would look for one in the folders above. */
export default { test: { include: ["*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000 } };
