/**
 * What it takes to start a program as if a process had started it: its namespaces, its files, its ids, its rights, and its
 * environment, as /proc/PID shows them and as far as ours differ.
 */
import { closeSync, constants, openSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { TimeskewError } from "../errors.ts";
import { accessFacts, whyRefused } from "./access.ts";
import { CAP_SYS_ADMIN, hasCapability } from "./capabilities.ts";
import { parseStatus } from "./proc.ts";
import { wordsOf } from "./program.ts";

/** Descriptors and ids; undefined: ours will do. */
export interface Entrance extends Disposable {
  /** Namespaces to be joined before all others, in this order. */
  readonly first: readonly number[];
  readonly pidNamespace: number | undefined;
  readonly mountNamespace: number | undefined;
  readonly root: number | undefined;
  readonly directory: number | undefined;
  /** Joined last. */
  readonly userNamespace: number | undefined;
  /** As in its user namespace. */
  readonly ids: { readonly uid: number; readonly gid: number } | undefined;
  readonly groups: readonly number[] | undefined;
  readonly noNewPrivileges: boolean;
  /** Bit N: capability N can never be its. */
  readonly lost: bigint;
  /** NAME=VALUE, byte strings. */
  readonly env: readonly string[];
}

const O_PATH = 0o10000000;

/**
 * Opens the way to a process; what is opened belongs to the result.
 *
 * @throws TimeskewError E_NO_TARGET, E_PERMISSION
 */
export function openEntrance(pid: number): Entrance {
  const opened: number[] = [];
  const close = () => {
    for (const fd of opened) closeSync(fd);
  };
  try {
    return { ...entranceOf(pid, opened), [Symbol.dispose]: close };
  } catch (error) {
    close();
    throw explained(pid, error);
  }
}

function entranceOf(pid: number, opened: number[]): Omit<Entrance, typeof Symbol.dispose> {
  const open = (name: string, flags: number) => {
    const fd = openSync(`/proc/${pid}/${name}`, flags);
    opened.push(fd);
    return fd;
  };
  const namespace = (name: string) =>
    differs(pid, name) ? open(`ns/${name}`, constants.O_RDONLY) : undefined;
  const own = readFileSync("/proc/self/status", "latin1");
  const its = readFileSync(`/proc/${pid}/status`, "latin1");
  const user = namespace("user");
  // Who is root here keeps his rights over the other namespaces until he has them all; who is not gets some by this one.
  const userFirst =
    user !== undefined && !hasCapability(parseStatus(own).effectiveCapabilities, CAP_SYS_ADMIN);
  const others = ["time", "cgroup", "ipc", "uts", "net"].flatMap((name) => namespace(name) ?? []);
  const mountNamespace = namespace("mnt");
  const changesRoot = mountNamespace !== undefined || !isOurRoot(pid);
  return {
    first: userFirst ? [user, ...others] : others,
    pidNamespace: namespace("pid"),
    mountNamespace,
    root: changesRoot ? open("root", O_PATH) : undefined,
    directory: open("cwd", O_PATH),
    userNamespace: userFirst ? undefined : user,
    ...idsOf(pid, own, its, user !== undefined),
    noNewPrivileges: /^NoNewPrivs:\s*1$/m.test(its),
    lost: boundingSet(own) & ~boundingSet(its),
    // A program may write over its environment, to be called something else in ps.
    env: wordsOf(`/proc/${pid}/environ`).filter((word) => /^[^=]+=/.test(word)),
  };
}

function differs(pid: number, name: string): boolean {
  const own = tryReadLink(`/proc/self/ns/${name}`);
  return own !== undefined && own !== readlinkSync(`/proc/${pid}/ns/${name}`);
}

/** Undefined on a kernel that has no such namespaces. */
function tryReadLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function isOurRoot(pid: number): boolean {
  const [own, its] = [statSync("/"), statSync(`/proc/${pid}/root/`)];
  return own.dev === its.dev && own.ino === its.ino;
}

function idsOf(
  pid: number,
  own: string,
  its: string,
  isOtherNamespace: boolean,
): Pick<Entrance, "ids" | "groups"> {
  const { uid, gid } = parseStatus(its);
  const groups = groupsIn(its);
  if (uid === undefined || gid === undefined) return { ids: undefined, groups: undefined };
  if (!isOtherNamespace) {
    const { uid: ownUid, gid: ownGid } = parseStatus(own);
    const same = ownUid?.effective === uid.effective && ownGid?.effective === gid.effective;
    return {
      ids: same ? undefined : { uid: uid.effective, gid: gid.effective },
      groups: sameSet(groups, groupsIn(own)) ? undefined : groups,
    };
  }
  const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, "latin1");
  const [uids, gids] = [read("uid_map"), read("gid_map")];
  const [itsUid, itsGid] = [idInside(uids, uid.effective), idInside(gids, gid.effective)];
  const mayChange = read("setgroups").trim() !== "deny";
  return {
    // Without a mapping it has no ids that could be taken.
    ids: itsUid === undefined || itsGid === undefined ? undefined : { uid: itsUid, gid: itsGid },
    groups: mayChange ? groups.flatMap((group) => idInside(gids, group) ?? []) : undefined,
  };
}

function groupsIn(status: string): number[] {
  const [, list = ""] = /^Groups:(.*)$/m.exec(status) ?? [];
  return list.split(/\s+/).filter(Boolean).map(Number);
}

function sameSet(a: readonly number[], b: readonly number[]): boolean {
  return a.every((each) => b.includes(each)) && b.every((each) => a.includes(each));
}

/**
 * What an id of ours is in another user namespace; undefined if it is not mapped.
 *
 * @param map /proc/PID/uid_map or gid_map: lines of "inside outside count"
 */
export function idInside(map: string, id: number): number | undefined {
  for (const line of map.trim().split("\n")) {
    const [inside = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    if (id >= outside && id < outside + count) return id - outside + inside;
  }
  return undefined;
}

function boundingSet(status: string): bigint {
  const [, mask = "0"] = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  return BigInt(`0x${mask}`);
}

function explained(pid: number, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ESRCH") {
    return new TimeskewError("E_NO_TARGET", `there is no process with pid ${pid} any more`, {
      pid,
      cause: error,
    });
  }
  if (code !== "EACCES" && code !== "EPERM") return error;
  const { reason, remedy } = whyRefused(
    accessFacts(pid, parseStatus(readFileSync(`/proc/${pid}/status`, "latin1"))),
    "look",
  ) ?? { reason: "the kernel does not let us", remedy: "run timeskew with sudo" };
  return new TimeskewError("E_PERMISSION", `pid ${pid} cannot be joined: ${reason}`, {
    pid,
    hint: remedy,
    cause: error,
  });
}
