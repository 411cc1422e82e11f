import { EventEmitter } from "node:events";
import { afterEach, describe, expect, it, vi } from "vitest";
import { wantsColour } from "../../../src/cli/colour.ts";
import { createUi } from "../../../src/cli/ui.ts";
import { guard } from "../../../src/cli/world.ts";
import { fails, run } from "./helpers.ts";

const TERMINAL = { isTTY: true } as never;
const GREEN = "\u001b[32m";

describe("colour", () => {
  it.each([
    [true, {}, true, true],
    [false, {}, true, false],
    [true, { NO_COLOR: "1" }, true, false],
    [true, { NO_COLOR: "" }, true, true],
    [true, { TERM: "dumb" }, true, false],
    [false, { FORCE_COLOR: "1" }, true, true],
    [false, { FORCE_COLOR: "" }, true, true],
    [true, { FORCE_COLOR: "0" }, true, false],
    [true, { FORCE_COLOR: "false" }, true, false],
    [false, { FORCE_COLOR: "1", NO_COLOR: "1", TERM: "dumb" }, true, true],
    [true, { FORCE_COLOR: "1" }, false, false],
  ])("terminal %s, %o, flag %s: %s", (isTTY, env, flag, expected) => {
    expect(wantsColour({ isTTY, write: () => {} }, env, flag)).toBe(expected);
  });

  it("is decided per stream", async () => {
    const line = "inject --pid 5 --offset 1s";
    expect((await run(line, {}, { stdout: TERMINAL })).stdout).toContain(`${GREEN}✔`);
    const failing = { inject: fails("E_TRACED", "pid 5 is traced") };
    expect((await run(line, failing, { stdout: TERMINAL })).stderr).not.toContain("\u001b");
    expect((await run(line, failing, { stderr: TERMINAL })).stderr).toContain("\u001b[31mpid 5 is traced");
  });

  it("never appears in JSON, nor after --no-color in either place", async () => {
    const world = { stdout: TERMINAL, stderr: TERMINAL };
    for (const line of [
      "status --json",
      "status --no-color",
      "--no-color status",
      "--no-color status --pid x",
    ]) {
      const { stdout, stderr } = await run(line, {}, world);
      expect(stdout + stderr).not.toContain("\u001b");
    }
  });
});

describe("spinner", () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.doUnmock("ora");
  });

  async function spun(
    isTTY: boolean,
    options: { quiet?: boolean; json?: boolean },
    ms: number,
    columns = 80,
  ) {
    const events: string[] = [];
    vi.doMock("ora", () => ({
      default: ({ text }: { text: string }) => ({
        start: () => events.push(`start ${text}`),
        stop: () => events.push("stop"),
      }),
    }));
    const stream = { write: () => {}, isTTY, columns };
    const world = { stdout: stream, stderr: stream, env: {} } as never;
    const ui = await createUi(world, { json: false, quiet: false, colour: true, ...options });
    const result = await ui.working("looking", () => new Promise((done) => setTimeout(done, ms, "done")));
    expect(result).toBe("done");
    return events;
  }

  it("appears on a terminal for work longer than a blink", async () => {
    expect(await spun(true, {}, 600)).toEqual(["start looking", "stop"]);
  });

  it("does not appear otherwise", async () => {
    expect(await spun(true, {}, 20)).toEqual([]);
    expect(await spun(false, {}, 400)).toEqual([]);
    expect(await spun(true, {}, 400, 0)).toEqual([]);
    expect(await spun(true, { quiet: true }, 400)).toEqual([]);
    expect(await spun(true, { json: true }, 400)).toEqual([]);
  });
});

describe("a stream that cannot be written to", () => {
  const broken = (code: string) => {
    const stream = new EventEmitter() as unknown as NodeJS.WriteStream;
    guard(stream);
    stream.emit("error", Object.assign(new Error(`write ${code}`), { code }));
  };

  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("is no failure if the reader went away", () => {
    const once = vi.spyOn(process, "once");
    const write = vi.spyOn(process.stderr, "write");
    broken("EPIPE");
    expect(once).not.toHaveBeenCalled();
    expect(write).not.toHaveBeenCalled();
  });

  it("is a failure otherwise", () => {
    const once = vi.spyOn(process, "once").mockReturnThis();
    const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    broken("ENOSPC");
    expect(once).toHaveBeenCalledWith("exit", expect.any(Function));
    expect(write).toHaveBeenCalledWith("timeskew: the report could not be written: write ENOSPC\n");
  });
});
