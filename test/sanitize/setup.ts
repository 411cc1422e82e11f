/** For vitest itself under the compiler's checks: the programs that it starts are not to be. See sanitize.test.ts. */
delete process.env.LD_PRELOAD;
