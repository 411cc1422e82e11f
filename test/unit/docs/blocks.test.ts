/** How the blocks of a page are found. */
import { describe, expect, test } from "vitest";
import { blocksOf, commandsOf } from "../../docs/blocks.ts";

const lines = (...all: string[]) => all.join("\n");
const commands = (page: string) => blocksOf(page).flatMap(commandsOf);

describe("blocks", () => {
  test("fenced ones, with their language, heading and line", () => {
    const page = lines("# Page", "## Use", "text", "```sh", "a", "", "b", "```", "~~~", "c", "~~~");
    expect(blocksOf(page)).toEqual([
      { section: "Use", line: 5, language: "sh", text: "a\n\nb" },
      { section: "Use", line: 10, language: "", text: "c" },
    ]);
  });

  test("a longer fence holds shorter ones", () => {
    expect(blocksOf(lines("````md", "```sh", "a", "```", "````"))).toEqual([
      { section: "", line: 2, language: "md", text: "```sh\na\n```" },
    ]);
  });

  test("indented ones, behind a blank line, with their own blank lines", () => {
    const page = lines("text", "", "    a", "", "      b", "", "text", "    not a block");
    expect(blocksOf(page)).toEqual([{ section: "", line: 3, language: "", text: "a\n\n  b" }]);
  });

  test("a heading within a block is none", () => {
    expect(blocksOf(lines("# A", "```sh", "# b", "```", "```sh", "c", "```"))[1]!.section).toBe("A");
  });

  test("a mark above it says why it is not run", () => {
    const page = lines("<!-- not run: it takes hours -->", "", "```sh", "a", "```", "```sh", "b", "```");
    expect(blocksOf(page).map(({ notRun }) => notRun)).toEqual(["it takes hours", undefined]);
  });

  test("one without an end is a mistake", () => {
    expect(() => blocksOf(lines("", "```sh", "a"))).toThrow("line 2: the block has no end");
  });
});

describe("commands", () => {
  test("of a shell: every line, put together where it goes on, without remarks", () => {
    const page = lines("```sh", "a --b \\", "  --c", "# only a remark", "d # a remark", "e '#1'", "```");
    expect(commands(page)).toEqual(["a --b --c", "d", "e '#1'"]);
  });

  test("of a transcript: what follows a prompt", () => {
    expect(commands(lines("```console", "$ a", "its answer", "$ b", "```"))).toEqual(["a", "b"]);
  });

  test("of a block without a name: what begins with a program of ours, without what is said about it", () => {
    const page = lines(
      "",
      "    npm run demo        what it does",
      "    out of it",
      "    sudo timeskew status",
    );
    expect(commands(page)).toEqual(["npm run demo", "sudo timeskew status"]);
  });

  test("of anything else: none", () => {
    expect(commands(lines("```text", "npm test", "```", "```ts", "a", "```"))).toEqual([]);
  });
});
