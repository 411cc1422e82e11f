/** A containerd of a test's own, spoken with as the kubelet does: pods and their containers, by its CRI plugin. */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { needPrograms } from "../needs.ts";
import { assemble } from "../own.ts";
import { Server } from "../servers/server.ts";
import { waitFor } from "../wait.ts";
import { type Call, connectCri } from "./cri.ts";
import { needContainers, type Premises, premises } from "./premises.ts";
import { NAMES, type Residents, residents } from "./residents.ts";
import { complete, needBusybox, pack, RESIDENT } from "./rootfs.ts";

const IMAGE = "docker.io/library/complete:1";

export interface PodContainer extends Residents {
  readonly id: string;
  readonly name: string;
}

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** The id of its sandbox, whose one process only holds the namespaces. */
  readonly sandbox: string;
  readonly containers: readonly PodContainer[];
}

export interface Containerd extends AsyncDisposable {
  /** The daemon, and the shims of its pods. */
  pids(): number[];
  /** Runs `ctr` on what the kubelet's runtime has. */
  ctr(...args: string[]): Promise<string>;
  /** Starts a pod, with a container for each name. */
  runPod(namespace: string, name: string, containers: readonly string[]): Promise<Pod>;
  /** Runs a command in a container, as `kubectl exec` does, and returns its output. */
  exec(container: PodContainer, ...command: string[]): Promise<string>;
  /** The daemon's own wall clock in ns, which it notes at the creation of a container. */
  wallClock(): Promise<bigint>;
}

export interface ContainerdPrograms {
  containerd: string;
  ctr: string;
  runc: string;
  busybox: string;
}

export function needContainerd(context: TestContext): ContainerdPrograms {
  needContainers(context);
  const [containerd = "", ctr = "", runc = ""] = needPrograms(
    context,
    "containerd",
    "ctr",
    "runc",
    "setpriv",
  );
  return { containerd, ctr, runc, busybox: needBusybox(context) };
}

export function startContainerd(programs: ContainerdPrograms): Promise<Containerd> {
  return assemble(async (own) => {
    const place = own(await premises("cri"));
    const socket = join(place.path, "containerd.sock");
    const configuration = join(place.path, "config.toml");
    await writeFile(configuration, configure(place.path, socket, programs.runc));
    const command = [programs.containerd, "--config", configuration];
    const server = own(await Server.start({ command, stopSignal: "SIGTERM" }));
    const ctr = async (...args: string[]) =>
      (await promisify(execFile)(programs.ctr, ["-a", socket, "-n", "k8s.io", ...args])).stdout.trim();
    const archive = await pack(await complete(await place.folder("complete"), programs.busybox), IMAGE, [
      RESIDENT,
    ]);
    await server.ready(() => ctr("version"));
    await ctr("image", "import", archive);

    const { runtime, image } = own(connectCri(socket));
    await waitFor("the image", async () => {
      const answer = await image<{ image?: object }>("ImageStatus", { image: { image: IMAGE } });
      return answer.image != null;
    });
    const pods: Made[] = [];
    own({ [Symbol.asyncDispose]: () => removePods(runtime, pods) });
    const runPod: Containerd["runPod"] = async (namespace, name, containers) => {
      const made = await makePod(runtime, place, namespace, name);
      pods.push(made);
      const starting = containers.map((each) => startContainer(runtime, place, made, each));
      return { ...made, namespace, name, containers: await Promise.all(starting) };
    };
    return {
      pids: place.runtime,
      ctr,
      runPod,
      exec: (container, ...cmd) => exec(runtime, container.id, cmd),
      wallClock: () => created(runtime, place, pods[0]!),
    };
  });
}

/** A pod as the runtime has to be told about it again and again. */
interface Made {
  readonly sandbox: string;
  readonly uid: string;
  readonly config: object;
}

/** Nothing outside its folder but the shims' sockets; a snapshotter that works on every file system; no network. */
function configure(folder: string, socket: string, runc: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `
    version = 2
    root = "${folder}/root"
    state = "${folder}/state"
    [grpc]
      address = "${socket}"
    [plugins."io.containerd.internal.v1.opt"]
      path = "${folder}/opt"
    [${cri}]
      sandbox_image = "${IMAGE}"
      restrict_oom_score_adj = true
      [${cri}.containerd]
        snapshotter = "native"
      [${cri}.containerd.runtimes.runc]
        runtime_type = "io.containerd.runc.v2"
      [${cri}.containerd.runtimes.runc.options]
        BinaryName = "${runc}"
        Root = "${folder}/runc"
      [${cri}.cni]
        bin_dir = "${folder}/cni"
        conf_dir = "${folder}/cni"`;
}

/** In the host's network, in the cgroup that the kubelet would give it. */
async function makePod(runtime: Call, place: Premises, namespace: string, name: string): Promise<Made> {
  const uid = randomUUID();
  const parent = `/kubepods/besteffort/pod${uid}`;
  place.cgroup(parent);
  const config = {
    metadata: { name, namespace, uid },
    log_directory: await place.folder("logs", uid),
    linux: {
      cgroup_parent: parent,
      security_context: { namespace_options: { network: "NODE" } },
    },
  };
  const { pod_sandbox_id: sandbox } = await runtime<{ pod_sandbox_id: string }>("RunPodSandbox", { config });
  place.remember(sandbox);
  return { sandbox, uid, config };
}

async function createContainer(runtime: Call, pod: Made, name: string, folder: string): Promise<string> {
  const { container_id } = await runtime<{ container_id: string }>("CreateContainer", {
    pod_sandbox_id: pod.sandbox,
    sandbox_config: pod.config,
    config: {
      metadata: { name },
      image: { image: IMAGE },
      command: [RESIDENT, "/io", ...NAMES],
      mounts: [{ container_path: "/io", host_path: folder }],
      log_path: `${name}.log`,
      linux: { security_context: { namespace_options: { network: "NODE", pid: "CONTAINER" } } },
    },
  });
  return container_id;
}

async function startContainer(
  runtime: Call,
  place: Premises,
  pod: Made,
  name: string,
): Promise<PodContainer> {
  const folder = await place.folder("io", pod.sandbox.slice(0, 12), name);
  const id = await createContainer(runtime, pod, name, folder);
  place.remember(id);
  await runtime("StartContainer", { container_id: id });
  const inside = residents(folder);
  await inside.ready();
  return { id, name, ...inside };
}

async function exec(runtime: Call, container_id: string, cmd: readonly string[]): Promise<string> {
  const message = { container_id, cmd, timeout: 20 };
  const answer = await runtime<{ stdout: Buffer; stderr: Buffer; exit_code: number }>("ExecSync", message);
  if (answer.exit_code) throw new Error(`${cmd.join(" ")} ended with ${answer.exit_code}: ${answer.stderr}`);
  return answer.stdout.toString().trim();
}

/** When a container was created, by the clock of containerd: one that is never started. */
async function created(runtime: Call, place: Premises, pod: Made): Promise<bigint> {
  const container_id = await createContainer(runtime, pod, "clock", place.path);
  const { status } = await runtime<{ status: { created_at: string } }>("ContainerStatus", { container_id });
  await runtime("RemoveContainer", { container_id });
  return BigInt(status.created_at);
}

/** With all their containers. */
async function removePods(runtime: Call, pods: readonly Made[]): Promise<void> {
  for (const { sandbox } of pods) {
    await runtime("StopPodSandbox", { pod_sandbox_id: sandbox });
    await runtime("RemovePodSandbox", { pod_sandbox_id: sandbox });
  }
}
