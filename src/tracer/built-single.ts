/**
 * What built.ts is, in the single binary: nothing is a file. The dynamic linker has loaded koffi and the helper before Node
 * began (native/single/start.c), so they are found by the names that they have in themselves; the payloads are assets.
 */
import { getRawAsset } from "node:sea";
import type { Koffi } from "./built.ts";

/** The helper's DT_SONAME, for whatever machine it is. */
const HELPER = "timeskew.so";
const KOFFI = "koffi.node";

export function loadKoffi(): Koffi {
  const module = { exports: {} };
  process.dlopen(module, KOFFI);
  return module.exports as Koffi;
}

export function findLibrary(_name: string): string {
  return HELPER;
}

const NO_SUCH_ASSET = "ERR_SINGLE_EXECUTABLE_APPLICATION_ASSET_NOT_FOUND";

export function readBuilt(name: string): Uint8Array | undefined {
  try {
    return new Uint8Array(getRawAsset(name) as ArrayBuffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === NO_SUCH_ASSET) return undefined;
    throw error;
  }
}
