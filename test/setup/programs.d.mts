/** Types of programs.mjs. */
export declare const PACKAGES: readonly { package: string; provides: readonly string[] }[];
export declare function findProgram(name: string): string | undefined;
export declare function packageOf(name: string): string | undefined;
export declare function missingPackages(): string[];
