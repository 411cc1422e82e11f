/** What the roots of the other tests here are: a tool that needs more than it says must not find it there. */
import { existsSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { build } from "../support/build.ts";
import { ended } from "../support/programs.ts";
import { GLIBC } from "../support/recipes.ts";
import { bareDebian, glibcOnly, needBareDebian, needRoots } from "../support/roots.ts";

test("glibc only: a dynamic program starts there, and there is nothing but libraries of glibc", async (context) => {
  needRoots(context);
  const victim = await build(GLIBC);
  await using root = await glibcOnly({ files: { "/victim": victim } });
  expect(readdirSync(root.path).sort()).toEqual(["dev", "lib", "lib64", "proc", "tmp", "victim"]);
  const all = readdirSync(root.path, { recursive: true }) as string[];
  expect(all.filter((name) => /libstdc|libgcc|ld\.so\.cache|bin\//.test(name))).toEqual([]);
  const { code, stdout } = await ended([...root.inside(), "/victim"], { input: "read\n" });
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("CLOCK_REALTIME") });
});

test("read-only: nothing can be written anywhere, and what is mounted is not seen outside", async (context) => {
  await needBareDebian(context);
  await using root = await bareDebian([], { readOnly: true });
  const script =
    "for f in /x /tmp/x /dev/shm/x /dev/x; do if 2>/dev/null >$f; then echo $f; fi; done; ls /proc/self";
  const { stdout } = await ended([...root.inside(), "sh", "-c", script]);
  expect(stdout).toContain("cmdline");
  expect(stdout).not.toContain("/x");
  expect(existsSync(root.outside("/proc/self"))).toBe(false);
});

test("a bare Debian has neither Node nor a compiler, and runs programs as another user", async (context) => {
  await needBareDebian(context);
  await using root = await bareDebian();
  const script = "command -v node nodejs cc gcc npm; id -u; cat /etc/debian_version";
  const { stdout } = await ended([...root.inside({ uid: 65_534 }), "sh", "-c", script]);
  expect(stdout).toMatch(/^65534\n12\./);
});
