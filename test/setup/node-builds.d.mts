/** Types of node-builds.mjs. */
export type NodeMajor = "12" | "18" | "20" | "22" | "24";
export type NodeArch = "x64" | "arm64";

export declare const NODE_BUILDS: Readonly<
  Record<NodeMajor, { readonly version: string } & { readonly [Arch in NodeArch]?: string }>
>;

/**
 * @returns the path of the binary, which is not to be changed; `../LICENSE` from it is Node's
 * @throws Unavailable if the registry cannot be reached, or has none for this architecture
 */
export declare function nodeBuild(major: NodeMajor, arch?: NodeArch): Promise<string>;
