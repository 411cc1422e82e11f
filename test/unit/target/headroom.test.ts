/**
 * How much memory a cgroup has left, from recorded files of v1 and v2.
 */
import { describe, expect, it } from "vitest";
import { memoryHeadroom } from "../../../src/target/headroom.ts";

const MIB = 1024n * 1024n;

function headroom(files: Record<string, string>) {
  return memoryHeadroom(812, (file) => files[file]);
}

/** One cgroup of v2, all of whose memory is in use. */
function v2(cgroup: string, files: Record<string, string | bigint> = {}, mount = "/sys/fs/cgroup") {
  const all = {
    "memory.max": 64n * MIB,
    "memory.current": 64n * MIB,
    "memory.stat": "anon 5\nfile 7\n",
    ...files,
  };
  return Object.fromEntries(
    Object.entries(all).map(([name, text]) => [`${mount}${cgroup}/${name}`, `${text}\n`]),
  );
}

const IN_X = { "/proc/812/cgroup": "0::/docker/x\n" };

describe("memoryHeadroom", () => {
  it("is undefined where nothing limits it", () => {
    expect(headroom({})).toBeUndefined();
    expect(headroom(IN_X)).toBeUndefined();
    expect(headroom({ ...IN_X, ...v2("/docker/x", { "memory.max": "max" }) })).toBeUndefined();
    expect(headroom({ "/proc/812/cgroup": "0::/\n" })).toBeUndefined();
  });

  it.each(["/sys/fs/cgroup", "/sys/fs/cgroup/unified"])("v2, mounted at %s", (mount) => {
    expect(headroom({ ...IN_X, ...v2("/docker/x", {}, mount) })).toEqual({ bytes: 0n, cgroup: "/docker/x" });
  });

  it("counts as left what the kernel takes back first", () => {
    const stat = `anon 5\nfile 4096\ninactive_file ${MIB}\nactive_file ${MIB}\nslab_reclaimable 3\nslab 99\n`;
    expect(headroom({ ...IN_X, ...v2("/docker/x", { "memory.stat": stat }) })?.bytes).toBe(2n * MIB + 3n);
  });

  it("takes the scarcest of the cgroup and those above it", () => {
    const files = {
      ...IN_X,
      ...v2("/docker/x", { "memory.current": 60n * MIB }),
      ...v2("/docker", { "memory.current": 63n * MIB }),
    };
    expect(headroom(files)).toEqual({ bytes: MIB, cgroup: "/docker" });
  });

  it("may be less than nothing: the limit was lowered", () => {
    const files = { ...IN_X, ...v2("/docker/x", { "memory.current": 65n * MIB }) };
    expect(headroom(files)?.bytes).toBe(-MIB);
  });

  it.each([
    ["as much as is free", {}, 2048n],
    ["as far as the cgroup may use it", { "memory.swap.max": 4096n, "memory.swap.current": 3072n }, 1024n],
    ["which is forbidden", { "memory.swap.max": 0n, "memory.swap.current": 0n }, 0n],
    ["without a limit", { "memory.swap.max": "max" }, 2048n],
  ])("with swap: %s", (_, files, bytes) => {
    const meminfo = { "/proc/meminfo": "MemTotal: 5 kB\nSwapTotal:  4 kB\nSwapFree:          2 kB\n" };
    expect(headroom({ ...IN_X, ...meminfo, ...v2("/docker/x", files) })?.bytes).toBe(bytes);
  });

  it("v1, which says where nothing limits by a number", () => {
    const folder = "/sys/fs/cgroup/memory/docker/x";
    const files = {
      "/proc/812/cgroup": "8:pids:/\n4:memory:/docker/x\n0::/\n",
      [`${folder}/memory.limit_in_bytes`]: "16777216\n",
      [`${folder}/memory.usage_in_bytes`]: "16773120\n",
      [`${folder}/memory.stat`]:
        "inactive_file 1\nactive_file 1\ntotal_inactive_file 8192\ntotal_active_file 4096\n",
      "/sys/fs/cgroup/memory/docker/memory.limit_in_bytes": "9223372036854771712\n",
      "/sys/fs/cgroup/memory/docker/memory.usage_in_bytes": "16773120\n",
    };
    expect(headroom(files)).toEqual({ bytes: 4096n * 4n, cgroup: "/docker/x" });
  });
});
