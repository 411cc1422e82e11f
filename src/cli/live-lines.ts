/** Lines at the end of a terminal that are drawn anew in place. */
import type { OutputStream } from "./world.ts";

/** A line that is too long would be two, and the next drawing begin in the wrong place. */
const NO_WRAP = "\u001b[?7l";
const WRAP = "\u001b[?7h";
const CLEAR_BELOW = "\u001b[J";

export class LiveLines {
  readonly #stream: OutputStream;
  #drawn = 0;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  get columns(): number {
    return this.#stream.columns ?? 80;
  }

  /** In place of what was drawn before. What the terminal has no room for is cut off, and counted. */
  draw(lines: readonly string[]): void {
    const room = Math.max(1, (this.#stream.rows ?? 24) - 1);
    const shown =
      lines.length <= room
        ? lines
        : [...lines.slice(0, room - 1), `… and ${lines.length - room + 1} more lines`];
    const cut = shown.map((line) => cutTo(line, this.columns));
    this.#stream.write(`${this.#home()}${NO_WRAP}${cut.join("\n")}${WRAP}`);
    this.#drawn = shown.length;
  }

  /** As if nothing had been drawn; other text may follow. */
  clear(): void {
    if (this.#drawn > 0) this.#stream.write(this.#home());
    this.#drawn = 0;
  }

  /** Leaves what is drawn where it is; other text may follow. */
  keep(): void {
    if (this.#drawn > 0) this.#stream.write("\n");
    this.#drawn = 0;
  }

  #home(): string {
    const up = this.#drawn > 1 ? `\u001b[${this.#drawn - 1}A` : "";
    return this.#drawn > 0 ? `\r${up}${CLEAR_BELOW}` : "";
  }
}

/** Text with colours in it is left to the terminal, which does not wrap it. */
function cutTo(line: string, columns: number): string {
  return line.length <= columns || line.includes("\u001b") ? line : `${line.slice(0, columns - 1)}…`;
}
