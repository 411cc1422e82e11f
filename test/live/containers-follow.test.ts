/** `inject --follow` on a Docker container: what `docker exec` starts in it, what these start, restarts, and the end of it. */
import { expect, type TestContext, test } from "vitest";
import { start, timeskew } from "../support/cli.ts";
import { MILLISECOND, MINUTE } from "../support/clock.ts";
import { type Container, type Docker, needDocker, startDocker } from "../support/containers/docker.ts";
import { residents } from "../support/containers/residents.ts";
import { NEWCOMER, RESIDENT } from "../support/containers/rootfs.ts";
import { BACK, SKEW, unique } from "../support/containers/scene.ts";
import { needTracing } from "../support/needs.ts";
import { assemble } from "../support/own.ts";
import { shared } from "../support/shared.ts";
import { waitFor } from "../support/wait.ts";

const OFFSET = String(-10n * MINUTE);
/** A hundred times what is wanted: how late a newcomer may be on a machine with other things to do. */
const LATE = 5_000n * MILLISECOND;

const pair = shared(
  (context: TestContext) => {
    needTracing(context);
    return needDocker(context);
  },
  (programs) =>
    assemble(async (own) => {
      const docker = own(await startDocker(programs));
      return {
        docker,
        web: await docker.run(unique("web")),
        neighbour: await docker.run(unique("neighbour")),
      };
    }),
);

/** What newcomer.c says of its first moments. */
interface Arrival {
  readings: number;
  true: number;
  wrong: number;
  ns: number;
}

function arrivals(output: string): Arrival[] {
  return output.split("\n").map((line) => JSON.parse(line) as Arrival);
}

/** A follower in the foreground, when the container is skewed. */
async function follow(web: Container) {
  const follower = start(["inject", "--follow", "--container", web.name, ...SKEW]);
  await waitFor("the container to be skewed", async () => (await web.complaints(BACK)).length === 0);
  return follower;
}

/** A resident that comes later, by `docker exec`. */
async function enter(docker: Docker, web: Container, name: string) {
  await docker.docker("exec", "--detach", web.name, RESIDENT, "/io", name);
  const late = residents(web.folder, [name]);
  await late.ready();
  return late;
}

test("newcomers are skewed soon, what they start from its first moment; nobody else", async (context) => {
  const { docker, web, neighbour } = await pair(context);
  const exec = (...command: string[]) => docker.docker("exec", web.name, ...command);
  const follower = await follow(web);

  const found = [];
  for (let i = 0; i < 10; i++) found.push(...arrivals(await exec(NEWCOMER, OFFSET)));
  const atOnce = Array.from({ length: 5 }, () => exec(NEWCOMER, OFFSET));
  found.push(...(await Promise.all(atOnce)).flatMap(arrivals));
  const latest = found.reduce((most, { ns }) => Math.max(most, ns), 0);
  const first = found.filter((each) => each.true === 0).length;
  console.log(
    `docker exec: ${first} of ${found.length} skewed from the first reading, all after ${latest / 1e6} ms`,
  );
  for (const { ns, wrong } of found) {
    expect(wrong).toBe(0);
    expect(ns).toBeGreaterThanOrEqual(0);
    expect(BigInt(ns)).toBeLessThan(LATE);
  }

  const shell = `${NEWCOMER} ${OFFSET}; ${NEWCOMER} ${OFFSET} | cat; (exec sh -c '${NEWCOMER} ${OFFSET}')`;
  for (const each of arrivals(await exec("sh", "-c", shell))) {
    expect(each).toMatchObject({ readings: 1, true: 0, wrong: 0 });
  }
  const late = await enter(docker, web, "late");
  expect(await late.complaints(BACK)).toEqual([]);
  expect(await neighbour.complaints({})).toEqual([]);

  process.kill(follower.pid, "SIGINT");
  expect(await follower.done).toMatchObject({ code: 0 });
  expect([...(await web.complaints({})), ...(await late.complaints({}))]).toEqual([]);
  // Nobody follows any more, and a newcomer can tell.
  const [alone] = arrivals(await exec(NEWCOMER, OFFSET, "20"));
  expect(alone).toMatchObject({ ns: -1, true: alone!.readings });
});

test("a container that is restarted meanwhile is skewed again", async (context) => {
  const { docker, web } = await pair(context);
  const follower = await follow(web);
  await docker.docker("restart", "--time=10", web.name);
  await web.ready();
  await waitFor("the container to be skewed", async () => (await web.complaints(BACK)).length === 0);
  process.kill(follower.pid, "SIGTERM");
  expect(await follower.done).toMatchObject({ code: 0 });
  expect(await web.complaints({})).toEqual([]);
});

test("SIGKILL of the follower leaves all of them running, and skewed", async (context) => {
  const { docker, web } = await pair(context);
  const follower = await follow(web);
  const late = await enter(docker, web, "survivor");
  await waitFor("the newcomer to be skewed", async () => (await late.complaints(BACK)).length === 0);
  process.kill(follower.pid, "SIGKILL");
  expect(await follower.done).toMatchObject({ code: null });
  expect([...(await web.complaints(BACK)), ...(await late.complaints(BACK))]).toEqual([]);
  expect(await timeskew("recover", "--container", web.name)).toMatchObject({ code: 0 });
  expect([...(await web.complaints({})), ...(await late.complaints({}))]).toEqual([]);
});
