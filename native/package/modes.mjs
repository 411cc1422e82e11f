/**
 * Gives what will be packed the permissions that it has in a clone under the usual umask: 644, or 755 if its owner may
 * execute it. They are part of a tarball, which is to have the same bytes wherever it is made.
 */
import { chmodSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

const { files: patterns } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const places = new Set(["package.json", ...patterns.map((pattern) => pattern.split("/", 1)[0])]);
const files = [...places]
  .map((name) => join(ROOT, name))
  .flatMap((place) => (statSync(place).isDirectory() ? filesIn(place) : [place]));
for (const file of files) chmodSync(file, statSync(file).mode & 0o100 ? 0o755 : 0o644);
