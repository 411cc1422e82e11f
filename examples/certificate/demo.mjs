/**
 * A server with a certificate that ends on 2037-12-31, and clients whose clocks say that this is over, or has
 * not begun. The words are those of the programs: a Node client that runs all the time, and curl and openssl,
 * started with a wrong clock.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findProgram } from "../support/programs.mjs";
import { demonstrate } from "../support/scene.mjs";

const [CLI, SERVER, CLIENT, CLOCK32] = ["../../bin/timeskew.js", "server.mjs", "client.mjs", "clock32.c"].map(
  (name) => fileURLToPath(new URL(name, import.meta.url)),
);

const DAY = 86_400_000;
const HALF_AN_HOUR = 1_800_000;
const LAST_DAY_ENDS = Date.UTC(2038, 0, 1) - 1_000;
/** A second before 2^31 s. */
const LAST_SECOND = "2038-01-19T03:14:07Z";
/** Accepted, refused, accepted, refused. */
const CHANGES = 3;
/** ms that a busy machine may take to show what should be seen; and in which nothing is waited for in vain. */
const PATIENCE = 20_000;
const IN_VAIN = 1_000;

await demonstrate(
  {
    title: "A certificate, and what time it is",
    programs: { openssl: "openssl", curl: "curl" },
  },
  async (scene) => {
    const stage = await setUp(scene);
    scene.head("The true time");
    await trueTime(scene, stage);
    scene.head("A client on 2038-01-19");
    await tooLate(scene, stage);
    scene.head("Programs that are started on 2038-01-19");
    await startedTooLate(scene, stage);
    await in32Bits(scene, stage);
    scene.head("A client of yesterday");
    await tooEarly(scene, stage);
    scene.head("A server on 2038-01-19");
    await serverTooLate(scene, stage);
    scene.head("A minute in each second, over the end of the certificate");
    await fastOverTheEnd(scene, stage);
    scene.head("A session of before the end");
    await resumed(scene, stage);
    scene.head("Forth and back each half second");
    await strobe(scene, stage);
  },
);

// ---- the programs -----------------------------------------------------------------------------------------

async function setUp(scene) {
  const [key, certificate] = ["key.pem", "certificate.pem"].map((name) => join(scene.folder, name));
  const days = Math.floor((LAST_DAY_ENDS - scene.now()) / DAY);
  const identity = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const files = ["-keyout", key, "-out", certificate];
  await scene.run(["openssl", "req", "-x509", ...newKey, ...files, "-days", String(days), ...identity]);
  const { stdout } = await scene.run(["openssl", "x509", "-noout", "-enddate", "-in", certificate]);
  const end = Date.parse(stdout.split("=")[1]);
  scene.say(`the certificate is valid until ${new Date(end).toISOString()}`);

  const port = String(await scene.port());
  const args = [port, key, certificate];
  const server = await scene.start("server", [process.execPath, SERVER, ...args]);
  await server.line(/^ready/);
  const client = await scene.start("client", [process.execPath, CLIENT, ...args]);
  const openssl = (await scene.run(["openssl", "version"])).stdout.split(" ").slice(0, 2).join(" ");
  const versions = `Node ${process.versions.node}, ${openssl}`;
  scene.timeline.subtitle = `${versions}, ${scene.kernel}; the certificate is valid until 2037-12-31`;
  const lanes = {
    client: scene.timeline.lane("client's clock", { unit: "d" }),
    fresh: scene.timeline.lane("new connections"),
    keeping: scene.timeline.lane("a kept connection"),
    resuming: scene.timeline.lane("a resumed session"),
    started: scene.timeline.lane("started in 2038"),
    server: scene.timeline.lane("server's clock", { unit: "d" }),
  };
  const ask = asker(scene, client, lanes);
  for (const agent of ["keeping", "resuming"]) await ask(agent);
  return { server, client, ask, port, certificate, end, lanes };
}

