/**
 * What a C compiler makes of a header: the values of expressions, by name. The tests compare them with the layouts
 * that TypeScript holds.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestContext } from "vitest";

const NATIVE = fileURLToPath(new URL("../../../native/", import.meta.url));

/** The values of constant expressions in C, or the test is skipped. */
export function evaluate(context: TestContext, header: string, expressions: readonly string[]): bigint[] {
  if (spawnSync("cc", ["--version"]).status !== 0)
    return context.skip("needs a C compiler: apt-get install gcc");
  const folder = mkdtempSync(join(tmpdir(), "timeskew-layout-"));
  try {
    const prints = expressions
      .map((each) => `  printf("%llu\\n", (unsigned long long)(${each}));`)
      .join("\n");
    const program = `#include <stddef.h>\n#include <stdio.h>\n#include "${header}"\nint main(void) {\n${prints}\n}\n`;
    writeFileSync(join(folder, "layout.c"), program);
    execFileSync("cc", ["-std=gnu11", "-I", NATIVE, "-o", join(folder, "layout"), join(folder, "layout.c")]);
    return execFileSync(join(folder, "layout"), { encoding: "utf8" }).trim().split("\n").map(BigInt);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Whether the constant expressions have these values for 32-bit programs, too, as the compiler's complaint: "" if so. Or the
 * test is skipped. It needs no 32-bit C library.
 */
export function complaintFor32Bit(
  context: TestContext,
  header: string,
  expected: readonly (readonly [string, bigint])[],
): string {
  const compile = (program: string) =>
    spawnSync("cc", ["-m32", "-std=gnu11", "-ffreestanding", "-fsyntax-only", "-I", NATIVE, "-x", "c", "-"], {
      input: program,
      encoding: "utf8",
    });
  if (compile("int nothing;").status !== 0) return context.skip("needs a C compiler that makes 32-bit code");
  const claims = expected.map(([name, value]) => `_Static_assert((${name}) == ${value}ull, "${name}");`);
  return compile([`#include <stddef.h>`, `#include "${header}"`, ...claims].join("\n")).stderr;
}

/** Offset and size of each member of a structure: `members` as C writes them ("slot[1].generation"). */
export function layoutOf(
  context: TestContext,
  header: string,
  structure: string,
  members: readonly string[],
): Map<string, { offset: number; size: number }> {
  const values = evaluate(
    context,
    header,
    members.flatMap((member) => [
      `offsetof(struct ${structure}, ${member})`,
      `sizeof(((struct ${structure} *)0)->${member})`,
    ]),
  ).map(Number);
  return new Map(members.map((member, i) => [member, { offset: values[2 * i]!, size: values[2 * i + 1]! }]));
}
