/**
 * What names targets, from text; each complaint names its flag. Whether there is such a process is not looked at. Each of
 * these throws TimeskewError E_USAGE.
 */
import { TimeskewError } from "../errors.ts";
import type { Selector } from "./select.ts";

/** PID_MAX_LIMIT of a 64-bit kernel. */
const PID_MAX = 4_194_304;

export function parsePid(text: string): number {
  const trimmed = text.trim();
  if (/^[0-9]+$/.test(trimmed)) {
    const pid = Number(trimmed);
    if (pid >= 1 && pid <= PID_MAX) return pid;
    throw refusal(`--pid ${trimmed}: no process can have this id`, `process ids go from 1 to ${PID_MAX}`);
  }
  if (trimmed === "") throw refusal("--pid: a process id is missing", "for example --pid 1234,1235");
  if (/^-[0-9]+$/.test(trimmed)) {
    throw refusal(
      `--pid ${trimmed}: a process id is never negative`,
      "process groups cannot be named; name each process: --pid 1234,1235",
    );
  }
  const hint = /^[A-Za-z][\w.-]*$/.test(trimmed)
    ? `\`pgrep -x ${trimmed}\` prints the ids of the processes with this name`
    : "a process id is a whole number, for example --pid 1234";
  throw refusal(`--pid '${trimmed}': not a process id`, hint);
}

/** `kubectl` shows ids as containerd://ID, and Docker's own API names as /NAME. */
export function parseContainer(text: string): string {
  const name = text.trim().replace(/^[a-z][a-z0-9.+-]*:\/\//, "");
  if (/^\/?[^\s/]+$/.test(name)) return name.replace(/^\//, "");
  if (name === "") throw refusal("--container: a name is missing", "for example --container web");
  const hint = name.startsWith("/")
    ? `a path goes after --cgroup: --cgroup ${name}`
    : "for example --container web, or --container 3f2a91c07d1e";
  throw refusal(`--container '${name}': not the name of a container`, hint);
}

export function parsePod(text: string): Selector {
  const [, namespace, name] = /^([^\s/]+)\/([^\s/]+)$/.exec(text.trim()) ?? [];
  if (namespace !== undefined && name !== undefined) return { kind: "pod", namespace, name };
  const hint = /^[\w.-]+$/.test(text)
    ? `for example --pod default/${text}`
    : "for example --pod default/web-0";
  throw refusal(`--pod '${text}': not a namespace and a name`, hint);
}

/** Mostly a UUID; pods that kubelet read from a file have 32 digits, others whatever their maker liked. */
export function parsePodUid(text: string): Selector {
  const uid = text.trim().toLowerCase();
  if (/^[a-z0-9][a-z0-9_-]*$/.test(uid)) return { kind: "podUid", uid };
  throw refusal(
    `--pod-uid '${text}': not a pod's uid`,
    "kubectl get pod NAME -o jsonpath={.metadata.uid} prints it",
  );
}

export function parseCgroupPath(text: string): string {
  const path = text.replace(/(?<=.)\/+$/, "");
  if (path.startsWith("/")) return path;
  throw refusal(
    `--cgroup '${text}': not a path`,
    "it begins with a slash, as in /proc/PID/cgroup, for example --cgroup /system.slice/redis.service",
  );
}

export function parseUser(text: string): string {
  const user = text.trim();
  if (/^[^\s:/-][^\s:/]*$/.test(user)) return user;
  throw refusal(`--user '${text}': not a user`, "a name or a number, for example --user www-data");
}

/** TASK_COMM_LEN, without the zero at its end. */
const COMM_BYTES = 15;

export function parseComm(text: string): string {
  if (text === "") throw refusal("--comm: a name is missing", "for example --comm redis-server");
  const bytes = Buffer.from(text);
  if (bytes.length <= COMM_BYTES) return text;
  const kept = bytes
    .subarray(0, COMM_BYTES)
    .toString()
    .replace(/\ufffd$/, "");
  throw refusal(
    `--comm '${text}': names have ${COMM_BYTES} bytes at the most, what is longer is cut off`,
    `the kernel calls it '${kept}'`,
  );
}

export function parseSkewId(text: string): string {
  const id = text.trim().toLowerCase();
  if (/^[0-9a-f]{1,16}$/.test(id)) return id;
  throw refusal(
    `--skew '${text}': not a skew's id`,
    "up to 16 hexadecimal digits, as `timeskew status --json` shows them, or the first of them",
  );
}

function refusal(message: string, hint: string): TimeskewError {
  return new TimeskewError("E_USAGE", message, { hint });
}
