import { describe, expect, it } from "vitest";
import { invocation, undoCommand } from "../../../../src/cli/report/undo.ts";
import { injected, MONOTONIC_SKEW } from "../helpers.ts";

const WORLD = {
  env: { PATH: "/usr/bin:/usr/local/bin" },
  cwd: "/home/ada/timeskew",
  script: "/usr/local/bin/timeskew",
  isProgram: false,
  node: "/usr/local/bin/node",
  isRoot: true,
} as never as Parameters<typeof invocation>[0];

describe("how the program was called", () => {
  it.each([
    ["from PATH", {}, "timeskew"],
    ["through sudo", { env: { PATH: "/usr/local/bin", SUDO_UID: "1000" } }, "sudo timeskew"],
    [
      "by a user, in a shell that came from sudo",
      { env: { PATH: "/usr/local/bin", SUDO_UID: "1000" }, isRoot: false },
      "timeskew",
    ],
    ["through npx", { env: { npm_command: "exec" } }, "npx timeskew"],
    ["from a checkout", { script: "/home/ada/timeskew/bin/timeskew.js" }, "node bin/timeskew.js"],
    ["from elsewhere", { script: "/opt/x/bin/timeskew.js" }, "node /opt/x/bin/timeskew.js"],
    [
      "by its path",
      { script: "/home/ada/timeskew/node_modules/.bin/timeskew" },
      "node_modules/.bin/timeskew",
    ],
    ["from the directory it is in", { script: "/home/ada/timeskew/timeskew" }, "./timeskew"],
    [
      "from an odd directory",
      { script: "/opt/it's here/bin/timeskew.js" },
      "node '/opt/it'\\''s here/bin/timeskew.js'",
    ],
  ])("%s", (_how, world, expected) => {
    expect(invocation({ ...WORLD, ...world })).toBe(expected);
  });

  const NVM = "/home/ada/.nvm/versions/node/v24.21.0/bin";
  const SECURE = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const MODULES = "/home/ada/timeskew/node_modules/.bin";
  it.each([
    {
      how: "for everybody",
      ...{ path: SECURE, script: "/usr/local/bin/timeskew", node: "/usr/local/bin/node" },
      expected: "sudo timeskew",
    },
    {
      how: "for one user, by its path, with a Node of everybody's",
      ...{ path: SECURE, script: "/home/ada/.npm-global/bin/timeskew", node: "/usr/bin/node" },
      expected: "sudo ../.npm-global/bin/timeskew",
    },
    {
      how: "for one user, by its path and that of their Node",
      ...{ path: SECURE, script: `${NVM}/timeskew`, node: `${NVM}/node` },
      expected: `sudo ${NVM}/node ../.nvm/versions/node/v24.21.0/bin/timeskew`,
    },
    {
      how: "for one user, with their PATH",
      ...{ path: `${NVM}:${SECURE}`, script: `${NVM}/timeskew`, node: `${NVM}/node` },
      expected: 'sudo env "PATH=$PATH" timeskew',
    },
    {
      how: "for everybody, with the PATH of one user, who has a Node",
      ...{ path: `${NVM}:${SECURE}`, script: "/usr/local/bin/timeskew", node: `${NVM}/node` },
      expected: 'sudo env "PATH=$PATH" timeskew',
    },
  ])("through sudo, installed $how", ({ path, script, node, expected }) => {
    const env = { PATH: path, SUDO_UID: "1000" };
    expect(invocation({ ...WORLD, env, script, node })).toBe(expected);
  });

  it.each([
    ["a Node of everybody", `${MODULES}:${SECURE}`, "/usr/bin/node", "sudo npx timeskew"],
    ["their own Node", `${MODULES}:${NVM}:${SECURE}`, `${NVM}/node`, 'sudo env "PATH=$PATH" npx timeskew'],
  ])("through sudo and npx, with %s", (_how, PATH, node, expected) => {
    const env = { PATH, SUDO_UID: "1000", npm_command: "exec" };
    expect(invocation({ ...WORLD, env, script: `${MODULES}/timeskew`, node })).toBe(expected);
  });

  it.each([
    ["from PATH", { script: "timeskew-linux-x64" }, "timeskew-linux-x64"],
    ["from the directory it is in", { script: "./timeskew-linux-x64" }, "./timeskew-linux-x64"],
    ["by a path", { script: "/home/ada/timeskew/release/timeskew" }, "release/timeskew"],
    ["by a shorter one", { script: "/opt/t" }, "/opt/t"],
    ["by a script of npm's", { script: "./timeskew", env: { npm_command: "exec" } }, "./timeskew"],
    ["through sudo", { script: "./timeskew", env: { SUDO_UID: "1000" } }, "sudo ./timeskew"],
    [
      "through sudo, with the caller's PATH",
      { script: "timeskew", env: { SUDO_UID: "1000", PATH: "/home/ada/bin:/usr/bin" } },
      'sudo env "PATH=$PATH" timeskew',
    ],
  ])("a program by itself, %s", (_how, world, expected) => {
    expect(invocation({ ...WORLD, isProgram: true, ...world })).toBe(expected);
  });
});

describe("undo", () => {
  it("permits the step back that undoing a forward step is", () => {
    const forward = injected(5, { skew: MONOTONIC_SKEW });
    const back = injected(6, { skew: { ...MONOTONIC_SKEW, offset: -1n } });
    expect(undoCommand([back], WORLD)).toBe("timeskew recover --pid 6");
    expect(undoCommand([back, forward], WORLD)).toBe("timeskew recover --pid 6,5 --allow-backward-monotonic");
  });
});
