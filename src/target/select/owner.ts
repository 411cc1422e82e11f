/** The processes of a user, and those of a name. */
import { TimeskewError } from "../../errors.ts";
import { nearest } from "../../nearest.ts";
import { parseStatus } from "../proc.ts";
import type { Host } from "./host.ts";
import { pidsOf, runsPrograms, statOf, tryRead } from "./processes.ts";
import type { Resolved } from "./resolved.ts";

/**
 * Those that run with a user's rights now (its effective id).
 *
 * @throws TimeskewError E_NO_TARGET
 */
export async function selectUser(host: Host, user: string): Promise<Resolved> {
  const uid = await uidOf(host, user);
  const words = `user ${user}${user === `${uid}` ? "" : ` (uid ${uid})`}`;
  return {
    selected: { kind: "user", words },
    flags: ["--user", user],
    lasts: true,
    members: () => programs(host).filter((pid) => effectiveUid(host, pid) === uid),
  };
}

/** The kernel keeps so many bytes of a name. */
const COMM = 15;

/** Those whose main thread has this name now; of a longer one, what the kernel keeps of it. */
export function selectComm(host: Host, comm: string): Resolved {
  const kept = Buffer.from(comm).subarray(0, COMM).toString();
  return {
    selected: { kind: "comm", words: `processes called ${kept}` },
    flags: ["--comm", comm],
    lasts: true,
    members: () => programs(host, (command) => command === kept),
  };
}

function programs(host: Host, wanted: (command: string) => boolean = () => true): number[] {
  return pidsOf(host).filter((pid) => {
    const stat = statOf(host, pid);
    return stat !== undefined && runsPrograms(stat) && wanted(stat.command);
  });
}

function effectiveUid(host: Host, pid: number): number | undefined {
  const text = tryRead(`${host.root}/proc/${pid}/status`);
  return text === undefined ? undefined : parseStatus(text).uid?.effective;
}

async function uidOf(host: Host, user: string): Promise<number> {
  const users = (tryRead(`${host.root}/etc/passwd`) ?? "").split("\n").map((line) => line.split(":"));
  const [row] = users.filter(([name]) => name === user);
  const uid = row?.[2] ?? (/^\d{1,10}$/.test(user) ? user : await uidByNameService(user));
  if (uid !== undefined && /^\d+$/.test(uid)) return Number(uid);
  const like = nearest(
    user,
    users.map(([name = ""]) => name),
  );
  throw new TimeskewError("E_NO_TARGET", `no user is called ${user}`, {
    hint: like === undefined ? "a number will do, too: --user 1000" : `did you mean ${like}?`,
  });
}

/** Users may be kept elsewhere (LDAP, systemd-homed); libc knows. */
async function uidByNameService(user: string): Promise<string | undefined> {
  const { execFile } = await import("node:child_process");
  const line = await new Promise<string>((done) => {
    execFile("getent", ["passwd", "--", user], { timeout: 5000 }, (error, stdout) =>
      done(error ? "" : stdout),
    );
  });
  return line.split(":")[2];
}
