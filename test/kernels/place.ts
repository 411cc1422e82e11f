/** The repository, or in a guest what was taken of it: this file, and what it is bundled into, lie in test/FOLDER/. */
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Below it, in a guest: a second copy of the package, with the fault build of the helper. */
export const FAULTS_FOLDER = "faults";
