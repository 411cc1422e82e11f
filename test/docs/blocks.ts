/** The code blocks of a Markdown page, and the commands in them. Pure. */

export interface Block {
  /** The heading above it. */
  readonly section: string;
  /** Of its first line, from 1. */
  readonly line: number;
  /** What its fence names ("sh", "console", "ts"); "" of a fence without a name, and of an indented block. */
  readonly language: string;
  readonly text: string;
  /** Why no test runs it: what a comment right above it says, `<!-- not run: … -->`. */
  readonly notRun?: string;
}

const FENCE = /^(`{3,}|~{3,})\s*([\w-]*)[^`]*$/;
const HEADING = /^#{1,6}\s+(.*)$/;
const NOT_RUN = /^<!-- not run: (.*) -->$/;
const INDENTED = /^( {4}|\t)/;

/** @throws Error if a fence is not closed */
export function blocksOf(page: string): Block[] {
  const lines = page.split("\n");
  const blocks: Block[] = [];
  let section = "";
  let above = "";
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const [, fence, language = ""] = FENCE.exec(line) ?? [];
    const isIndented = INDENTED.test(line) && above === "" && line.trim() !== "";
    if (fence === undefined && !isIndented) {
      section = HEADING.exec(line)?.[1] ?? section;
      // A blank line does not part a comment from its block.
      if (line.trim() !== "" || !NOT_RUN.test(above)) above = line.trim();
      continue;
    }
    const end = fence === undefined ? endOfIndented(lines, at) : endOfFence(lines, at, fence);
    const from = fence === undefined ? at : at + 1;
    const content = lines.slice(from, end).map((each) => (fence ? each : each.replace(INDENTED, "")));
    const [, notRun] = NOT_RUN.exec(above) ?? [];
    blocks.push({
      section,
      line: from + 1,
      language,
      text: content.join("\n"),
      ...(notRun !== undefined && { notRun }),
    });
    at = fence === undefined ? end - 1 : end;
    above = "";
  }
  return blocks;
}

function endOfFence(lines: readonly string[], at: number, fence: string): number {
  const closes = (line: string) => line.startsWith(fence) && line.slice(fence.length).trim() === "";
  const end = lines.findIndex((line, index) => index > at && closes(line));
  if (end < 0) throw new Error(`line ${at + 1}: the block has no end`);
  return end;
}

/** Blank lines belong to it if more of it follows. */
function endOfIndented(lines: readonly string[], at: number): number {
  let end = at + 1;
  for (let index = at; index < lines.length; index++) {
    if (INDENTED.test(lines[index]!) && lines[index]!.trim() !== "") end = index + 1;
    else if (lines[index]!.trim() !== "") break;
  }
  return end;
}

/** What is typed first in the commands of the pages; any other line of a block without a name is no command. */
const PROGRAMS =
  /^(sudo|timeskew|npx|npm|node|bin\/timeskew\.js|cc|git|gdb|objdump|journalctl|systemctl|[A-Z_]+=\S+)( |$)/;

/**
 * The commands of a block, one for each that is typed: continued lines put together, without what a page says about them
 * (from `#`, or from two blanks on).
 */
export function commandsOf({ language, text }: Block): string[] {
  const lines = text.replace(/\\\n\s*/g, "").split("\n");
  return typed(language, lines).map(withoutRemark).filter(Boolean);
}

function typed(language: string, lines: readonly string[]): string[] {
  if (language === "sh" || language === "bash") return [...lines];
  if (language === "console")
    return lines.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
  return language === "" ? lines.filter((line) => PROGRAMS.test(line)) : [];
}

function withoutRemark(line: string): string {
  return line
    .replace(/(^|\s)#\s.*$/, "")
    .replace(/\s{2,}.*$/, "")
    .trim();
}
