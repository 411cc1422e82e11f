import { describe, expect, it } from "vitest";
import { invocation, undoCommand } from "../../../../src/cli/report/undo.ts";
import { injected, MONOTONIC_SKEW } from "../helpers.ts";

const WORLD = {
  env: { PATH: "/usr/bin:/usr/local/bin" },
  cwd: "/home/ada/timeskew",
  script: "/usr/local/bin/timeskew",
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
});

describe("undo", () => {
  it("permits the step back that undoing a forward step is", () => {
    const forward = injected(5, { skew: MONOTONIC_SKEW });
    const back = injected(6, { skew: { ...MONOTONIC_SKEW, offset: -1n } });
    expect(undoCommand([back], WORLD)).toBe("timeskew recover --pid 6");
    expect(undoCommand([back, forward], WORLD)).toBe("timeskew recover --pid 6,5 --allow-backward-monotonic");
  });
});
