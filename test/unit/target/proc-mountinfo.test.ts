import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseMountinfo } from "../../../src/target/proc.ts";

test("as the kernel writes it", () => {
  const text =
    "36 35 98:0 /docker/x /sys/fs/cgroup\\040two rw,noatime shared:1 master:2 - cgroup cgroup rw,cpu,cpuacct\n" +
    "37 35 0:21 / /proc rw - proc - rw,hidepid=invisible\n";
  expect(parseMountinfo(text)).toEqual([
    { root: "/docker/x", point: "/sys/fs/cgroup two", type: "cgroup", options: ["rw", "cpu", "cpuacct"] },
    { root: "/", point: "/proc", type: "proc", options: ["rw", "hidepid=invisible"] },
  ]);
  expect(parseMountinfo("")).toEqual([]);
});

test.each(["36 35 98:0 / /x rw", "36 35 98:0 / /x rw -", "36 35 98:0 / /x rw - proc", "x"])(
  "not: %s",
  (text) => {
    expect(() => parseMountinfo(text)).toThrow(expect.objectContaining({ code: "E_INTERNAL" }));
  },
);

test("this machine's own", () => {
  const mounts = parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
  expect(mounts.find(({ point }) => point === "/proc")).toMatchObject({ type: "proc" });
});
