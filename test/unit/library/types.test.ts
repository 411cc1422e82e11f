/** The declarations that are published: another project compiles with them, and wrong use does not. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";
import { declarations } from "../../../types.config.mjs";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CONSUMER = fileURLToPath(new URL("consumer/", import.meta.url));

const OPTIONS: ts.CompilerOptions = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  target: ts.ScriptTarget.ES2022,
  types: ["node"],
  noEmit: true,
};
const MODULES = {
  node16: { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 },
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
} as const;

let folder: string;

/** A project that has installed the package. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "timeskew-types-"));
  const installed = join(folder, "node_modules/timeskew");
  await mkdir(join(installed, "dist"), { recursive: true });
  await writeFile(join(installed, "package.json"), await readFile(join(ROOT, "package.json")));
  await writeFile(join(installed, "dist/index.js"), "");
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  for (const name of ["@types", "undici-types"]) {
    await symlink(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
  }
  for (const name of ["right.ts", "wrong.ts"]) {
    await writeFile(join(folder, name), await readFile(join(CONSUMER, name)));
  }
  await writeFile(join(installed, "dist/index.d.ts"), declarations());
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

const compiled = new Map<string, { program: ts.Program; diagnostics: readonly ts.Diagnostic[] }>();

function compile(name: string, modules: keyof typeof MODULES) {
  const known = compiled.get(`${name} ${modules}`);
  if (known !== undefined) return known;
  const program = ts.createProgram([join(folder, name)], { ...OPTIONS, ...MODULES[modules] });
  const outcome = { program, diagnostics: ts.getPreEmitDiagnostics(program) };
  compiled.set(`${name} ${modules}`, outcome);
  return outcome;
}

function words({ file, start, messageText }: ts.Diagnostic): string {
  const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
  return `${file?.fileName ?? ""}:${line}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
}

test.each(["node16", "bundler"] as const)("right use compiles, with modules of %s", (modules) => {
  expect(compile("right.ts", modules).diagnostics.map(words)).toEqual([]);
});

test("the right use is of every export", () => {
  const { program } = compile("right.ts", "node16");
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(join(folder, "right.ts"))!;
  const declaration = source.statements.filter(ts.isImportDeclaration).at(-1)!;
  const exported = checker
    .getExportsOfModule(checker.getSymbolAtLocation(declaration.moduleSpecifier)!)
    .map(({ name }) => name);
  const bindings = declaration.importClause!.namedBindings as ts.NamedImports;
  expect(bindings.elements.map(({ name }) => name.text).sort()).toEqual(exported.sort());
});

test("wrong use does not compile, line by line", () => {
  const { program, diagnostics } = compile("wrong.ts", "node16");
  const source = program.getSourceFile(join(folder, "wrong.ts"))!;
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line;
  const wrong = source.statements
    .filter((each) => ts.isExpressionStatement(each) || ts.isBlock(each))
    .map((each) => ({ text: each.getText(), from: lineOf(each.getStart()), to: lineOf(each.end) }));
  const complained = diagnostics.filter(({ file }) => file === source).map(({ start }) => lineOf(start!));
  const passed = wrong.filter(({ from, to }) => !complained.some((line) => from <= line && line <= to));
  expect(passed.map(({ text }) => text)).toEqual([]);
  expect(diagnostics.length).toBe(complained.length);
  expect(wrong.length).toBeGreaterThan(20);
  const right = source.statements.find(ts.isVariableStatement)!;
  expect(complained).not.toContain(lineOf(right.getStart()));
});

test("what is forgotten first is named first", () => {
  const messages = compile("wrong.ts", "node16").diagnostics.map(words).join("\n");
  expect(messages).toContain("Property 'pid' is missing");
  expect(messages).toContain("Property 'offset' is missing");
  expect(messages).toContain("Did you mean to write 'offset'?");
});

test("every export, and every member of its own, is described", () => {
  const { program } = compile("right.ts", "node16");
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(join(folder, "node_modules/timeskew/dist/index.d.ts"))!;
  const bare: string[] = [];
  for (const symbol of checker.getExportsOfModule(checker.getSymbolAtLocation(source)!)) {
    const own = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    if (own.getDocumentationComment(checker).length === 0) bare.push(own.name);
    for (const member of own.members?.values() ?? []) {
      const isNamed = !member.name.startsWith("__");
      if (isNamed && member.getDocumentationComment(checker).length === 0)
        bare.push(`${own.name}.${member.name}`);
    }
  }
  expect(bare).toEqual([]);
});
