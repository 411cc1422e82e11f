import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deserialize } from "node:v8";
import { expect, it } from "vitest";
import { launchSupervisor, type Request, readFramed } from "../../../src/cli/supervisor.ts";
import { fakeStarter } from "./starters.ts";

function read(bytes: Uint8Array): Uint8Array | undefined {
  const folder = mkdtempSync(join(tmpdir(), "timeskew-framed-"));
  const file = join(folder, "bytes");
  writeFileSync(file, bytes);
  const fd = openSync(file, "r");
  try {
    return readFramed(fd);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
}

it("what the supervisor is asked is read as it was written, and no further", () => {
  const { starter } = fakeStarter([]);
  let written = new Uint8Array();
  const supervisor = launchSupervisor({
    ...starter,
    launch: (program) => ({
      ...starter.launch(program),
      tell: (bytes) => {
        written = Uint8Array.from(bytes);
      },
    }),
  });
  const request: Request = { command: "run", pid: 5, until: 6, skew: { offset: "-1d" }, quiet: true };
  supervisor.follow(request);
  expect(deserialize(read(Buffer.concat([written, Buffer.from("more")]))!)).toEqual(request);
});

it("what somebody else has written is told from nothing", () => {
  expect(read(Uint8Array.of())).toBeUndefined();
  expect(read(Uint8Array.of(1))).toHaveLength(1);
  expect(read(Buffer.from("garbage"))).toHaveLength(3);
  expect(read(Buffer.from([3, 0, 0, 0]))).toHaveLength(0);
});

it("a supervisor that ends without a word", () => {
  const { starter } = fakeStarter([]);
  const mute = { ...starter, launch: () => ({ pid: 1, tell: () => {}, answer: () => Uint8Array.of() }) };
  const supervisor = launchSupervisor(mute);
  expect(() => supervisor.follow({} as Request)).toThrow("ended before it could");
});
