/** What self.ts is, in the single binary: a program of its own, whose path Node takes for its script's, too. */
import { realpathSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Self } from "./self.ts";

export const self: Self = {
  get script() {
    const typed = process.argv[1] ?? "";
    return leadsHere(typed) ? typed : process.execPath;
  },
  isProgram: true,
  // By the link that the kernel keeps: the file may have been replaced or removed, or lie outside of a changed root.
  restart: () => ({ paths: ["/proc/self/exe"], argv: [basename(process.execPath)] }),
};

/** What stands in argv[0] is the caller's choice (`exec -a`), and may be no name of this file. */
function leadsHere(typed: string): boolean {
  if (typed === "") return false;
  if (typed.includes("/")) return isThis(resolve(typed));
  return (process.env.PATH ?? "").split(":").some((folder) => isThis(join(folder || ".", typed)));
}

function isThis(path: string): boolean {
  try {
    return realpathSync(path) === process.execPath;
  } catch {
    return false; // there is nothing by this name
  }
}
