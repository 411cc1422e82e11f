/** The figures of the pages are those of the last recorded run, and the charts too. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { judge } from "../../bench/aims.mjs";
import { charts } from "../../bench/charts.mjs";
import { figures } from "../../bench/figures.mjs";
import { CHARTS, PAGES, places, RESULTS, withFigures } from "../../bench/record.mjs";
import { misfits } from "../../bench/shape.mjs";
import { specimen } from "./specimen.mjs";

const BEGIN = "<!-- bench: sets, written by npm run bench -- --record -->";

describe("the recorded run", () => {
  const report = JSON.parse(readFileSync(RESULTS, "utf8"));

  test("is a whole one", () => {
    expect(misfits(report)).toEqual([]);
    expect(report.aims).toEqual(judge(report));
  });

  test("is what the pages say, and nothing of it is missing in them", () => {
    const texts = PAGES.map((page) => readFileSync(page, "utf8"));
    const all = figures(report);
    expect([...new Set(texts.flatMap(places))].sort()).toEqual([...all.keys()].sort());
    for (const text of texts) expect(withFigures(text, all)).toBe(text);
  });

  test("is what the charts show", () => {
    for (const [file, content] of charts(report))
      expect(readFileSync(join(CHARTS, file), "utf8")).toBe(content);
  });
});

test("tables stand between their markers, and everything else stays", () => {
  const all = new Map([["sets", "| new |"]]);
  const text = `before\n${BEGIN}\n| old |\n<!-- /bench -->\nafter\n`;
  const written = withFigures(text, all);
  expect(written).toBe(`before\n${BEGIN}\n| new |\n<!-- /bench -->\nafter\n`);
  expect(withFigures(written, all)).toBe(written);
  expect(withFigures("no place\n", all)).toBe("no place\n");
  expect(() => withFigures(`${BEGIN}\nno end`, all)).toThrow("no <!-- /bench -->");
});

test("every table has as many cells in each row as in its head", () => {
  const report = specimen();
  for (const [name, text] of figures({ ...report, aims: judge(report) })) {
    if (name === "machine") continue;
    const widths = text.split("\n").map((line) => line.split("|").length);
    expect(new Set(widths).size, `${name}:\n${text}`).toBe(1);
  }
});

test("reads: the ratio, and what is added where that says more", () => {
  const lines = figures(specimen()).get("reads").split("\n");
  expect(lines).toEqual([
    "| a read of | plain | skewed | not selected | libfaketime 0.9.10 | the same, for threads | a system call per read |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    "| `CLOCK_REALTIME` | 20 ns | 1.10 × | 1.05 × | 3.30 × | 17 × | 8.80 × |",
    "| `time` | 2.0 ns | 2.50 × (+3.0 ns) | 11 × (+19 ns) | 33 × | 165 × | 88 × |",
  ]);
});

test("the essence: one line for each cost, and only of a whole run", () => {
  const report = specimen();
  const rows = new Map(
    figures({ ...report, aims: [] })
      .get("essence")
      .split("\n")
      .slice(2)
      .map((line) => line.slice(2, -2).split(" | ")),
  );
  expect(rows.get("a read of `CLOCK_REALTIME`")).toBe(
    "20 ns untouched; skewed 1.10 × (libfaketime 0.9.10 3.30 ×, the same, for threads 17 ×, a system call per read 8.80 ×)",
  );
  expect(rows.get("a change of the skew")).toBe("no stop");
  report.update[0].pauseNs = 2e6;
  expect(figures({ ...report, aims: [] }).get("essence")).toContain("| a stop of 2.00 ms |");
  expect(figures({ ...report, update: undefined, aims: [] }).has("essence")).toBe(false);
});

test("a busy machine, and a short run, are told", () => {
  const calm =
    "Measured on 2026-11-21: Some <CPU> & more, 2 virtual CPUs, Linux 6.18, clocksource tsc, Node 20.20.2.";
  const report = specimen();
  expect(figures(report).get("machine")).toBe(calm);
  report.reads.functions[1].noisy = true;
  expect(figures(report).get("machine")).toBe(
    `${calm} The machine was busy with other work: trust the ratios only.`,
  );
  expect(figures({ ...specimen(), length: "quick" }).get("machine")).toContain("a few rounds (`--quick`)");
});
