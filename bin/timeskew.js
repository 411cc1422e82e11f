#!/usr/bin/env node
// Node's compile cache is not used on purpose: by default it lies in the world-writable /tmp, and a tool
// that runs as root must not take its code from there.
try {
  // What run and exec start beside their program needs no command line: they wait for it.
  const entry = process.argv[2] === "supervise" ? "supervise" : "cli";
  const { main } = await import(`../dist/${entry}.js`);
  process.exitCode = await main();
} catch (error) {
  if (error.code !== "ERR_MODULE_NOT_FOUND" || !error.message.includes("dist/cli.js")) throw error;
  process.stderr.write(
    "timeskew: it is not built yet\n  hint: run `npm ci` or `npm run build` in its directory\n",
  );
  process.exitCode = 1;
}
