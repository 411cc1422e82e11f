/**
 * A play for test/examples/scene.test.ts, which goes as the environment says: PLAY is how it ends; when READY is set, that
 * file is written as soon as the programs run.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { demonstrate } from "../../examples/support/scene.mjs";

const { PLAY, READY } = process.env;
const programs =
  PLAY === "missing" ? { "no-such-server": "a-package", "nor-this": "another", sh: "dash" } : {};
/** One that does not end when it is asked to (which costs 10 s), or does. */
const DEAF = PLAY.endsWith("is deaf") ? `process.on("SIGTERM", () => {});` : "";
const SERVER = `${DEAF} console.log("up"); setInterval(() => {}, 1000);`;

const ENDS = {
  "as claimed": () => {},
  "with a mistake": (scene) => scene.nothing.here,
  "with a failure": () => {
    throw new Error("the play has failed");
  },
  "with a false claim": (scene) => scene.claim("This is false.", false, "nothing"),
  "without a claim": (scene) => scene.claims.splice(0),
  "with a dead program": async (scene) => {
    const program = await scene.start("the dying", ["sh", "-c", "echo last words; exit 3"]);
    await program.line(/a word that never comes/, "its word");
  },
  "with a wait in vain": (scene) => scene.until("the impossible", () => false, 100),
  "with a failing command": (scene) => scene.run(["sh", "-c", "echo its words >&2; exit 4"]),
  "with a refusal": (scene) => scene.timeskew("inject", "--pid", process.pid, "--offset", "1 fortnight"),
  never: (scene) => scene.sleep(600_000),
  "never, and is deaf": (scene) => scene.sleep(600_000),
  "never, and is alone": (scene) => scene.sleep(600_000),
};

await demonstrate({ title: "A play & its <end>", programs }, async (scene) => {
  const server = await scene.start("server", [process.execPath, "-e", SERVER]);
  await server.line(/up/);
  // One with a child that it does not wait for, if it is not alone.
  const script = PLAY.endsWith("is alone")
    ? "echo $$; exec sleep 600"
    : "sleep 600 & echo $!; exec sleep 600";
  const parent = await scene.start("parent", ["sh", "-c", script]);
  const child = Number((await parent.line(/^\d+$/)).text);
  writeFileSync(join(scene.folder, "data"), "which is removed");
  scene.timeline.lane("parent").event(scene.now(), "runs");
  scene.claim(
    "The programs run.",
    [server.pid, parent.pid, child].every((pid) => existsSync(`/proc/${pid}`)),
    `${child}`,
  );
  if (READY) writeFileSync(READY, "");
  await ENDS[PLAY](scene);
});
