/** What the kernel answers about a process that ends while it is looked at. */
import { expect, it, vi } from "vitest";
import { noSuchProcess, notPermitted, openProcess } from "../../../src/target/process.ts";

const ENDING = 4_194_300;

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  const openSync: typeof fs.openSync = (path, ...rest) => {
    if (path !== `/proc/${ENDING}`) return fs.openSync(path, ...rest);
    throw Object.assign(new Error("no such process"), { code: "ESRCH" });
  };
  return { ...fs, openSync, default: { ...fs, openSync } };
});

it("takes a process whose folder cannot be opened any more for none", () => {
  expect(() => openProcess(ENDING)).toThrow(
    expect.objectContaining({ name: "TimeskewError", code: "E_NO_TARGET" }),
  );
});

it("does not say of one that has just been collected that it is hidden", () => {
  const kill = vi.spyOn(process, "kill").mockReturnValueOnce(true);
  kill.mockImplementation(() => {
    throw Object.assign(new Error("no such process"), { code: "ESRCH" });
  });
  expect(noSuchProcess(ENDING)).toMatchObject({ code: "E_NO_TARGET" });
  kill.mockReturnValue(true);
  expect(noSuchProcess(ENDING)).toMatchObject({ code: "E_PERMISSION" });
  kill.mockRestore();
});

it("does not look for a reason why a process that has ended is refused", () => {
  expect(notPermitted("not permitted to look", ENDING, "look")).toMatchObject({ code: "E_GONE" });
  expect(notPermitted("not permitted to look", process.pid, "look")).toMatchObject({ code: "E_PERMISSION" });
});
