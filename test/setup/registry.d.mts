/** Types of registry.mjs. */
export declare const CACHE: string;
export declare class Unavailable extends Error {}
export declare function fetched(what: {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
  readonly members?: readonly string[];
}): Promise<string>;
