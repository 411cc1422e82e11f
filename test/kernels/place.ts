/** The repository, or in a guest what was taken of it: this file, and what it is bundled into, lie in test/FOLDER/. */
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
