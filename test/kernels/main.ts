/** The kernel matrix: fetches kernels, boots guests two at a time, prints a table; the exit code tells. */
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { ARCHES, type Arch, SERIES } from "./arch.ts";
import { fetchedKernel, type Kernel } from "./fetch/kernel.ts";
import { runMatrix } from "./matrix.ts";
import { ROOT } from "./place.ts";
import { plan, VARIANTS, without } from "./plan.ts";
import { record, recorded } from "./record.ts";
import { cellTable } from "./table.ts";

const HELP = `npm run test:kernels [-- OPTIONS]

  --kernel SERIES     only ${SERIES.join(", ")} (may be repeated, as all of these)
  --arch ARCH         only guests of ${ARCHES.join(", ")}
  --machine MACHINE   only targets of x86_64, i386, aarch64
  --variant NAME      only ${VARIANTS.map(({ name }) => name || "plain").join(", ")}
  --cell NAME         only inject, recover, hammer, kill, waits, profiles, user, run
  --record            writes each result, as soon as it is there, into results.json and the table in this folder
  --missing           only what results.json does not have, or not as it has to be
  --one               one guest at a time
  --as-is             with the package as it was built, and kernels that were fetched before
`;

const list = { type: "string", multiple: true } as const;
const { values } = parseArgs({
  options: {
    kernel: list,
    arch: list,
    machine: list,
    variant: list,
    cell: list,
    record: { type: "boolean" },
    missing: { type: "boolean" },
    one: { type: "boolean" },
    "as-is": { type: "boolean" },
    help: { type: "boolean" },
  },
});

async function main(): Promise<number> {
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const { kernel: series, arch: arches, machine: machines, variant: variants, cell: cells } = values;
  const wanted = plan({ series, arches, machines, variants, cells });
  const guests = values.missing ? without(wanted, recorded()) : wanted;
  if (guests.length === 0 && wanted.length > 0) {
    console.log("nothing is missing");
    return 0;
  }
  if (guests.length === 0) {
    console.error(`nothing is like that\n\n${HELP}`);
    return 2;
  }
  if (!values["as-is"]) buildFor(guests.some(({ arch }) => arch === "arm64"));
  const results = await runMatrix(guests, {
    say: (line) => console.log(line),
    ...(values.record ? { keep: record } : {}),
    ...(values.one ? { atATime: 1 } : {}),
    ...(values["as-is"] ? { find: needFetched } : {}),
  });
  console.log(`\n${cellTable(results)}`);
  const wrong = results.filter(({ right }) => !right);
  for (const { series, machine, variant, cell, words } of wrong) {
    console.log(`\nnot right: ${[series, variant, machine, cell].filter(Boolean).join(" ")}: ${words}`);
  }
  console.log(`\n${results.length - wrong.length} cells are as they have to be, ${wrong.length} are not`);
  return wrong.length === 0 ? 0 : 1;
}

async function needFetched(series: string, arch: Arch): Promise<Kernel> {
  const kernel = fetchedKernel(series, arch);
  if (!kernel) throw new Error(`no kernel ${series} for ${arch} was fetched yet`);
  return kernel;
}

/** Guests get what is built, so that is made anew. */
function buildFor(arm64: boolean): void {
  const node = (...args: string[]) => execFileSync(process.execPath, args, { cwd: ROOT, stdio: "inherit" });
  node("native/build.mjs");
  if (arm64) node("native/build.mjs", "--arch", "arm64");
  node("esbuild.config.mjs");
}

// The end of this process takes the guests and their folders with it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1));
process.exitCode = await main();
