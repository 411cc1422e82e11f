import { describe, expect, it } from "vitest";
import { PLAIN } from "../../../../src/cli/colour.ts";
import { escapeJson, escapeText } from "../../../../src/cli/report/escape.ts";
import { align, table } from "../../../../src/cli/report/table.ts";
import {
  formatAgo,
  formatBrief,
  formatDate,
  formatDateNear,
  formatMeasured,
  formatUptime,
} from "../../../../src/cli/report/time.ts";
import { NOON } from "../helpers.ts";

const S = 1_000_000_000n;

describe("escaping", () => {
  it.each([
    ["redis-server", "redis-server"],
    ["naïve 時計 ✔", "naïve 時計 ✔"],
    ["a\tb\r\nc", "a\\tb\\r\\nc"],
    ["\u001b[31m\u0000\u007f", "\\x1b[31m\\x00\\x7f"],
    ["\u009b31m", "\\x9b31m"],
    ["a\u202eb\u2066\u2028\u200f\u061c", "a\\u202eb\\u2066\\u2028\\u200f\\u061c"],
  ])("%j is shown as %j", (text, shown) => {
    expect(escapeText(text)).toBe(shown);
  });

  it("keeps JSON the same value, in characters that a terminal can take", () => {
    const value = { name: "\u001b\u007f\u009b\u202e\u2028é" };
    const json = escapeJson(JSON.stringify(value));
    expect(json).toBe('{"name":"\\u001b\\u007f\\u009b\\u202e\\u2028é"}');
    expect(JSON.parse(json)).toEqual(value);
  });
});

describe("times", () => {
  it.each([
    [NOON, 0, "2026-11-20 14:49:02"],
    [NOON, 9, "2026-11-20 14:49:02.123456789"],
    [0n, 3, "1970-01-01 00:00:00.000"],
    [-1n, 9, "1969-12-31 23:59:59.999999999"],
    [2n ** 63n - 1n, 3, "2262-04-11 23:47:16.854"],
    [8_640_000_000_001n * S, 0, "8640000000001 s since 1970"],
  ])("%s ns with %i digits is %s", (ns, digits, text) => {
    expect(formatDate(ns, digits)).toBe(text);
  });

  it("leaves out the day where it is the same", () => {
    expect(formatDateNear(NOON + S, NOON, 3)).toBe("14:49:03.123");
    expect(formatDateNear(NOON + 86_400n * S, NOON)).toBe("2026-11-21 14:49:02");
    const beyond = 8_640_000_000_001n * S;
    expect(formatDateNear(beyond, beyond)).toBe("8640000000001 s since 1970");
  });

  it.each([
    [0n, 0, "00:00:00"],
    [4_845n * S + 1n, 9, "01:20:45.000000001"],
    [90_061n * S, 0, "1d 01:01:01"],
    [-3n * S, 0, "-00:00:03"],
  ])("%s ns since boot is %s", (ns, digits, text) => {
    expect(formatUptime(ns, digits)).toBe(text);
  });

  it.each([
    [0n, "0 ns"],
    [999n, "999 ns"],
    [1_000n, "1 µs"],
    [1_234n, "1.2 µs"],
    [143_211n, "143 µs"],
    [999_499n, "999 µs"],
    [999_500n, "1 ms"],
    [1_500_000_000n, "1.5 s"],
    [123_000_000_000n, "123 s"],
  ])("a pause of %s ns is %s", (ns, text) => {
    expect(formatBrief(ns)).toBe(text);
  });

  it.each([
    [5n, "5 s ago"],
    [60n, "1 min ago"],
    [3_600n, "1 h ago"],
    [172_799n, "47 h ago"],
    [172_800n, "2 days ago"],
    [-1n, undefined],
  ])("%s s before now is %s", (seconds, text) => {
    expect(formatAgo(NOON, NOON + seconds * S)).toBe(text);
  });

  it.each([
    [-600n * S, 40n, "-10m ±40ns"],
    [-600n * S + 17n, 40n, "-10m ±60ns"],
    [-600_000_000_100n, 40n, "-10m100ns ±40ns"],
    [1_234n, 21n, "1.23us ±30ns"],
    [7n, 0n, "7ns"],
    [-7n, 2n, "-7ns ±2ns"],
    [-7n, 3n, "-10ns ±6ns"],
    [2_300_000n, 4_000_001n, "0s ±7ms"],
    [95n, 95n, "100ns ±100ns"],
  ])("a measured %s ns, give or take %s, is %s", (ns, uncertainty, text) => {
    expect(formatMeasured(ns, uncertainty)).toBe(text);
  });
});

describe("tables", () => {
  it("aligns columns and leaves no blanks at the end", () => {
    const columns = [{ title: "PID", right: true }, { title: "COMMAND" }, { title: "ID" }];
    expect(
      table(
        columns,
        [
          ["1", "longer-name", "x"],
          ["12345", "sh", ""],
        ],
        PLAIN,
      ),
    ).toEqual(["  PID  COMMAND      ID", "    1  longer-name  x", "12345  sh"]);
    expect(align([])).toEqual([]);
  });
});
