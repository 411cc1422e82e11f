/** Whom a command is for: what its selectors mean, and which of them it refuses. */
import { describe, expect, it } from "vitest";
import type { Engine } from "../../../src/cli/engine.ts";
import type { Selector } from "../../../src/target/select.ts";
import { fails, run, selection } from "./helpers.ts";

const INJECT = "inject --offset -10m";
const WEB = `${INJECT} --container web`;

/** What the selectors of a command line are. */
async function selectors(line: string): Promise<readonly Selector[]> {
  let seen: readonly Selector[] = [];
  const select: Engine["select"] = async (given) => {
    seen = given;
    return selection([5])();
  };
  const { code, stderr } = await run(line, { select });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return seen;
}

describe("selectors", () => {
  it.each<[string, Selector[]]>([
    ["--pid 5 --tree", [{ kind: "tree", pid: 5 }]],
    ["--container web", [{ kind: "container", name: "web" }]],
    ["--container /web", [{ kind: "container", name: "web" }]],
    ["--container docker://3f2a91c07d1e", [{ kind: "container", name: "3f2a91c07d1e" }]],
    ["--pod default/web-0", [{ kind: "pod", namespace: "default", name: "web-0" }]],
    [
      "--pod-uid 8A5C6A1B-0E3F-4A6B-9C4D-000000000001",
      [{ kind: "podUid", uid: "8a5c6a1b-0e3f-4a6b-9c4d-000000000001" }],
    ],
    ["--cgroup /system.slice/", [{ kind: "cgroup", path: "/system.slice" }]],
    ["--cgroup /", [{ kind: "cgroup", path: "/" }]],
    [
      "--user www-data --user 33",
      [
        { kind: "user", user: "www-data" },
        { kind: "user", user: "33" },
      ],
    ],
    ["--comm redis-server", [{ kind: "comm", comm: "redis-server" }]],
    [
      "--pid 7,5,7",
      [
        { kind: "pid", pid: 7 },
        { kind: "pid", pid: 5 },
      ],
    ],
    [
      "--comm a --pid 5 --container b --container b --cgroup /c",
      [
        { kind: "pid", pid: 5 },
        { kind: "container", name: "b" },
        { kind: "cgroup", path: "/c" },
        { kind: "comm", comm: "a" },
      ],
    ],
  ])("%s", async (flags, expected) => {
    for (const command of [INJECT, "recover", "status", "now", "doctor", `${INJECT} --dry-run`]) {
      expect(await selectors(`${command} ${flags}`)).toEqual(expected);
    }
  });

  it.each([
    ["--tree", "--tree is for --pid: whose tree?", "for example --pid 1234 --tree"],
    ["--container web --tree", "--tree is for --pid: whose tree?", "for example --pid 1234 --tree"],
    ["--container a/b", "--container 'a/b': not the name", "--container 3f2a91c07d1e"],
    ["--container /docker/3f2a", "--container '/docker/3f2a': not the name", "--cgroup /docker/3f2a"],
    ["--pod web-0", "--pod 'web-0': not a namespace and a name", "--pod default/web-0"],
    ["--pod a/b/c", "--pod 'a/b/c'", "--pod default/web-0"],
    ["--pod-uid a/b", "--pod-uid 'a/b': not a pod's uid", "kubectl get pod"],
    ["--cgroup system.slice", "--cgroup 'system.slice': not a path", "begins with a slash"],
    ["--user a:b", "--user 'a:b': not a user", "--user www-data"],
    ["--user -1", "--user '-1': not a user", "--user www-data"],
    ["--comm redis-sentinel-2", "--comm 'redis-sentinel-2': names have 15 bytes", "'redis-sentinel-'"],
    ["--comm redis-sentinelé", "names have 15 bytes", "'redis-sentinel'"],
    ["--container --quiet", "--container needs a value", "right after --container"],
  ])("refuses %s", async (flags, message, hint) => {
    for (const command of [INJECT, "recover", "status", "now", "doctor"]) {
      const { code, stderr, calls } = await run(`${command} ${flags}`);
      expect({ code, calls }).toEqual({ code: 2, calls: [] });
      expect(stderr).toContain(message);
      expect(stderr).toContain(hint);
    }
  });

  it.each([
    ["--all --container web", "--all and --container exclude each other"],
    ["--all --skew 3f", "--all and --skew exclude each other"],
    ["--skew 3f --pid 5 --tree", "--skew and --pid exclude each other"],
    ["--skew 3f --pod-uid a", "--skew and --pod-uid exclude each other"],
    ["--skew 3g", "--skew '3g': not a skew's id"],
    ["--skew 12345678901234567", "not a skew's id"],
  ])("recover and status refuse %s", async (flags, message) => {
    for (const command of ["recover", "status"]) {
      const { code, stderr } = await run(`${command} ${flags}`);
      expect(code).toBe(2);
      expect(stderr).toContain(message);
    }
  });

  it("what they mean is the engine's to say: its errors are the command's", async () => {
    const select = fails("E_AMBIGUOUS", "container w means several", { hint: "web, worker" });
    expect(await run(WEB, { select })).toEqual({
      calls: [],
      code: 2,
      stdout: "",
      stderr: "timeskew: container w means several\n  hint: web, worker\n",
    });
  });

  it.each([INJECT, "recover", "status", "now", "doctor"])("%s of an empty set exits 3", async (command) => {
    const { code, stderr } = await run(`${command} --container web`, { select: selection([]) });
    expect(code).toBe(3);
    expect(stderr).toContain("timeskew: container web (docker 3f2a91c07d1e): there are no processes\n");
  });
});
