/**
 * A process chooses its own name, and an error may quote it. Characters that would move the cursor, colour
 * the terminal, break a line or reorder it are shown, never sent.
 */

/** C0, DEL, C1, line and paragraph separators, and the marks that reorder bidirectional text. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** For text meant for a terminal: one line, every unsafe character as \n, \x1b or \u202e. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.charCodeAt(0);
    return SHORT[char] ?? (code < 256 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`);
  });
}

/** For JSON text, where JSON.stringify leaves DEL, C1 and the bidirectional marks as they are. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (char) => `\\u${hex(char.charCodeAt(0), 4)}`);
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
