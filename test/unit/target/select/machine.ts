/** A machine in a temporary folder: processes in /proc, cgroups, files, and daemons that listen on unix sockets. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSocket, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Host } from "../../../../src/target/select/host.ts";
import { type Selector, select } from "../../../../src/target/select.ts";

export interface Made {
  readonly pid: number;
  readonly ppid?: number;
  readonly command?: string;
  readonly state?: string;
  readonly threads?: number;
  readonly kernel?: boolean;
  readonly uid?: number;
  readonly start?: number;
  /** The whole file, or a path that is the same in each hierarchy that is mounted. */
  readonly cgroup?: string;
  readonly arguments?: readonly string[];
  readonly cwd?: string;
  /** The first of a pid namespace of its own, which gets this number. */
  readonly namespace?: number;
  /** In somebody's pid namespace, of this number, but not its first. */
  readonly inNamespace?: number;
}

export type Version = "v1" | "v2" | "hybrid" | "none";

const V1 = ["memory", "pids"];
/** Larger than any pid may be: nobody's. */
export const SELF = 9_000_000;

export class Machine implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), "timeskew-machine-"));
  private readonly servers: Server[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly version: Version;
  readonly env: Record<string, string> = {};
  uid = 0;

  constructor(version: Version = "v2") {
    this.version = version;
    this.file("/proc/self/mountinfo", this.mounts());
    this.add({ pid: 1, command: "init", cgroup: "/init.scope" });
    this.add({ pid: SELF, ppid: 1, command: "timeskew", cgroup: "/user.slice" });
  }

  /** Makes a process, or changes one. */
  add(made: Made): void {
    const { pid, ppid = 1, command = "program", state = "S", threads = 1, kernel = false, uid = 0 } = made;
    const proc = `/proc/${pid}`;
    const flags = kernel ? 0x20_0000 : 0;
    const zeros = "0 ".repeat(10);
    // Fields 9 (flags), 14 and 15 (times), 20 (threads), 22 (start).
    this.file(
      `${proc}/stat`,
      `${pid} (${command}) ${state} ${ppid} 1 1 0 -1 ${flags} ${zeros}${threads} 0 ${made.start ?? pid} 0 0\n`,
    );
    const nsPid = made.namespace !== undefined ? "\t1" : made.inNamespace !== undefined ? "\t7" : "";
    this.file(
      `${proc}/status`,
      `Name:\t${command}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nNSpid:\t${pid}${nsPid}\n`,
    );
    this.file(`${proc}/cmdline`, (made.arguments ?? [command]).map((word) => `${word}\0`).join(""));
    this.link(`${proc}/ns/pid`, `pid:[${made.namespace ?? made.inNamespace ?? 4026531836}]`);
    this.link(`${proc}/ns/mnt`, "mnt:[4026531841]");
    if (made.cwd !== undefined) this.link(`${proc}/cwd`, join(this.root, made.cwd));
    const cgroup = made.cgroup ?? "/";
    this.file(`${proc}/cgroup`, cgroup.startsWith("/") ? this.lines(cgroup) : cgroup);
  }

  end(pid: number): void {
    this.remove(`/proc/${pid}`);
  }

  /** A cgroup's directory, in each hierarchy that is mounted, with these in it. */
  cgroup(path: string, pids: readonly number[]): void {
    for (const mount of this.folders())
      this.file(`${mount}${path}/cgroup.procs`, pids.map((pid) => `${pid}\n`).join(""));
  }

  removeCgroup(path: string): void {
    for (const mount of this.folders()) this.remove(`${mount}${path}`);
  }

  /** What each process's children are, as a kernel with CONFIG_PROC_CHILDREN tells it. */
  children(of: Readonly<Record<number, readonly number[]>>): void {
    this.file(`/proc/${SELF}/task/${SELF}/children`, "");
    for (const [pid, children] of Object.entries(of))
      this.file(`/proc/${pid}/task/${pid}/children`, children.join(" "));
  }

  file(path: string, text: string): void {
    const full = join(this.root, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
  }

  json(path: string, value: unknown): void {
    this.file(path, JSON.stringify(value));
  }

  link(path: string, target: string): void {
    const full = join(this.root, path);
    mkdirSync(dirname(full), { recursive: true });
    rmSync(full, { force: true });
    symlinkSync(target, full);
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { recursive: true, force: true });
  }

  /** A daemon with an HTTP API. */
  async listen(path: string, answer: RequestListener): Promise<void> {
    await this.start(path, createServer(answer));
  }

  /** A daemon that takes connections and says nothing. */
  async silent(path: string): Promise<void> {
    await this.start(path, createSocket());
  }

  /** A daemon that knows these containers. */
  async docker(path: string, containers: unknown): Promise<void> {
    await this.listen(path, (request, response) => {
      response.statusCode = request.url === "/containers/json?all=true" ? 200 : 404;
      response.end(JSON.stringify(containers));
    });
  }

  get host(): Host {
    return { root: this.root, env: this.env, uid: this.uid, self: SELF };
  }

  async select(...selectors: Selector[]) {
    return await select(selectors, this.host);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(this.servers.map((server) => new Promise((done) => server.close(done))));
    rmSync(this.root, { recursive: true, force: true });
  }

  private async start(path: string, server: Server): Promise<void> {
    const full = join(this.root, path);
    mkdirSync(dirname(full), { recursive: true });
    this.servers.push(server);
    server.on("connection", (socket) => this.sockets.add(socket));
    await new Promise<void>((done) => server.listen(full, done));
  }

  private lines(path: string): string {
    const v1 = V1.map((controller, at) => `${at + 1}:${controller}:${path}\n`).join("");
    return this.version === "v1" ? v1 : this.version === "hybrid" ? `${v1}0::${path}\n` : `0::${path}\n`;
  }

  private folders(): string[] {
    const v1 = V1.map((controller) => `/sys/fs/cgroup/${controller}`);
    if (this.version === "none") return [];
    return this.version === "v1"
      ? v1
      : this.version === "hybrid"
        ? [...v1, "/sys/fs/cgroup/unified"]
        : ["/sys/fs/cgroup"];
  }

  private mounts(): string {
    const lines = this.folders().map((folder, at) => {
      const controller = folder.split("/").at(-1)!;
      const type = V1.includes(controller) ? `cgroup cgroup rw,${controller}` : "cgroup2 cgroup2 rw";
      return `${30 + at} 24 0:${25 + at} / ${folder} rw,nosuid shared:${at} - ${type}\n`;
    });
    return `22 1 0:20 / /proc rw - proc proc rw\n${lines.join("")}`;
  }
}
