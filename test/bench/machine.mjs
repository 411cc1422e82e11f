/** What the figures were measured on. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release } from "node:os";

/**
 * @typedef {object} Machine
 * @property {string} cpu
 * @property {number} cpus that we may use
 * @property {string} kernel
 * @property {string} clocksource a vDSO reads "tsc" itself; most others are system calls
 * @property {string} node
 * @property {number} load the load average of the last minute
 */

/** @returns {Machine} */
export function describeMachine() {
  return {
    cpu: cpus()[0]?.model.trim() || "unknown CPU",
    cpus: availableParallelism(),
    kernel: `Linux ${release()}`,
    clocksource: clocksource(),
    node: process.version,
    load: loadavg()[0],
  };
}

function clocksource() {
  try {
    return readFileSync("/sys/devices/system/clocksource/clocksource0/current_clocksource", "utf8").trim();
  } catch {
    return "unknown";
  }
}
