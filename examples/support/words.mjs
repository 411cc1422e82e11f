/** How the terminal shows words, and commands. */

export const hasColour = process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== "dumb";
const style = (code) => (text) => (hasColour ? `\x1b[${code}m${text}\x1b[0m` : text);

export const [bold, dim, red, green] = [1, 2, 31, 32].map(style);

/** As a reader could type it. @param {readonly string[]} argv */
export function commandLine(argv) {
  return argv.map(quoted).join(" ");
}

function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
