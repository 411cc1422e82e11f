/** The licences of the packages whose code esbuild has put into the bundle, as one text. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const HEAD = `timeskew's own code is under the licence in LICENSE. The program in dist/ also contains code of the following
packages, each under the licence that follows its name.
`;
const RULE = `\n${"-".repeat(80)}\n\n`;

/** The folders of the packages that files come from: paths as in an esbuild metafile. */
export function packagesOf(files) {
  const folders = files.map((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

/**
 * The words of its licence file; some packages have them at the end of their README only.
 *
 * @throws Error if there are none: such a package must not be bundled
 */
function licenceOf(folder) {
  const names = readdirSync(folder);
  const file = names.find((name) => /^licen[cs]e(\.|$)/i.test(name));
  if (file !== undefined) return readFileSync(join(folder, file), "utf8");
  const readme = names.find((name) => /^readme(\.|$)/i.test(name));
  const text = readme === undefined ? "" : readFileSync(join(folder, readme), "utf8");
  const section = /^#+ *licen[cs]e *\n(.*)$/ims.exec(text)?.[1];
  if (section === undefined) throw new Error(`${folder} is bundled, and has no text of a licence`);
  return section;
}

/**
 * @param files all that went into the bundle: paths as in an esbuild metafile
 * @param root what they are relative to
 */
export function licencesOf(files, root) {
  const entries = packagesOf(files).map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    const text = licenceOf(join(root, folder)).replaceAll("\r\n", "\n").trim();
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  return [HEAD, ...entries].join(RULE);
}

/**
 * The same for a single binary, which has more in it.
 *
 * @param {string[]} files as above
 * @param {string} root as above
 * @param {{ name: string, version: string, text: string }[]} parts what is embedded, with the words of its licence
 */
export function licencesOfSingle(files, root, parts) {
  const own = `timeskew\n\n${readFileSync(join(root, "LICENSE"), "utf8").trim()}\n`;
  const entries = parts.map(({ name, version, text }) => `${name} ${version}\n\n${text.trim()}\n`);
  return [own, ...entries, licencesOf(files, root)].join(RULE);
}
