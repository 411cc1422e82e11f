/**
 * Finds the programs that the tests start, and the Debian packages that they come in. Plain JavaScript
 * without dependencies, because it also runs on a bare machine before `npm ci`.
 */
import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** What the tests need: packages.json, one package per row. */
export const PACKAGES = JSON.parse(readFileSync(new URL("packages.json", import.meta.url), "utf8"));

const POSTGRES = "/usr/lib/postgresql";

/** Where Debian keeps what an ordinary user's PATH leaves out; a database's newest version first. */
function extraFolders() {
  let versions = [];
  try {
    versions = readdirSync(POSTGRES).sort((a, b) => Number(b) - Number(a));
  } catch {
    // PostgreSQL is not installed.
  }
  return [
    ...versions.map((version) => join(POSTGRES, version, "bin")),
    "/usr/sbin",
    "/sbin",
    "/usr/local/sbin",
  ];
}

function isThere(path, mode) {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** The path of a program (or of an absolutely named file), or undefined. */
export function findProgram(name) {
  if (isAbsolute(name)) return isThere(name, constants.R_OK) ? name : undefined;
  // The extra folders come first: Debian's own psql in the PATH is a Perl wrapper.
  const folders = [...extraFolders(), ...(process.env.PATH ?? "").split(delimiter)];
  return folders.map((folder) => join(folder, name)).find((path) => isThere(path, constants.X_OK));
}

/** The package that provides a program. */
export function packageOf(name) {
  return PACKAGES.find(({ provides }) => provides.includes(name))?.package;
}

/** The packages of which something is missing. */
export function missingPackages() {
  const incomplete = PACKAGES.filter(({ provides }) => !provides.every((name) => findProgram(name)));
  return incomplete.map((row) => row.package);
}
