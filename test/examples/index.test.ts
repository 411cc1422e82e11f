/** examples/README.md names every demonstration, and each of them is complete. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { EXAMPLES } from "../support/examples.ts";
import { parseXml } from "../unit/chart/svg-read.ts";

const TESTS = fileURLToPath(new URL(".", import.meta.url));
const text = (...path: string[]) => readFileSync(join(EXAMPLES, ...path), "utf8");
const linksOf = (page: string) => [...page.matchAll(/\]\(([^)#:]+)\)/g)].map(([, to]) => to!);

const folders = readdirSync(EXAMPLES, { withFileTypes: true }).filter((each) => each.isDirectory());
const demonstrations = folders
  .map(({ name }) => name)
  .filter((name) => existsSync(join(EXAMPLES, name, "demo.mjs")));

describe("examples/README.md", () => {
  it("leads to what is there", () => {
    const links = linksOf(text("README.md"));
    expect(links.filter((to) => !existsSync(join(EXAMPLES, to)))).toEqual([]);
    expect(links).toEqual(expect.arrayContaining(demonstrations.map((name) => `${name}/README.md`)));
  });
});

describe.each(demonstrations)("examples/%s", (name) => {
  it("has a page that says how to play it, and leads to what is there", () => {
    const page = text(name, "README.md");
    expect(page).toContain(`node examples/${name}/demo.mjs`);
    expect(linksOf(page).filter((to) => !existsSync(join(EXAMPLES, name, to)))).toEqual([]);
  });

  it("has a timeline in its page, with words for who cannot see it", () => {
    expect(text(name, "README.md")).toMatch(/!\[[^\]]{20,}\]\(timeline\.svg\)/);
    const [title, description] = parseXml(text(name, "timeline.svg")).children;
    expect(title).toMatchObject({ name: "title", text: expect.stringMatching(/./) });
    expect(description).toMatchObject({ name: "desc", text: expect.stringMatching(/./) });
  });

  it("has a test that plays it", () => {
    expect(readFileSync(join(TESTS, `${name}.test.ts`), "utf8")).toContain(`emonstration("${name}"`);
  });
});
