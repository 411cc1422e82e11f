/** The charts of a report, by the names of their files. Pure. */
import { readsChart } from "./chart-reads.mjs";
import { commandsChart, stopsChart } from "./chart-threads.mjs";

/**
 * Of what was measured.
 *
 * @param {import("./shape.mjs").Report} report
 * @returns {Map<string, string>} file → SVG
 */
export function charts({ machine, reads, pause, whole }) {
  const words = machineWords(machine);
  const all = new Map();
  if (reads !== undefined) all.set("reads.svg", readsChart(reads, words));
  if (pause !== undefined) all.set("stops.svg", stopsChart(pause, words));
  if (whole !== undefined) all.set("commands.svg", commandsChart(whole, words));
  return all;
}

/** "AMD EPYC, 2 virtual CPUs, Linux 6.18". */
export function machineWords({ cpu, cpus, virtual, kernel }) {
  const version = kernel.replace(/^(Linux \d+\.\d+).*$/, "$1");
  return `${cpu}, ${cpus} ${virtual ? "virtual " : ""}CPU${cpus === 1 ? "" : "s"}, ${version}`;
}
