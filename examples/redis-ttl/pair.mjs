/** A Redis server and its replica, in memory only; each told about by its own TIME in the timeline. */

/** A primary and a replica that follows it. */
export async function startPair(scene) {
  const primary = await startServer(scene, "primary");
  const replica = await startServer(scene, "replica", ["--replicaof", "127.0.0.1", primary.port]);
  const { stdout } = await scene.run(["redis-server", "--version"]);
  const version = /v=(\S+)/.exec(stdout)?.[1];
  scene.timeline.subtitle = `Redis ${version}, ${scene.kernel}; each server's own TIME against the true time`;
  await scene.until("a replica that is in step", async () => {
    return (await replica.ask("INFO replication")).some((line) => line.startsWith("master_link_status:up"));
  });
  return [primary, replica];
}

/** A server, what it answers (`ask`, a line per element of an answer), and its clock in the timeline. */
async function startServer(scene, name, further = []) {
  const port = String(await scene.port());
  const address = ["--port", port, "--bind", "127.0.0.1"];
  const memoryOnly = ["--save", "", "--repl-diskless-sync-delay", "0", "--repl-diskless-load", "swapdb"];
  const { pid } = await scene.start(name, ["redis-server", ...address, ...memoryOnly, ...further]);
  const client = ["redis-cli", "-h", "127.0.0.1", "-p", port];
  const ask = async (...commands) => {
    const { stdout } = await scene.run(client, { input: commands.map((line) => `${line}\n`).join("") });
    if (/^(ERR|READONLY|LOADING|NOAUTH)/m.test(stdout)) throw new Error(`${name}: ${commands}: ${stdout}`);
    return stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => line.trimEnd());
  };
  await scene.until(`an answer of the ${name}`, async () => (await ask("PING"))[0] === "PONG");
  await follow(scene, name, client);
  return { pid, port, client, ask };
}

/** Notes its clock ten times a second. */
async function follow(scene, name, client) {
  const lane = scene.timeline.lane(name, { unit: "s" });
  const watch = await scene.start(`the watch on the ${name}`, [...client, "-r", "-1", "-i", "0.1", "TIME"]);
  let seconds;
  watch.onLine(({ at, text }) => {
    if (seconds === undefined) {
      seconds = Number(text);
      return;
    }
    lane.offset(at, seconds * 1000 + Number(text) / 1000 - at);
    seconds = undefined;
  });
}
