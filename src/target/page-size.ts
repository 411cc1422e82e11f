/**
 * How large this kernel's pages are. Every process has the same: 4096 bytes on x86, and on arm64 4096, 16384 or 65536.
 */
import { readFileSync } from "node:fs";
import { TimeskewError } from "../errors.ts";
import { AT_PAGESZ, parseAuxv } from "./auxv.ts";

/** What our pages, and the gaps for them, are laid out for. */
const KNOWN = 4096n;

/** @throws TimeskewError E_UNSUPPORTED, E_PERMISSION */
export function refuseOtherPages(): void {
  if (process.arch !== "x64") refusePagesOf(ownAuxv());
}

/** @throws TimeskewError E_UNSUPPORTED */
export function refusePagesOf(auxv: Uint8Array): void {
  const size = parseAuxv(auxv)?.values.get(AT_PAGESZ);
  if (size === KNOWN) return;
  throw new TimeskewError(
    "E_UNSUPPORTED",
    `this kernel has pages of ${size ?? "an unknown number of"} bytes`,
    {
      hint: `timeskew knows pages of ${KNOWN} bytes: all kernels for x86-64 have them, and Debian's and Ubuntu's for arm64`,
    },
  );
}

function ownAuxv(): Uint8Array {
  try {
    return readFileSync("/proc/self/auxv");
  } catch (cause) {
    // Node itself has got file capabilities.
    throw new TimeskewError("E_PERMISSION", "not permitted to read how large this kernel's pages are", {
      cause,
      hint: "run timeskew with sudo",
    });
  }
}
