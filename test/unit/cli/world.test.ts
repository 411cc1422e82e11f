import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { catchInterrupts } from "../../../src/cli/interrupts.ts";
import { LiveLines } from "../../../src/cli/live-lines.ts";
import { processWorld } from "../../../src/cli/world.ts";
import { NOON } from "./helpers.ts";

const WORLD = processWorld();
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

describe("interrupts", () => {
  const counts = () => SIGNALS.map((signal) => process.listenerCount(signal));

  it("are Ctrl-C, SIGTERM, SIGHUP, and a reader that went away; nothing of it stays behind", () => {
    const before = [...counts(), process.stdout.listenerCount("error")];
    let count = 0;
    const release = WORLD.onInterrupt(() => count++);
    for (const signal of SIGNALS) process.emit(signal, signal);
    process.stdout.emit("error", Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    expect(count).toBe(4);
    release();
    expect([...counts(), process.stdout.listenerCount("error")]).toEqual(before);
  });

  it("cut sleep short, and keep it from beginning", async () => {
    using interrupts = catchInterrupts(WORLD);
    const sleeping = interrupts.sleep(3_600_000);
    process.emit("SIGTERM", "SIGTERM");
    await sleeping;
    await interrupts.sleep(3_600_000);
    expect(interrupts.count).toBe(1);
  });

  it("leave nothing pending when a sleep is over", async () => {
    const wake = new AbortController();
    await WORLD.sleep(1, wake.signal);
    wake.abort();
  });

  it("count once if they come close together, however long that goes on", () => {
    let now = NOON;
    let interrupt = () => {};
    const onInterrupt = (listener: () => void) => {
      interrupt = listener;
      return () => {};
    };
    using interrupts = catchInterrupts({ ...WORLD, now: () => now, onInterrupt });
    const at = (ns: bigint) => {
      now = NOON + ns;
      interrupt();
      return interrupts.count;
    };
    expect([0n, 400_000_000n, 800_000_000n, 1_300_000_000n, -5_000_000_000n].map(at)).toEqual([
      1, 1, 1, 2, 2,
    ]);
  });
});

describe("files", () => {
  const folder = mkdtempSync(join(tmpdir(), "timeskew-world-"));
  const path = join(folder, "a.csv");

  afterEach(() => {
    rmSync(path, { force: true });
  });

  it("are read whole, or as far as wanted", () => {
    writeFileSync(path, "0s, 1s\n");
    expect(Buffer.from(WORLD.readFile(path, 1000)).toString()).toBe("0s, 1s\n");
    expect(Buffer.from(WORLD.readFile(path, 2)).toString()).toBe("0s");
    writeFileSync(path, "");
    expect(WORLD.readFile(path, 1000)).toHaveLength(0);
  });

  it("may be without an end", () => {
    expect(WORLD.readFile("/dev/zero", 100_000)).toHaveLength(100_000);
  });

  it.each([
    [join(folder, "none"), "ENOENT"],
    [folder, "EISDIR"],
  ])("%s: throws what the system says", (what, code) => {
    expect(() => WORLD.readFile(what, 10)).toThrow(expect.objectContaining({ code }));
  });
});

describe("live lines", () => {
  function terminal(columns: number | undefined, rows: number | undefined) {
    let text = "";
    const lines = new LiveLines({
      columns,
      rows,
      write: (more) => {
        text += more;
      },
    });
    return { lines, written: () => text };
  }
  const drawn = (text: string) => `\u001b[?7l${text}\u001b[?7h`;

  it("take the place of what was drawn before, whatever its height", () => {
    const { lines, written } = terminal(80, 24);
    lines.draw(["a", "b", "c"]);
    lines.draw(["d"]);
    lines.draw(["e", "f"]);
    lines.clear();
    expect(written()).toBe(
      `${drawn("a\nb\nc")}\r\u001b[2A\u001b[J${drawn("d")}\r\u001b[J${drawn("e\nf")}\r\u001b[1A\u001b[J`,
    );
  });

  it("are kept where they are", () => {
    const { lines, written } = terminal(80, 24);
    lines.keep();
    lines.clear();
    lines.draw(["a"]);
    lines.keep();
    lines.draw(["b"]);
    expect(written()).toBe(`${drawn("a")}\n${drawn("b")}`);
  });

  it("are cut to the terminal, which may not say how large it is", () => {
    const { lines, written } = terminal(5, 3);
    lines.draw(["12345", "123456", "c", "d"]);
    expect(written()).toBe(drawn("12345\n… an…"));
    const unknown = terminal(undefined, undefined);
    unknown.lines.draw(["x".repeat(81)]);
    expect(unknown.written()).toBe(drawn(`${"x".repeat(79)}…`));
  });

  it("do not cut a colour in two", () => {
    const { lines, written } = terminal(5, 3);
    lines.draw(["\u001b[1m123456789\u001b[22m"]);
    expect(written()).toContain("123456789\u001b[22m");
  });
});
