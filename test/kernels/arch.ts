/** The two architectures of guests, and what everybody calls them. */
export type Arch = "x86_64" | "arm64";

export const ARCHES: readonly Arch[] = ["x86_64", "arm64"];

/** The series of kernels that the matrix has, oldest first. */
export const SERIES: readonly string[] = ["5.10", "6.1", "6.12", "6.18", "7.2"];

export interface Names {
  /** Debian's. */
  debian: "amd64" | "arm64";
  /** Node's and npm's. */
  node: "x64" | "arm64";
  /** Debian's folder of libraries. */
  triplet: string;
  /** The compiler whose programs it runs. */
  compiler: string;
  /** The file of the helper, and what it is compiled with there (native/build.mjs). */
  helper: string;
  helperFlags: readonly string[];
  qemu: string;
}

export const NAMES: Readonly<Record<Arch, Names>> = {
  x86_64: {
    debian: "amd64",
    node: "x64",
    triplet: "x86_64-linux-gnu",
    compiler: "x86_64-linux-gnu-gcc",
    helper: "timeskew-x86_64.so",
    helperFlags: [],
    qemu: "qemu-system-x86_64",
  },
  arm64: {
    debian: "arm64",
    node: "arm64",
    triplet: "aarch64-linux-gnu",
    compiler: "aarch64-linux-gnu-gcc",
    helper: "timeskew-aarch64.so",
    helperFlags: ["-mno-outline-atomics"],
    qemu: "qemu-system-aarch64",
  },
};
