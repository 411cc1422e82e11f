#!/usr/bin/env node
// Node's compile cache is not used on purpose: by default it lies in the world-writable /tmp, and a tool
// that runs as root must not take its code from there.

/** Why it cannot work here, whoever has installed it, and what to do. Any Node since 12 can read this file. */
function obstacle() {
  const { platform, arch, version, execPath, env } = process;
  if (platform !== "linux" || (arch !== "x64" && arch !== "arm64")) {
    const hint = arch === "ia32" || arch === "arm" ? "on a 64-bit kernel, use a 64-bit Node" : null;
    return { message: `Linux on x86-64 or arm64 is needed; this is ${platform}-${arch}`, hint };
  }
  const [major, minor] = version.slice(1).split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 4)) return undefined;
  // sudo looks for the `node` of our first line in a path of its own.
  const hint = env.SUDO_USER ? 'to use the Node of your own path: sudo env "PATH=$PATH" timeskew …' : null;
  return { message: `Node 20.4 or newer is needed; ${execPath} is ${version}`, hint };
}

function refuse({ message, hint }) {
  process.stderr.write(`timeskew: ${message}\n${hint === null ? "" : `  hint: ${hint}\n`}`);
  const end = process.argv.indexOf("--");
  if (process.argv.slice(0, end < 0 ? undefined : end).includes("--json")) {
    const error = { code: "E_UNSUPPORTED", message, hint, targetState: "untouched" };
    const report = { schemaVersion: 1, command: null, ok: false, error, targets: [] };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  }
  process.exitCode = 5;
}

async function start() {
  process.exitCode = 1; // should what follows never come to an end, that was no success
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
  }
}

const reason = obstacle();
if (reason === undefined) start();
else refuse(reason);
