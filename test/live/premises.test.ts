/** Whom a runtime's premises take for its own when they are disposed of, and whom not. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { needContainers, type Premises, premises } from "../support/containers/premises.ts";
import { needBusybox } from "../support/containers/rootfs.ts";
import { needPrograms } from "../support/needs.ts";
import { Server } from "../support/servers/server.ts";
import { waitFor } from "../support/wait.ts";

const PATIENCE_MS = 1_000;

/** Starts `sleep` in mounts of its own, once a command there has changed them. */
async function sleeper(change: string, sleep: string): Promise<Server> {
  const command = ["unshare", "--mount", "sh", "-ec", `${change}; exec ${sleep} infinity`];
  const server = await Server.start({ command, stopSignal: "SIGTERM" });
  await waitFor("the sleeper", () => argumentsOf(server.pid) === `${sleep} infinity`); // no shell any more
  return server;
}

const argumentsOf = (pid: number) =>
  readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim();

/** Mounts something in a folder of the premises, and unmounts it when the sleeper has a copy of that. */
async function withMount(place: Premises, work: () => Promise<Server>): Promise<Server> {
  const folder = await place.folder("mount");
  expect(spawnSync("mount", ["-t", "tmpfs", "tmpfs", folder]).status).toBe(0);
  try {
    const server = await work();
    expect(readFileSync(`/proc/${server.pid}/mountinfo`, "utf8")).toContain(folder);
    return server;
  } finally {
    expect(spawnSync("umount", [folder]).status).toBe(0);
  }
}

function need(context: TestContext): string {
  needContainers(context);
  needPrograms(context, "setpriv", "unshare");
  return needBusybox(context);
}

test("somebody whose mounts are copies of ours is left alone", async (context) => {
  need(context);
  const place = await premises("premises", PATIENCE_MS);
  await using other = await withMount(place, () => sleeper("true", "sleep"));
  await place[Symbol.asyncDispose]();
  expect(argumentsOf(other.pid)).toBe("sleep infinity");
});

test("somebody whose root is in there is named, and ended", async (context) => {
  const busybox = need(context);
  const place = await premises("premises", PATIENCE_MS);
  const root = await place.folder("root");
  await place.folder("root", "old");
  await copyFile(busybox, join(root, "busybox"));
  const change = `mount --bind ${root} ${root}; cd ${root}; pivot_root . old; /busybox umount -l /old`;
  await using left = await sleeper(change, "/busybox sleep");
  await expect(place[Symbol.asyncDispose]()).rejects.toThrow(`process ${left.pid} (/busybox sleep infinity)`);
});