/** Sends a request of the client's, and answers what the client says about it (client.mjs). */
function asker(scene, client, lanes) {
  return async (agent) => {
    const from = scene.now();
    const count = client.lines.length;
    client.write(`${agent}\n`);
    const isNew = (line) => line.stream === "stdout" && client.lines.indexOf(line) >= count;
    const { text, at } = await client.line((_, line) => isNew(line), "an answer");
    const answer = JSON.parse(text);
    lanes.client.offset(at, answer.after - at);
    if (answer.server) lanes.server.offset(at, answer.server.now - (from + at) / 2);
    const words = answer.error ?? "accepted";
    lanes[agent]?.event(at, words, answer.error ? "bad" : "good");
    return { ...answer, at };
  };
}

function said({ error, status, how }) {
  return error ?? `${status}, ${how} connection`;
}

/** The client's clock is at a date from now on, and goes on as the other words say. */
function setClient(scene, { client }, ...words) {
  return scene.timeskew("inject", "--pid", client.pid, ...words);
}

function recoverClient(scene, { client }) {
  return scene.timeskew("recover", "--pid", client.pid);
}

// ---- the plays --------------------------------------------------------------------------------------------

async function trueTime(scene, { ask }) {
  const answer = await ask("fresh");
  scene.claim("a client at the true time accepts the certificate", answer.status === 200, said(answer));
}

async function tooLate(scene, stage) {
  const { ask } = stage;
  await setClient(scene, stage, "--at", LAST_SECOND);
  const answer = await ask("fresh");
  scene.claim(
    "it says that the certificate has expired",
    answer.error === "certificate has expired",
    said(answer),
  );
  const kept = await ask("keeping");
  const isLate = kept.before > stage.end;
  scene.claim("a connection from before is used all the same", isLate && kept.how === "kept", said(kept));
  const further = await scene.within(scene.isSkewed ? PATIENCE : IN_VAIN, async () => {
    const { before, status } = await ask("keeping");
    return before / 1_000 >= 2 ** 31 && status === 200 && before;
  });
  const reached = further ? new Date(further).toISOString() : "never";
  scene.claim("its clock goes beyond 03:14:07, where 32 bits end", further !== undefined, reached);
  await recoverClient(scene, stage);
  const again = await ask("fresh");
  scene.claim("back at the true time it accepts the certificate", again.status === 200, said(again));
}

async function startedTooLate(scene, { port, certificate, lanes }) {
  const curl = ["curl", "-q4sS", "--noproxy", "*", "--cacert", certificate, `https://localhost:${port}/`];
  const openssl = ["openssl", "s_client", "-4", "-brief", "-verify_return_error", "-CAfile", certificate];
  for (const command of [curl, [...openssl, "-connect", `localhost:${port}`]]) {
    const { code, stdout, stderr } = await runThen(scene, command);
    const words = /certificate has expired/.exec(stderr)?.[0] ?? stdout.trim();
    lanes.started.event(
      scene.now(),
      `${command[0]}: ${code === 0 ? "accepted" : words}`,
      code === 0 ? "good" : "bad",
    );
    scene.claim(
      `${command[0]} says so, too`,
      code !== 0 && words === "certificate has expired",
      `exit code ${code}: ${words}`,
    );
  }
}

/** Starts a program at the last second, and waits for its end. */
async function runThen(scene, command) {
  const words = ["run", "--at", LAST_SECOND, "--", ...command];
  scene.say(`${scene.isSkewed ? "" : "(without skew) "}$ timeskew ${words.join(" ")}`);
  return scene.run(scene.isSkewed ? [process.execPath, CLI, ...words] : command, { allowFailure: true });
}

/** Only where programs of 32 bits can be built and run. */
async function in32Bits(scene, { lanes }) {
  const kinds = [
    { bits: 32, flags: [] },
    { bits: 64, flags: ["-D_FILE_OFFSET_BITS=64", "-D_TIME_BITS=64"] },
  ];
  const said = kinds.map(async ({ bits, flags }) => {
    const program = join(scene.folder, `clock-time${bits}`);
    if (!(await builds(scene, ["-m32", ...flags, "-o", program, CLOCK32])))
      return "no 32-bit program can be built here";
    const { stdout } = await runThen(scene, [program]);
    lanes.started.event(
      scene.now(),
      `${bits} bits: ${stdout.trim().split("\n").at(-1)}`,
      stdout.includes("-1") ? "bad" : "good",
    );
    return `a 32-bit program with a time_t of ${bits} bits: ${stdout.trim().split("\n").join(", ")}`;
  });
  for (const words of await Promise.all(said)) scene.say(words);
}

