/** What the figures were measured on. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release } from "node:os";

/**
 * @typedef {object} Machine
 * @property {string} cpu
 * @property {number} cpus that we may use
 * @property {boolean} virtual whether the processor says that a hypervisor runs it
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
    virtual: /^flags\s*:.*\bhypervisor\b/m.test(read("/proc/cpuinfo")),
    kernel: `Linux ${release()}`,
    clocksource: read("/sys/devices/system/clocksource/clocksource0/current_clocksource").trim() || "unknown",
    node: process.version,
    load: loadavg()[0],
  };
}

/** The empty text, where there is no such file. */
function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
