/** The monitor of monitor.go: built in the demonstration's folder, started, and listened to. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("monitor.go", import.meta.url));
/** `["system time jump backward"] [last=1585041383060109693]` */
const MESSAGE = /\["(system time[^"]*)"\] \[\w+=(\d+)\]$/;

/** So that Go writes nothing outside of the folder, and its user's settings do not matter. */
function settings({ folder }) {
  return { HOME: folder, GOCACHE: join(folder, "go"), GOFLAGS: "", GOENV: "off", GOTOOLCHAIN: "local" };
}

/** @returns {Promise<string>} "Go 1.19.8" */
export async function goVersion(scene) {
  const { stdout } = await scene.run(["go", "version"], { env: settings(scene) });
  return `Go ${/\bgo(\d[\d.]*)/.exec(stdout)?.[1]}`;
}

/** @returns {Promise<Monitor>} that reads its clock */
export async function startMonitor(scene) {
  const program = join(scene.folder, "monitor");
  await scene.run(["go", "build", "-o", program, SOURCE], { env: settings(scene) });
  const actor = await scene.start("monitor", [program]);
  const monitor = new Monitor(actor);
  await actor.line(MESSAGE, "a reading of its clock");
  return monitor;
}

class Monitor {
  /** All that it has read. @type {import("./schedule.mjs").Reading[]} */
  readings = [];
  /** Its errors: `last` is the reading that the next one was earlier than. @type {{ last: number, at: number, text: string }[]} */
  jumps = [];

  constructor(actor) {
    this.pid = actor.pid;
    actor.onLine((line) => this.#hear(line));
  }

  #hear({ at, text }) {
    const [, message, ns] = MESSAGE.exec(text) ?? [];
    const ms = Number(ns) / 1e6;
    if (message === "system time") this.readings.push({ own: ms, at });
    if (message === "system time jump backward") this.jumps.push({ last: ms, at, text });
  }

  /** The pid of whoever traces it; "0": nobody does. */
  tracer() {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return /^TracerPid:\s*(\d+)$/m.exec(status)?.[1];
  }
}