async function builds(scene, words) {
  if (findProgram("gcc") === undefined) return false;
  // Debian's headers of amd64 are enough, and need no multilib package.
  for (const further of [[], ["-I/usr/include/x86_64-linux-gnu"]]) {
    const { code } = await scene.run(["gcc", ...further, ...words], { allowFailure: true });
    if (code === 0) return true;
  }
  return false;
}

async function tooEarly(scene, stage) {
  await setClient(scene, stage, "--offset", "-1d");
  const answer = await stage.ask("fresh");
  const isRefused = answer.error === "certificate is not yet valid";
  scene.claim("it says that the certificate is not yet valid", isRefused, said(answer));
  await recoverClient(scene, stage);
}

async function serverTooLate(scene, { server, ask, end }) {
  const before = await ask("known");
  scene.claim(
    "a client with a certificate is welcome",
    before.server.client === "authorized",
    before.server.client,
  );
  await scene.timeskew("inject", "--pid", server.pid, "--at", LAST_SECOND);
  const answer = await ask("fresh");
  const { now } = answer.server;
  scene.claim(
    "the server offers what has expired by its own clock",
    answer.status === 200 && now > end,
    new Date(now).toISOString(),
  );
  const { client } = (await ask("known")).server;
  scene.claim("and finds that its client's certificate has expired", client === "CERT_HAS_EXPIRED", client);
  await scene.timeskew("recover", "--pid", server.pid);
}

async function fastOverTheEnd(scene, stage) {
  const start = new Date(stage.end - 60_000).toISOString();
  const [answers] = await Promise.all([
    untilRefused(scene, stage),
    setClient(scene, stage, "--at", start, "--rate", "60"),
  ]);
  const isRight = ({ error, before, after }) => (error ? after > stage.end : before < stage.end + 1_000);
  const { error, after } = answers.at(-1);
  scene.claim(
    "it accepts up to the last second of the certificate, and then refuses",
    error === "certificate has expired" && answers.every(isRight),
    `${answers.length} requests, the last at ${new Date(after).toISOString()}: ${said(answers.at(-1))}`,
  );
}

async function untilRefused(scene, { ask }) {
  const answers = [];
  await scene.within(scene.isSkewed ? PATIENCE : IN_VAIN, async () => {
    answers.push(await ask("fresh"));
    await scene.sleep(50);
    return answers.at(-1).error !== undefined;
  });
  return answers;
}

/** A session can be resumed for two hours, and whoever resumes it looks at no certificate. */
async function resumed(scene, stage) {
  await setClient(scene, stage, "--at", new Date(stage.end - HALF_AN_HOUR).toISOString());
  await stage.ask("resuming");
  await setClient(scene, stage, "--at", new Date(stage.end + HALF_AN_HOUR).toISOString());
  const [answer, fresh] = [await stage.ask("resuming"), await stage.ask("fresh")];
  const date = new Date(answer.before).toISOString();
  scene.claim(
    "half an hour after the end, a client that resumes a session accepts",
    answer.before > stage.end && answer.how === "resumed",
    `${said(answer)}, ${date}`,
  );
  scene.claim("while one that does not refuses", fresh.error === "certificate has expired", said(fresh));
  await recoverClient(scene, stage);
}

async function strobe(scene, stage) {
  const days = Math.ceil((stage.end - scene.now()) / DAY) + 1;
  await setClient(scene, stage, "--strobe", `${days}d`, "--period", "500ms");
  const answers = [];
  const changes = () => answers.filter(({ error }, index) => index > 0 && error !== answers[index - 1].error);
  await scene.within(scene.isSkewed ? PATIENCE : IN_VAIN, async () => {
    answers.push(await stage.ask("fresh"));
    await scene.sleep(50);
    return changes().length >= CHANGES;
  });
  const refusals = answers.filter(({ error }) => error).length;
  scene.claim(
    "a client whose clock goes forth and back refuses and accepts in turns",
    changes().length >= CHANGES,
    `${answers.length} requests, ${refusals} refused, ${changes().length} changes of mind`,
  );
}
