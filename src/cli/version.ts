/** The version, put in from package.json when the bundle is built. */
declare const __TIMESKEW_VERSION__: string | undefined;

export const VERSION =
  typeof __TIMESKEW_VERSION__ === "string" ? __TIMESKEW_VERSION__ : "0.0.0 (unbundled source)";
