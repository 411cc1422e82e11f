/** The page of limits has a place for each, with what was printed, and its links lead somewhere. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../../examples/limits/limits.mjs";
import { beginOf, END, withBlock } from "../../../examples/limits/page.mjs";
import { table } from "../../../examples/limits/table.mjs";

const FOLDER = fileURLToPath(new URL("../../../examples/limits/", import.meta.url));
const PAGE = readFileSync(join(FOLDER, "README.md"), "utf8");

/** What stands between the markers of each limit, in the page's order. */
function blocks(text: string): [name: string, block: string][] {
  return [...text.matchAll(/<!-- seen: (\S+) -->\n([\s\S]*?)<!-- \/seen -->/g)].map((match) => [
    match[1]!,
    match[2]!,
  ]);
}

/** As GitHub makes the anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

describe("the page", () => {
  it("has all limits, in the order in which they are tried", () => {
    expect(blocks(PAGE).map(([name]) => name)).toEqual(LIMITS.map(({ name }) => name));
  });

  it.each(blocks(PAGE))("shows what was printed for %s, and where", (name, block) => {
    const shown = new RegExp(
      `^\`\`\`console\\n(?:.+\\n)+\`\`\`\\n\\n\`${name}\`(?:, \\[(\\w+\\.[ch])\\]\\(\\1\\))*: Linux \\S+, \\S+, \\d{4}-\\d\\d-\\d\\d\\n$`,
    );
    expect(block).toMatch(shown);
    expect(block).toMatch(/^\$ timeskew /m);
  });

  it("says of each what it means, how it is noticed, and what to do", () => {
    const sections = PAGE.split(/^### /m).slice(1);
    expect(sections).toHaveLength(LIMITS.length);
    for (const section of sections) {
      expect(section).toMatch(
        /^- \*\*For your test:\*\* .*[\s\S]*^- \*\*How you notice:\*\* [\s\S]*^- \*\*Instead:\*\* /m,
      );
    }
  });

  it("has links that lead to its headings", () => {
    const anchors = [...PAGE.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!));
    const links = [...PAGE.matchAll(/\]\(#([^)]*)\)/g)].map(([, anchor]) => anchor);
    expect(links.length).toBeGreaterThan(0);
    expect(anchors).toEqual(expect.arrayContaining(links));
  });
});

describe("a block", () => {
  const outcome = {
    name: "b",
    expected: "",
    seen: "",
    verdict: "as described",
    transcript: ["$ new"],
    sources: ["b.c"],
  };
  const page = `${beginOf("a")}\nold a\n${END}\nbetween\n${beginOf("b")}\nold b\n${END}\nend\n`;

  it("takes the place of the old one, and of no other", () => {
    expect(withBlock(page, outcome, "here")).toBe(
      page.replace("old b", "```console\n$ new\n```\n\n`b`, [b.c](b.c): here"),
    );
  });

  it("needs a place", () => {
    expect(() => withBlock(page, { ...outcome, name: "c" }, "here")).toThrow("<!-- seen: c -->");
  });
});

describe("the table", () => {
  it("wraps what is longer than its column", () => {
    const expected = "a wait that has begun keeps its deadline in true time";
    const lines = table([
      { name: "x", expected, seen: "y".repeat(50), verdict: "as described", transcript: [], sources: [] },
    ]).split("\n");
    expect(lines.slice(2)).toEqual([
      `x                 a wait that has begun keeps its     ${"y".repeat(40)}  as described`,
      `                  deadline in true time               ${"y".repeat(10)}`,
    ]);
  });
});
