/** `timeskew exec` in containers that have a `date`, and in those that have nothing: did it work? */
import { readlinkSync } from "node:fs";
import { expect, type TestContext, test } from "vitest";
import { timeskew } from "../support/cli.ts";
import { bracket, difference, distance, MINUTE, SECOND } from "../support/clock.ts";
import { type Image, needDocker, startDocker } from "../support/containers/docker.ts";
import { SKEW, unique } from "../support/containers/scene.ts";
import { needTracing } from "../support/needs.ts";
import { assemble } from "../support/own.ts";
import { shared } from "../support/shared.ts";

const IMAGES: readonly Image[] = ["complete", "distroless"];
const SKEW_NS = -10n * MINUTE;

const containers = shared(
  (context: TestContext) => {
    needTracing(context);
    return needDocker(context);
  },
  (programs) =>
    assemble(async (own) => {
      const docker = own(await startDocker(programs));
      const made = [];
      for (const image of IMAGES) made.push(await docker.run(unique(image), image));
      return { docker, complete: made[0]!, distroless: made[1]! };
    }),
);

/** How far the `date` of a container is from the truth moved by `skew`, and what was said besides. */
async function dateIn(name: string, skew: bigint): Promise<{ off: bigint; stderr: string }> {
  const { value, wall } = await bracket(() => timeskew("exec", "--container", name, "--", "date", "+%s"));
  const { stdout, stderr } = value;
  expect(value, stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\n$/) });
  return { off: distance(difference(BigInt(stdout) * SECOND, SECOND, wall), skew), stderr };
}

test.for(IMAGES)("date in a container that is %s", async (image, context) => {
  const { [image]: container } = await containers(context);
  const before = await dateIn(container.name, 0n);
  expect(before).toMatchObject({ off: 0n, stderr: expect.stringMatching(/not skewed|true time/) });
  expect(await timeskew("inject", ...SKEW, "--container", container.name)).toMatchObject({ code: 0 });
  const after = await dateIn(container.name, SKEW_NS);
  expect(after.off).toBe(0n);
  // BusyBox's own date needs no word; this machine's, in place of one that is missing, does.
  expect(after.stderr.trim().split("\n").filter(Boolean)).toHaveLength(image === "complete" ? 0 : 1);
  expect(await timeskew("recover", "--container", container.name)).toMatchObject({ code: 0 });
  expect((await dateIn(container.name, 0n)).off).toBe(0n);
  expect(await container.complaints({})).toEqual([]);
});

test.for(IMAGES)(
  "the command is in the namespaces of a container that is %s, and its ending is ours",
  async (image, context) => {
    const { docker, [image]: container } = await containers(context);
    const exec = (...command: string[]) => timeskew("exec", "--container", container.name, "--", ...command);
    // This machine's command, in place of one that is missing, keeps its own files, and out of the others' sight.
    const kinds = ["ipc", "net", "uts", ...(image === "complete" ? ["mnt", "pid"] : [])];
    const pid = await docker.docker("inspect", "--format={{.State.Pid}}", container.name);
    const namespaces = kinds.map((kind) => `${readlinkSync(`/proc/${pid}/ns/${kind}`)}\n`).join("");
    const look = `for kind in ${kinds.join(" ")}; do readlink /proc/self/ns/$kind; done; exit 7`;
    expect(await exec("sh", "-c", look)).toMatchObject({ code: 7, stdout: namespaces });
    expect(await exec("hostname")).toMatchObject({ code: 0, stdout: `${container.id.slice(0, 12)}\n` });
  },
);

test("where the container has the command, it sees the container's files and processes", async (context) => {
  const { complete } = await containers(context);
  const exec = (...command: string[]) => timeskew("exec", "--container", complete.name, "--", ...command);
  expect(await exec("cat", "/proc/1/cmdline")).toMatchObject({
    stdout: expect.stringContaining("/resident\0/io"),
  });
  expect(await exec("ls", "/")).toMatchObject({ stdout: expect.stringContaining("newcomer") });
  expect(await exec("no-such-command")).toMatchObject({ code: 127 });
});
